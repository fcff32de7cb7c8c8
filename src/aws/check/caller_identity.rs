//! The check by STS `GetCallerIdentity`, which needs no permission.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::{Client, Config};
use aws_types::SdkConfig;

use super::Check;
use super::verdict::{TIMEOUT, limit, verdict_of};
use crate::connect::Verdict;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::CallError;

/// Calls STS `GetCallerIdentity` with the key. Every key that AWS accepts passes; no policy can forbid the call.
///
/// ```no_run
/// # fn example(sdk: &aws_types::SdkConfig) {
/// use std::time::Duration;
/// use credswap::aws::check::CallerIdentity;
/// let check = CallerIdentity::new(sdk).timeout(Duration::from_secs(5));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CallerIdentity {
    client: Client,
    timeout: Duration,
}

impl CallerIdentity {
    /// Creates a check with the region, endpoint and HTTP client of `sdk`, whose credentials are not used.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)))
    }

    /// Creates a check with a client of your own, whose credentials are not used.
    pub fn from_client(client: Client) -> Self {
        Self {
            client,
            timeout: TIMEOUT,
        }
    }

    /// Sets how long a check may take, retries included. Default 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Check for CallerIdentity {
    async fn check(&self, credentials: &Credentials) -> Verdict {
        // An override with credentials gets an identity cache of its own for that call. The client's cache never receives
        // the key: it neither answers for another key nor grows with each.
        let only_this_key = Config::builder().credentials_provider(credentials.clone());
        let call = self
            .client
            .get_caller_identity()
            .customize()
            .config_override(only_this_key)
            .send();
        limit(self.timeout, CHECK, async {
            match call.await {
                Ok(_) => Verdict::Good,
                Err(error) => verdict_of(credentials, CHECK, CallError::of(CHECK, error)),
            }
        })
        .await
    }
}

const CHECK: &str = "the key's check with STS GetCallerIdentity";
