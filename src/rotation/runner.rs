//! Does what Secrets Manager does, in the process: for tests, and for those without a Lambda function.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::announcer::Announcer;
use super::backoff::Backoff;
use super::kind::SecretKind;
use super::report::RetireReport;
use super::request::{Step, StepRequest};
use super::steps::Rotation;
use super::store::Store;
use crate::error::Error;
use crate::secret::VersionId;

/// Calls the steps in their order, and the whole rotation again when one of them fails.
///
/// A rotation that an earlier run did not bring to its end is taken up where it is.
pub struct Runner<S, K, A> {
    rotation: Rotation<S, K, A>,
    attempts: u32,
    backoff: (Duration, Duration),
    dice: Mutex<fastrand::Rng>,
}

impl<S: Store, K: SecretKind, A: Announcer> Runner<S, K, A> {
    /// Runs this rotation.
    pub fn new(rotation: Rotation<S, K, A>) -> Self {
        Self {
            rotation: rotation.accept_new_tokens(),
            attempts: 5,
            backoff: (Duration::from_secs(1), Duration::from_secs(60)),
            dice: Mutex::new(fastrand::Rng::new()),
        }
    }

    /// How often a rotation is tried, the first time included. Default 5.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The first wait between two attempts, and the longest. Default 1 s and 60 s.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = (first, longest);
        self
    }

    /// Seeds tokens and jitter, for tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.dice = Mutex::new(fastrand::Rng::with_seed(seed));
        self
    }

    /// The rotation, for a step by hand.
    pub fn rotation(&self) -> &Rotation<S, K, A> {
        &self.rotation
    }

    /// Rotates the secret once, and gives the version that is current then.
    ///
    /// # Errors
    /// The last attempt's, or the first that a person must do something about.
    ///
    /// # Cancel safety
    /// May be dropped at any point: the next call takes the rotation up.
    pub async fn rotate(&self, secret_id: &str) -> Result<VersionId, Error> {
        let (new, seed) = {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            (new_token(&mut dice), dice.u64(..))
        };
        let mut backoff = Backoff::new(self.backoff, seed);
        let mut left = self.attempts;
        loop {
            left -= 1;
            match self.attempt(secret_id, &new).await {
                Err(error) if error.is_retryable() && left > 0 => {
                    tracing::warn!(secret = %secret_id, left, error = %error.report(), "rotation failed, to be tried again");
                    tokio::time::sleep(backoff.next()).await;
                }
                answered => return answered,
            }
        }
    }

    /// Takes the next action towards the end of superseded credentials.
    ///
    /// # Errors
    /// As [`Rotation::retire`].
    pub async fn retire(&self, secret_id: &str) -> Result<RetireReport, Error> {
        self.rotation.retire(secret_id).await
    }

    async fn attempt(&self, secret_id: &str, new: &VersionId) -> Result<VersionId, Error> {
        let under_way = self.rotation.under_way(secret_id).await?;
        let token = under_way.unwrap_or_else(|| new.clone());
        for step in Step::ALL {
            let request = StepRequest {
                step,
                secret_id: secret_id.to_owned(),
                token: token.clone(),
                rotation_token: None,
            };
            self.rotation.step(&request).await?;
        }
        Ok(token)
    }
}

/// A random UUID, as Secrets Manager's tokens are.
fn new_token(dice: &mut fastrand::Rng) -> VersionId {
    let random = (dice.u128(..) & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{random:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    VersionId::from(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_random_uuid() {
        let mut dice = fastrand::Rng::with_seed(7);
        for _ in 0..100 {
            let token = new_token(&mut dice);
            let text = token.as_str();
            assert_eq!((text.len(), &text[14..15]), (36, "4"), "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
        }
    }
}
