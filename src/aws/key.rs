//! The live key, and the refreshable credentials that publish it.

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use tokio::time::Instant;

use super::experience::Experience;
use super::secret::id_suffix;
use crate::hot::DrainToken;
use crate::refresh::Refreshable;

/// The refreshable credentials provider: an access key that is kept current under SDK clients.
///
/// Start it, and give it to clients by [`configure!`](crate::configure) or
/// [`sdk_config`](Refreshable::sdk_config). The [module's docs](crate::aws) have the whole picture.
pub type RefreshableCredentials = Refreshable<LiveKey>;

/// An access key as the SDK signs with it: the value of [`RefreshableCredentials`].
///
/// Each clone of its credentials and of its identity keeps its generation in use, wherever it goes.
///
/// Tests make one from credentials:
///
/// ```
/// use aws_credential_types::Credentials;
/// use credswap::{RefreshableCredentials, aws::LiveKey};
/// let key = LiveKey::from(Credentials::new("AKIDEXAMPLE", "…", None, None, "test"));
/// let credentials = RefreshableCredentials::fixed(key);
/// assert_eq!(credentials.lease().access_key_id(), "AKIDEXAMPLE");
/// ```
pub struct LiveKey {
    identity: Identity,
    credentials: Credentials,
    experience: Experience,
    connected: Instant,
}

impl LiveKey {
    /// Creates a live key whose credentials, and all clones of them, carry `token`.
    pub(super) fn new(mut credentials: Credentials, token: &DrainToken) -> Self {
        // The token is in the SDK's own property bag: clones of the credentials, and of identities made of them, clone it.
        // The method is hidden in the SDK's docs, but is what the SDK's own crates use; the tests in
        // `tests/all/aws/client/drain.rs` fail if clones no longer carry it.
        credentials.set_property(token.clone());
        Self {
            identity: Identity::from(credentials.clone()),
            credentials,
            experience: Experience::new(),
            connected: Instant::now(),
        }
    }

    /// Returns for how long this process has had the key.
    pub(super) fn age(&self) -> Duration {
        self.connected.elapsed()
    }

    /// Returns the access key id. It is not secret, but prefer [`LiveKey::id_suffix`] in logs.
    pub fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    /// Returns the last four characters of the access key id: enough to distinguish keys in logs.
    pub fn id_suffix(&self) -> &str {
        id_suffix(self.access_key_id())
    }

    /// Returns the credentials, for code that signs requests itself. A clone keeps the generation in use until it is dropped.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the identity to sign the next attempt with.
    pub(super) fn signing_identity(&self) -> Identity {
        self.experience.identity(&self.identity)
    }

    /// Returns what the requests that were signed with the key have experienced.
    pub(super) fn experience(&self) -> &Experience {
        &self.experience
    }

    /// Returns the drain token in an identity that is a clone of a live key's.
    pub(super) fn token_of(identity: &Identity) -> Option<&DrainToken> {
        identity.data::<Credentials>()?.get_property()
    }
}

impl From<Credentials> for LiveKey {
    fn from(credentials: Credentials) -> Self {
        Self::new(credentials, &DrainToken::new())
    }
}

impl fmt::Debug for LiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveKey(…{})", self.id_suffix())
    }
}
