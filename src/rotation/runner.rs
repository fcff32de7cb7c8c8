//! Runs whole rotations in this process, in place of Secrets Manager.

use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;

use super::report::RetireReport;
use super::request::{Step, StepRequest};
use super::steps::Rotation;
use crate::error::Error;
use crate::secret::VersionId;
use crate::util::Backoff;
use crate::util::lock::lock;

/// Calls the steps in order, and the whole rotation again when one of them fails: for a CronJob, say, without Lambda.
///
/// It continues a rotation that an earlier run did not finish.
///
/// ```no_run
/// use credswap::rotation::{Rotation, Runner};
/// # async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
/// let runner = Runner::new(Rotation::access_keys(&sdk).build());
/// let version = runner.rotate("prod/uploader").await?; // monthly
/// let report = runner.retire("prod/uploader").await?; // hourly
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Runner {
    rotation: Rotation,
    attempts: u32,
    backoff: Backoff,
    rng: Mutex<Rng>,
}

impl Runner {
    /// Creates a runner of this rotation.
    pub fn new(rotation: Rotation) -> Self {
        Self {
            rotation: rotation.accept_new_tokens(),
            attempts: 5,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            rng: Mutex::new(Rng::new()),
        }
    }

    /// Sets how often a rotation is attempted, the first attempt included. Default 5.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the delays between two attempts. Default 1 s to 60 s.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Seeds tokens and jitter, for tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.rng = Mutex::new(Rng::with_seed(seed));
        self
    }

    /// Returns the rotation, to call single steps.
    pub fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// Rotates the secret once, and returns the version that is current then.
    ///
    /// # Errors
    /// The error of the last attempt, or the first that somebody must do something about.
    ///
    /// # Cancel safety
    /// May be dropped at any point: the next call continues the rotation.
    pub async fn rotate(&self, secret_id: &str) -> Result<VersionId, Error> {
        let (new, mut delays) = {
            let mut rng = lock(&self.rng);
            (new_token(&mut rng), self.backoff.delays(&mut rng))
        };
        let mut remaining = self.attempts;
        loop {
            remaining -= 1;
            match self.attempt(secret_id, &new).await {
                Err(error) if error.is_retryable() && remaining > 0 => {
                    tracing::warn!(
                        secret = %secret_id, attempts_left = remaining, error = %error.report(),
                        "rotation failed and will be retried"
                    );
                    tokio::time::sleep(delays.next()).await;
                }
                result => return result,
            }
        }
    }

    /// Takes the next action to retire superseded credentials.
    ///
    /// # Errors
    /// As [`Rotation::retire`].
    pub async fn retire(&self, secret_id: &str) -> Result<RetireReport, Error> {
        self.rotation.retire(secret_id).await
    }

    async fn attempt(&self, secret_id: &str, new: &VersionId) -> Result<VersionId, Error> {
        let in_progress = self.rotation.in_progress(secret_id).await?;
        let token = in_progress.unwrap_or_else(|| new.clone());
        for step in Step::ALL {
            let request = StepRequest::new(step, secret_id, token.clone());
            self.rotation.step(&request).await?;
        }
        Ok(token)
    }
}

/// Returns a random UUID, as Secrets Manager's tokens are.
fn new_token(rng: &mut Rng) -> VersionId {
    let random = (rng.u128(..) & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
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
        let mut rng = Rng::with_seed(7);
        for _ in 0..100 {
            let token = new_token(&mut rng);
            let text = token.as_str();
            assert_eq!((text.len(), &text[14..15]), (36, "4"), "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
        }
    }
}
