//! The step that tests the pending credential, until its authority knows it.

use fastrand::Rng;

use super::rotation::Rotation;
use super::stage::{TokenStage, not_staged, replaced};
use crate::connect::Verdict;
use crate::error::Error;
use crate::rotation::context::{SecretContext, StepContext};
use crate::secret::VersionId;
use crate::util::deadline::deadline_in;

impl Rotation {
    pub(super) async fn test(&self, context: &StepContext<'_>) -> Result<(), Error> {
        // To test a configuration (RotateImmediately=false), Secrets Manager calls this step alone, and nothing was
        // created: then the current secret is what can be tested.
        let tested = match self.stored(context).await? {
            Some(pending) => pending,
            None => self.current(context).await?,
        };
        let policy = context.policy();
        let give_up_at = deadline_in(policy.propagation);
        let mut rng = Rng::with_seed(jitter_seed(self.0.seed, context.token()));
        let mut delays = policy.test_backoff.delays(&mut rng);
        let mut is_diagnosed = false;
        context.check_deadline()?;
        loop {
            let error = match self.0.kind.test(&tested).await {
                Verdict::Good => return Ok(()),
                Verdict::NotYet(error) => {
                    if !std::mem::replace(&mut is_diagnosed, true) {
                        self.0.kind.diagnose(context, &tested).await?;
                    }
                    error
                }
                Verdict::Unknown(error) if error.is_retryable() => error,
                Verdict::Unknown(error) | Verdict::Bad(error) | Verdict::Forbidden(error) => {
                    return Err(error);
                }
            };
            let delay = delays.next();
            if deadline_in(delay) > give_up_at {
                return Err(error);
            }
            tokio::time::sleep(delay).await;
            self.may_still_be_tested(context).await?;
        }
    }

    /// Fails if the version's rotation is over. A function can be suspended for hours between two tests, and the version be
    /// replaced meanwhile; to IAM a test looks like a consumer that still uses its key.
    async fn may_still_be_tested(&self, context: &StepContext<'_>) -> Result<(), Error> {
        let deadline = self.start_deadline();
        let secret = self.describe(&context.secret().arn).await?;
        let now = SecretContext::new(&self.0.environment, &secret, deadline);
        let now = StepContext::new(now, context.request());
        match TokenStage::of(&now) {
            TokenStage::Current | TokenStage::Pending => now.check_deadline(),
            TokenStage::Replaced => Err(replaced(&now)),
            TokenStage::OtherLabel | TokenStage::NoLabel => Err(not_staged(&now)),
        }
    }
}

/// Returns the seed of one rotation's jitter, from the seed of all and the token. FNV-1a: any spread will do.
fn jitter_seed(seed: u64, token: &VersionId) -> u64 {
    let spread = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    token.as_str().bytes().fold(seed, spread)
}
