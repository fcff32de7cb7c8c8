//! Configures a rotation.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_types::SdkConfig;

use super::access_keys::AccessKeys;
use super::announcer::{Announcer, DynAnnouncer, NoAnnouncement};
use super::context::Environment;
use super::kind::SecretKind;
use super::policy::Policy;
use super::steps::{Parts, Rotation, Tokens};
use super::store::{SecretsManager, Store};
use super::usage::UsageSource;
use crate::aws::{Check, Fields};
use crate::util::clock::Clock;

/// Configures a [`Rotation`]; created by [`Rotation::access_keys`] and [`Rotation::builder`].
///
/// ```no_run
/// use std::time::Duration;
/// use credswap::rotation::{Policy, Rotation, RotationEvent};
/// # fn example(sdk: aws_types::SdkConfig) {
/// let rotation = Rotation::access_keys(&sdk)
///     .policy(Policy::default().watch(Duration::from_secs(3600)))
///     .announcer(|event: RotationEvent| async move {
///         println!("{}", event.to_json());
///         Ok(())
///     })
///     .build();
/// # }
/// ```
#[must_use = "call `build`"]
pub struct Builder<K> {
    store: Box<dyn Store>,
    kind: K,
    announcer: Arc<dyn DynAnnouncer>,
    policy: Policy,
    clock: Clock,
    seed: u64,
    tokens: Tokens,
}

impl Rotation {
    /// Creates a builder of a rotation of IAM access keys, with the region, endpoint, HTTP client and credentials of `sdk`
    /// for Secrets Manager and IAM. STS [`CallerIdentity`](crate::aws::check::CallerIdentity) tests new keys.
    ///
    /// The secret is a JSON object with the key and its user's name, in any spelling that [`Fields`] knows; every other
    /// field stays as it is. IAM allows two keys per user, so the user's second key must be the rotation's to create and
    /// to remove: a key that is not in the secret is never touched, and blocks the rotation.
    pub fn access_keys(sdk: &SdkConfig) -> Builder<AccessKeys> {
        Self::builder(sdk, AccessKeys::new(sdk))
    }

    /// Creates a builder of a rotation of any other kind of secret. `sdk` is for Secrets Manager.
    pub fn builder<K: SecretKind>(sdk: &SdkConfig, kind: K) -> Builder<K> {
        Builder::new(SecretsManager::new(sdk), kind)
    }
}

impl<K: SecretKind> Builder<K> {
    pub(super) fn new(store: impl Store, kind: K) -> Self {
        Self {
            store: Box::new(store),
            kind,
            announcer: Arc::new(NoAnnouncement),
            policy: Policy::default(),
            clock: Clock::system(),
            seed: 0,
            tokens: Tokens::Staged,
        }
    }

    /// Sets what announces to the consumers that a new version is current: a [`kafka::Producer`](crate::kafka::Producer), say.
    /// Default: [`NoAnnouncement`].
    #[cfg_attr(not(feature = "kafka"), allow(rustdoc::broken_intra_doc_links))]
    pub fn announcer(mut self, announcer: impl Announcer) -> Self {
        self.announcer = Arc::new(announcer);
        self
    }

    /// Sets how long to wait, and for what. Default: [`Policy::default`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the wall clock, for tests. All delays are on Tokio's clock.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::from_fn(now);
        self
    }

    /// Seeds the jitter of the delays, for tests. The jitter differs between tokens under any seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Lets `createSecret` begin with a token that Secrets Manager has not staged: for callers other than Secrets Manager.
    /// A [`Runner`](super::Runner) sets it by itself. A second rotation still does not begin while one is in progress.
    pub fn accept_new_tokens(mut self) -> Self {
        self.tokens = Tokens::Any;
        self
    }

    /// Creates the rotation.
    pub fn build(self) -> Rotation {
        let Self {
            mut store,
            mut kind,
            announcer,
            policy,
            clock,
            seed,
            tokens,
        } = self;
        store.attach(&policy);
        kind.attach(&policy);
        Rotation::new(Parts {
            environment: Environment {
                store: Arc::from(store),
                policy,
                clock,
            },
            kind: Arc::new(kind),
            announcer,
            seed,
            tokens,
        })
    }
}

impl Builder<AccessKeys> {
    /// Sets who knows which consumers still use a version: `FleetUsage`, say. Default:
    /// [`NoUsageReports`](super::NoUsageReports), with which no key is ever deleted, unless
    /// [`Policy::assume_released`] is set.
    pub fn usage(mut self, usage: impl UsageSource) -> Self {
        self.kind.set_usage(usage);
        self
    }

    /// Sets the names of the secret's fields. Default: all common spellings.
    pub fn fields(mut self, fields: Fields) -> Self {
        self.kind.set_fields(fields);
        self
    }

    /// Sets what tests a new key. Default: STS [`CallerIdentity`](crate::aws::check::CallerIdentity).
    pub fn check(mut self, check: impl Check) -> Self {
        self.kind.set_check(check);
        self
    }
}

impl<K> fmt::Debug for Builder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
