//! The strategies to give a running client a new key.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, RwLock};

use arc_swap::ArcSwap;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_s3::Client;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use credswap::aws::{self, LiveKey};
use credswap::refresh::RefreshEvent;
use credswap::trigger::{Reason, RefreshRequester};
use credswap::{Error, Refreshable, Secret};
use credswap_testkit::{AccessKey, Cloud, SecretContent};
use tokio::sync::{broadcast, mpsc};

use crate::common::cloud::{SECRET, pool, s3};

/// A strategy, and how to start it.
pub(crate) struct Strategy {
    pub(crate) title: &'static str,
    pub(crate) is_ours: bool,
    /// Whether requests may fail whose body can be read only once.
    pub(crate) forgives_once: bool,
    pub(crate) rotates: bool,
    pub(crate) start: fn(Cloud, AccessKey) -> Started,
}

pub(crate) type Started = Pin<Box<dyn Future<Output = Arc<dyn Uploader>>>>;

/// Provides the client of the uploads, and follows rotations.
pub(crate) trait Uploader: Send + Sync {
    /// Returns the client for one upload.
    fn client(&self) -> Client;

    /// Called when the secret has a new key.
    fn rotated(&self, key: &AccessKey);

    /// Returns when the key before the newest may be deleted.
    fn retire(&self) -> Retire {
        Retire::AtOnce
    }
}

/// When an old key is deleted.
pub(crate) enum Retire {
    /// As soon as the secret has the new one.
    AtOnce,
    /// When the refreshable reports that the new one is live.
    WhenSwapped(broadcast::Receiver<RefreshEvent>),
    /// When the refreshable reports that the old one is drained.
    WhenDrained(broadcast::Receiver<RefreshEvent>),
}

pub(crate) const ALL: [Strategy; 8] = [
    Strategy {
        title: "plain SDK client, its key never rotates",
        is_ours: false,
        forgives_once: false,
        rotates: true,
        start: |cloud, _| start(async move { FixedKey::new(&cloud) }),
    },
    Strategy {
        title: "the same, no rotation at all",
        is_ours: false,
        forgives_once: false,
        rotates: false,
        start: |cloud, _| start(async move { FixedKey::new(&cloud) }),
    },
    Strategy {
        title: "credswap, old key deleted when drained",
        is_ours: true,
        forgives_once: false,
        rotates: true,
        start: |cloud, _| start(async move { Credswap::new(cloud, Delete::WhenDrained).await }),
    },
    Strategy {
        title: "credswap, old key deleted at the swap",
        is_ours: true,
        forgives_once: true,
        rotates: true,
        start: |cloud, _| start(async move { Credswap::new(cloud, Delete::AtTheSwap).await }),
    },
    Strategy {
        title: "client rebuilt in place, own pool",
        is_ours: false,
        forgives_once: false,
        rotates: true,
        start: |cloud, key| start(async move { RebuiltClient::new(cloud, &key) }),
    },
    Strategy {
        title: "`ArcSwap<Client>`, own pool",
        is_ours: false,
        forgives_once: false,
        rotates: true,
        start: |cloud, key| start(async move { SwappedClient::new(cloud, None, &key) }),
    },
    Strategy {
        title: "`ArcSwap<Client>`, shared pool",
        is_ours: false,
        forgives_once: false,
        rotates: true,
        start: |cloud, key| start(async move { SwappedClient::new(cloud, Some(pool()), &key) }),
    },
    Strategy {
        title: "provider behind the SDK's default cache",
        is_ours: false,
        forgives_once: false,
        rotates: true,
        start: |cloud, key| start(async move { NewestKey::new(&cloud, &key) }),
    },
];

fn start<U: Uploader + 'static>(uploader: impl Future<Output = U> + 'static) -> Started {
    Box::pin(async move { Arc::new(uploader.await) as _ })
}

fn client(cloud: &Cloud, http: SharedHttpClient, key: &AccessKey) -> Client {
    Client::from_conf(
        s3(cloud, http)
            .credentials_provider(key.credentials())
            .build(),
    )
}

// --- credswap ---------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Delete {
    WhenDrained,
    AtTheSwap,
}

struct Credswap {
    s3: Client,
    keys: Refreshable<LiveKey>,
    rotations: mpsc::UnboundedSender<()>,
    delete: Delete,
}

