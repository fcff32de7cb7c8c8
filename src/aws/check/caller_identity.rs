//! STS says whose key it is: the check that needs no permission.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::{Client, Config};
use aws_types::SdkConfig;

use super::Check;
use super::verdict::{LONGEST, bounded, verdict_on};
use crate::connect::Verdict;
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::CallError;

/// Asks STS `GetCallerIdentity`. Any key that AWS accepts passes; no policy can forbid it.
#[derive(Debug, Clone)]
pub struct CallerIdentity {
    client: Client,
    timeout: Duration,
}

impl CallerIdentity {
    /// With the region, the endpoint and the HTTP client of `sdk`; its credentials are not used.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self::from_client(Client::new(&with_behavior(sdk)))
    }

    /// With a client of your own; its credentials are not used.
    pub fn from_client(client: Client) -> Self {
        Self {
            client,
            timeout: LONGEST,
        }
    }

    /// How long a check may take, with all its retries. Default 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Check for CallerIdentity {
    async fn check(&self, credentials: &Credentials) -> Verdict {
        // An override that brings credentials gets an identity cache of its own for that call: the client's never
        // hears of the key, so that it neither answers for another key nor grows with each.
        let only_this_key = Config::builder().credentials_provider(credentials.clone());
        let ask = self
            .client
            .get_caller_identity()
            .customize()
            .config_override(only_this_key)
            .send();
        bounded(self.timeout, ASKING, async {
            match ask.await {
                Ok(_) => Verdict::Good,
                Err(error) => verdict_on(credentials, ASKING, CallError::of(ASKING, error)),
            }
        })
        .await
    }
}

const ASKING: &str = "the key's check by STS GetCallerIdentity";
