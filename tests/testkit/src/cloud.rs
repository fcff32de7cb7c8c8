//! The cloud: one state, and the two listeners that serve it.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use aws_credential_types::Credentials;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::access_key::{self, AccessKey};
use crate::calls::CallLog;
use crate::faults::Hook;
use crate::http::{Connections, serve};
use crate::keys::Keys;
use crate::scheduled_faults::ScheduledFaults;
use crate::secrets::Secrets;
use crate::{api, s3};

/// The region of everything. A request signed for another region is verified for that one.
const REGION: &str = "us-east-1";
/// More than one, so that a request that computes a checksum does not delay the others.
const THREADS: usize = 2;

/// S3, IAM, STS and Secrets Manager in the process.
///
/// Clones are handles of the same cloud; the servers stop when the last one is dropped. They run on their own threads, so
/// that a test may pause its Tokio clock or block, and one cloud can serve several runtimes.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

impl Cloud {
    /// Starts the servers on ports that the system chooses.
    ///
    /// # Panics
    ///
    /// If 127.0.0.1 cannot be listened on, or no temporary directory can be created.
    pub async fn start() -> Self {
        let files =
            TempDir::with_prefix("credswap-s3-").expect("a temporary directory for the objects");
        let root = access_key::generate("root");
        let shared = Arc::new(Shared::new(&root));
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("cloud")
            .enable_all()
            .build()
            .expect("threads for the servers");
        let in_runtime = runtime.enter();
        let (s3_listener, s3_address) = listen();
        let (api_listener, api_address) = listen();
        drop(in_runtime);
        let s3_connections = Arc::new(Connections::default());
        let s3 = s3::service(shared.clone(), files.path());
        runtime.spawn(serve(s3_listener, s3_connections.clone(), s3));
        let api_connections = Arc::new(Connections::default());
        runtime.spawn(serve(
            api_listener,
            api_connections.clone(),
            api::service(shared.clone()),
        ));

        let inner = Inner {
            shared,
            root,
            files,
            s3_address,
            s3_connections,
            api_address,
            api_connections,
            runtime: Some(runtime),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Returns the endpoint of IAM, STS and Secrets Manager.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.inner.api_address)
    }

    /// Returns the endpoint of S3. Its bucket addresses are path-style, which the SDKs select for IP addresses.
    pub fn s3_endpoint_url(&self) -> String {
        format!("http://{}", self.inner.s3_address)
    }

    /// Returns the region to configure.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// Returns the credentials of the account's root user, random for each cloud.
    pub fn root(&self) -> Credentials {
        self.inner.root.credentials()
    }

    /// Returns how many TCP connections all servers have accepted, including closed ones.
    pub fn connections_opened(&self) -> usize {
        self.s3_connections_opened() + self.inner.api_connections.times().len()
    }

    /// Returns how many TCP connections S3 has accepted, including closed ones.
    pub fn s3_connections_opened(&self) -> usize {
        self.inner.s3_connections.times().len()
    }

    /// Returns when S3 accepted each of its connections.
    pub fn s3_connection_times(&self) -> Vec<Instant> {
        self.inner.s3_connections.times()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    pub(crate) fn files(&self) -> &Path {
        self.inner.files.path()
    }

    /// Returns the directory whose files are the bucket's objects.
    pub fn bucket_directory(&self, bucket: &str) -> PathBuf {
        self.files().join(bucket)
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("s3", &self.inner.s3_address)
            .field("api", &self.inner.api_address)
            .finish_non_exhaustive()
    }
}

struct Inner {
    shared: Arc<Shared>,
    root: AccessKey,
    files: TempDir,
    s3_address: SocketAddr,
    s3_connections: Arc<Connections>,
    api_address: SocketAddr,
    api_connections: Arc<Connections>,
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime inside another one panics; this does not block.
            runtime.shutdown_background();
        }
    }
}

/// What the servers and the handles share.
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) log: CallLog,
    /// Changes when hanging calls may continue.
    pub(crate) releases: watch::Sender<()>,
}

pub(crate) struct State {
    pub(crate) keys: Keys,
    pub(crate) secrets: Secrets,
    pub(crate) faults: ScheduledFaults,
    pub(crate) hook: Option<Hook>,
}

impl Shared {
    fn new(root: &AccessKey) -> Self {
        let state = State {
            keys: Keys::new(root),
            secrets: Secrets::default(),
            faults: ScheduledFaults::default(),
            hook: None,
        };
        Self {
            state: Mutex::new(state),
            log: CallLog::new(),
            releases: watch::Sender::new(()),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A test's panic during its set-up must not be hidden by a poisoned lock.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn region(&self) -> &'static str {
        REGION
    }
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port on 127.0.0.1");
    listener
        .set_nonblocking(true)
        .expect("a socket that does not block");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    (
        TcpListener::from_std(listener).expect("a runtime is entered"),
        address,
    )
}
