//! The live key: what a refreshable publishes for the edge.

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use tokio::time::Instant;

use super::access_key::AccessKey;
use crate::hot::DrainToken;

/// An access key as the SDK signs with it. The value of a [`Refreshable`](crate::Refreshable) made with
/// [`aws::credentials`](super::credentials()).
///
/// Every clone of its credentials and of its identity, wherever it goes, pins the generation.
pub struct LiveKey {
    identity: Identity,
    credentials: Credentials,
    since: Instant,
}

impl LiveKey {
    pub(super) fn new(
        key: &AccessKey,
        expires: Option<std::time::SystemTime>,
        hold: &DrainToken,
    ) -> Self {
        let mut credentials = key.to_credentials(expires);
        // The hold rides along in the SDK's own property bag: clones of the credentials, and of identities made of
        // them, clone it. The method is hidden in the SDK's docs but is what the SDK's own crates use; the tests in
        // `tests/all/edge/drain.rs` fail if it stops to travel with the clones.
        credentials.set_property(hold.clone());
        Self {
            identity: Identity::from(credentials.clone()),
            credentials,
            since: Instant::now(),
        }
    }

    /// For how long this process has it.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// The access key id. Not secret, but prefer [`LiveKey::id_suffix`] in logs.
    pub fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    /// The last four characters of the access key id: enough to tell keys apart in logs.
    pub fn id_suffix(&self) -> &str {
        super::access_key::tail(self.access_key_id())
    }

    /// The credentials, for what signs by itself. A clone pins the generation until it is dropped.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The hold in an identity that is a clone of a live key's.
    pub(super) fn hold_of(identity: &Identity) -> Option<&DrainToken> {
        identity.data::<Credentials>()?.get_property()
    }
}

impl fmt::Debug for LiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveKey(…{})", self.id_suffix())
    }
}
