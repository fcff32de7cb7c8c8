//! The ways to bring a new key under a running client.

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

pub(crate) struct Way {
    pub(crate) title: &'static str,
    pub(crate) is_ours: bool,
    pub(crate) rotates: bool,
    pub(crate) start: fn(Cloud, AccessKey) -> Started,
}

pub(crate) type Started = Pin<Box<dyn Future<Output = Arc<dyn Uploader>>>>;

/// Where the uploads get their client from, and what a rotation does to it.
pub(crate) trait Uploader: Send + Sync {
    /// The client for one upload.
    fn client(&self) -> Client;

    /// The secret has this key now.
    fn rotated(&self, key: &AccessKey);

    /// When the key before the newest may be deleted.
    fn retire(&self) -> Retire {
        Retire::AtOnce
    }
}

pub(crate) enum Retire {
    /// As soon as the client has been told of the new one.
    AtOnce,
    /// When the refreshable says that the new one is live.
    WhenSwapped(broadcast::Receiver<RefreshEvent>),
    /// When the refreshable says that nobody uses the old one.
    WhenDrained(broadcast::Receiver<RefreshEvent>),
}

pub(crate) const ALL: [Way; 7] = [
    Way {
        title: "no rotation (plain SDK client)",
        is_ours: false,
        rotates: false,
        start: |cloud, key| start(async move { Provider::new(&cloud, &key) }),
    },
    Way {
        title: "credswap, old key deleted when drained",
        is_ours: true,
        rotates: true,
        start: |cloud, _| start(async move { Credswap::new(cloud, false).await }),
    },
    Way {
        title: "credswap, old key deleted at the swap",
        is_ours: true,
        rotates: true,
        start: |cloud, _| start(async move { Credswap::new(cloud, true).await }),
    },
    Way {
        title: "client rebuilt in place, own pool",
        is_ours: false,
        rotates: true,
        start: |cloud, key| {
            start(async move { Rebuilt(RwLock::new(client(&cloud, pool(), &key)), cloud) })
        },
    },
    Way {
        title: "`ArcSwap<Client>`, own pool",
        is_ours: false,
        rotates: true,
        start: |cloud, key| start(async move { Swapped::new(cloud, None, &key) }),
    },
    Way {
        title: "`ArcSwap<Client>`, shared pool",
        is_ours: false,
        rotates: true,
        start: |cloud, key| start(async move { Swapped::new(cloud, Some(pool()), &key) }),
    },
    Way {
        title: "provider behind the SDK's default cache",
        is_ours: false,
        rotates: true,
        start: |cloud, key| start(async move { Provider::new(&cloud, &key) }),
    },
];

fn start<U: Uploader + 'static>(made: impl Future<Output = U> + 'static) -> Started {
    Box::pin(async move { Arc::new(made.await) as _ })
}

fn client(cloud: &Cloud, http: SharedHttpClient, key: &AccessKey) -> Client {
    Client::from_conf(
        s3(cloud, http)
            .credentials_provider(key.credentials())
            .build(),
    )
}

// --- credswap ---------------------------------------------------------------------------------------------------------

struct Credswap {
    s3: Client,
    keys: Refreshable<LiveKey>,
    tell: mpsc::UnboundedSender<()>,
    at_the_swap: bool,
}

impl Credswap {
    async fn new(cloud: Cloud, at_the_swap: bool) -> Self {
        let (tell, mut told) = mpsc::unbounded_channel();
        let source = {
            let cloud = cloud.clone();
            move || {
                let SecretContent::Text(content) = cloud.current_secret(SECRET) else {
                    panic!("a rotation writes text")
                };
                let version = cloud.staged(SECRET, "AWSCURRENT").expect("there is one");
                async move { Ok::<_, Error>(Secret::new(content, version)) }
            }
        };
        let keys = Refreshable::builder(
            source,
            aws::AccessKeyConnector::checked_by(aws::check::NoCheck),
        )
        .trigger(move |requester: RefreshRequester| async move {
            while told.recv().await.is_some() {
                requester.request(Reason::Event);
            }
        })
        .start()
        .await
        .expect("the first key is good");
        let config = credswap::configure!(keys, s3(&cloud, pool()));
        Self {
            s3: Client::from_conf(config.build()),
            keys,
            tell,
            at_the_swap,
        }
    }
}

impl Uploader for Credswap {
    fn client(&self) -> Client {
        self.s3.clone()
    }

    fn rotated(&self, _: &AccessKey) {
        self.tell.send(()).expect("the trigger listens");
    }

    fn retire(&self) -> Retire {
        match self.at_the_swap {
            true => Retire::WhenSwapped(self.keys.events()),
            false => Retire::WhenDrained(self.keys.events()),
        }
    }
}

// --- what one would write without it ----------------------------------------------------------------------------------

struct Rebuilt(RwLock<Client>, Cloud);

impl Uploader for Rebuilt {
    fn client(&self) -> Client {
        self.0.read().expect("no writer panics").clone()
    }

    fn rotated(&self, key: &AccessKey) {
        let mut place = self.0.write().expect("no writer panics");
        *place = client(&self.1, pool(), key);
    }
}

struct Swapped {
    client: ArcSwap<Client>,
    cloud: Cloud,
    shared: Option<SharedHttpClient>,
}

impl Swapped {
    fn new(cloud: Cloud, shared: Option<SharedHttpClient>, key: &AccessKey) -> Self {
        let http = shared.clone().unwrap_or_else(pool);
        Self {
            client: ArcSwap::from_pointee(client(&cloud, http, key)),
            cloud,
            shared,
        }
    }
}

impl Uploader for Swapped {
    fn client(&self) -> Client {
        Client::clone(&self.client.load())
    }

    fn rotated(&self, key: &AccessKey) {
        let http = self.shared.clone().unwrap_or_else(pool);
        self.client.store(Arc::new(client(&self.cloud, http, key)));
    }
}

struct Provider {
    s3: Client,
    newest: Arc<ArcSwap<Credentials>>,
}

impl Provider {
    fn new(cloud: &Cloud, key: &AccessKey) -> Self {
        let newest = Arc::new(ArcSwap::from_pointee(key.credentials()));
        let config = s3(cloud, pool()).credentials_provider(Newest(Arc::clone(&newest)));
        Self {
            s3: Client::from_conf(config.build()),
            newest,
        }
    }
}

impl Uploader for Provider {
    fn client(&self) -> Client {
        self.s3.clone()
    }

    fn rotated(&self, key: &AccessKey) {
        self.newest.store(Arc::new(key.credentials()));
    }
}

#[derive(Debug)]
struct Newest(Arc<ArcSwap<Credentials>>);

impl ProvideCredentials for Newest {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let newest = Credentials::clone(&self.0.load());
        future::ProvideCredentials::ready(provider::Result::Ok(newest))
    }
}
