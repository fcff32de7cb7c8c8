//! The steps of a rotation of access keys.

use super::account::Account;
use super::create::create;
use super::current_since::current_since;
use super::diagnose::diagnose;
use super::keys::AccessKeys;
use super::retire::retire;
use crate::aws::AccessKey;
use crate::connect::Verdict;
use crate::error::{Error, ErrorKind};
use crate::rotation::context::{SecretContext, StepContext};
use crate::rotation::kind::SecretKind;
use crate::rotation::policy::Policy;
use crate::rotation::report::RetireReport;
use crate::rotation::store::Content;

/// How often the deletion of a key is attempted that was created and not stored.
const ATTEMPTS: usize = 3;

impl SecretKind for AccessKeys {
    fn attach(&mut self, policy: &Policy) {
        self.iam.attach(policy);
    }

    async fn create(&self, context: &StepContext<'_>, current: &Content) -> Result<Content, Error> {
        create(self, context, current).await
    }

    async fn undo_create(&self, context: &StepContext<'_>, created: &Content) -> Result<(), Error> {
        let Account { user, key_id } =
            Account::of(created, &self.fields, context.secret_context()).await?;
        let mut remaining = ATTEMPTS;
        loop {
            remaining -= 1;
            match self.iam.delete(&user, &key_id).await {
                Err(error) if error.is_retryable() && remaining > 0 => {}
                result => return result,
            }
        }
    }

    fn validate(&self, current: &Content, pending: &Content) -> Result<(), Error> {
        let pending = AccessKey::parse(pending.secret(), &self.fields)?;
        let current = AccessKey::parse(current.secret(), &self.fields)?;
        if pending.id() == current.id() {
            return Err(Error::new(
                ErrorKind::Rejected,
                "the pending version holds the current key, so it was not rotated: remove its label AWSPENDING and rotate \
                 again",
            ));
        }
        if pending.username()? != current.username()? {
            return Err(Error::new(
                ErrorKind::Rejected,
                "the pending version is of another IAM user than the current one: remove its label AWSPENDING and rotate \
                 again",
            ));
        }
        Ok(())
    }

    async fn test(&self, pending: &Content) -> Verdict {
        match AccessKey::parse(pending.secret(), &self.fields) {
            Ok(key) => self.check.check(&key.to_credentials(None)).await,
            Err(error) => Verdict::Bad(error),
        }
    }

    async fn diagnose(&self, context: &StepContext<'_>, tested: &Content) -> Result<(), Error> {
        diagnose(self, context, tested).await
    }

    async fn finished(&self, context: &StepContext<'_>) -> Result<(), Error> {
        let recorded = current_since(context.secret_context(), context.token());
        recorded.await.map(drop)
    }

    async fn retire(&self, context: &SecretContext<'_>) -> Result<RetireReport, Error> {
        retire(self, context).await
    }
}