impl Credswap {
    async fn new(cloud: Cloud, delete: Delete) -> Self {
        let (rotations, mut rotated) = mpsc::unbounded_channel();
        let source = {
            let cloud = cloud.clone();
            move || {
                let SecretContent::Text(content) = cloud.current_secret(SECRET) else {
                    panic!("the secret is not text")
                };
                let version = cloud
                    .staged(SECRET, "AWSCURRENT")
                    .expect("the secret has a current version");
                async move { Ok::<_, Error>(Secret::new(content, version)) }
            }
        };
        let keys = Refreshable::builder(
            source,
            aws::AccessKeyConnector::checked_by(aws::check::NoCheck),
        )
        .trigger(move |requester: RefreshRequester| async move {
            while rotated.recv().await.is_some() {
                requester.request(Reason::Event);
            }
        })
        .start()
        .await
        .expect("the first key is valid");
        let config = credswap::configure!(keys, s3(&cloud, pool()));
        Self {
            s3: Client::from_conf(config.build()),
            keys,
            rotations,
            delete,
        }
    }
}

impl Uploader for Credswap {
    fn client(&self) -> Client {
        self.s3.clone()
    }

    fn rotated(&self, _: &AccessKey) {
        self.rotations.send(()).expect("the trigger listens");
    }

    fn retire(&self) -> Retire {
        match self.delete {
            Delete::AtTheSwap => Retire::WhenSwapped(self.keys.events()),
            Delete::WhenDrained => Retire::WhenDrained(self.keys.events()),
        }
    }
}

// --- what a service would use without it ------------------------------------------------------------------------------

struct RebuiltClient {
    client: RwLock<Client>,
    cloud: Cloud,
}

impl RebuiltClient {
    fn new(cloud: Cloud, key: &AccessKey) -> Self {
        let client = RwLock::new(client(&cloud, pool(), key));
        Self { client, cloud }
    }
}

impl Uploader for RebuiltClient {
    fn client(&self) -> Client {
        self.client.read().expect("no writer panics").clone()
    }

    fn rotated(&self, key: &AccessKey) {
        let mut current = self.client.write().expect("no writer panics");
        *current = client(&self.cloud, pool(), key);
    }
}

struct SwappedClient {
    client: ArcSwap<Client>,
    cloud: Cloud,
    /// `None`: each client has a pool of its own.
    shared_pool: Option<SharedHttpClient>,
}

impl SwappedClient {
    fn new(cloud: Cloud, shared_pool: Option<SharedHttpClient>, key: &AccessKey) -> Self {
        let http = shared_pool.clone().unwrap_or_else(pool);
        Self {
            client: ArcSwap::from_pointee(client(&cloud, http, key)),
            cloud,
            shared_pool,
        }
    }
}

impl Uploader for SwappedClient {
    fn client(&self) -> Client {
        Client::clone(&self.client.load())
    }

    fn rotated(&self, key: &AccessKey) {
        let http = self.shared_pool.clone().unwrap_or_else(pool);
        self.client.store(Arc::new(client(&self.cloud, http, key)));
    }
}

/// A plain client whose key is not the secret's.
struct FixedKey(Client);

impl FixedKey {
    fn new(cloud: &Cloud) -> Self {
        const USER: &str = "another user";
        cloud.create_user(USER);
        Self(client(cloud, pool(), &cloud.create_access_key(USER)))
    }
}

impl Uploader for FixedKey {
    fn client(&self) -> Client {
        self.0.clone()
    }

    fn rotated(&self, _: &AccessKey) {}
}

struct NewestKey {
    s3: Client,
    newest: Arc<ArcSwap<Credentials>>,
}

impl NewestKey {
    fn new(cloud: &Cloud, key: &AccessKey) -> Self {
        let newest = Arc::new(ArcSwap::from_pointee(key.credentials()));
        let config = s3(cloud, pool()).credentials_provider(NewestProvider(Arc::clone(&newest)));
        Self {
            s3: Client::from_conf(config.build()),
            newest,
        }
    }
}

impl Uploader for NewestKey {
    fn client(&self) -> Client {
        self.s3.clone()
    }

    fn rotated(&self, key: &AccessKey) {
        self.newest.store(Arc::new(key.credentials()));
    }
}

#[derive(Debug)]
struct NewestProvider(Arc<ArcSwap<Credentials>>);

impl ProvideCredentials for NewestProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let newest = Credentials::clone(&self.0.load());
        future::ProvideCredentials::ready(provider::Result::Ok(newest))
    }
}
