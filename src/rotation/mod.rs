//! The authority's side: rotates a secret in four steps, announces it, and retires the old key when no consumer uses it.
//!
//! ```no_run
//! # #[cfg(all(feature = "fleet", feature = "kafka"))]
//! # async fn example(
//! #     sdk: aws_types::SdkConfig,
//! #     kafka: credswap::kafka::KafkaConfig,
//! #     event: &[u8],
//! # ) -> Result<(), credswap::Error> {
//! use std::time::Duration;
//! use credswap::fleet::FleetTopic;
//! use credswap::kafka::Producer;
//! use credswap::rotation::{FleetUsage, Policy, Request, Rotation};
//!
//! let rotation = Rotation::access_keys(&sdk) // Secrets Manager, IAM and STS of this SdkConfig
//!     .usage(FleetUsage::new(FleetTopic::new(&kafka, "credswap.usage")?)) // who still uses which version
//!     .announcer(Producer::new(&kafka, "s3.test.secret.manager")?) // the event for the consumers
//!     .policy(Policy::default().watch(Duration::from_secs(48 * 3600)))
//!     .build();
//! rotation.handle(&Request::from_json(event)?).await?;
//! # Ok(()) }
//! ```
//!
//! A Lambda function passes each event of Secrets Manager to [`Rotation::handle`], and each event of a schedule that asks for
//! `retireSecret`. Without Lambda, a [`Runner`] calls the steps in this process. [`Rotation::builder`] takes a [`SecretKind`]
//! of your own instead of access keys.
//!
//! # Labels and keys, step by step
//!
//! An IAM user has at most two keys; here A is the old one and B the new one. *v1* and *v2* are versions of the secret; the
//! rotation's token is the id of *v2*. After a crash in any row the whole rotation is called again and continues from there.
//!
//! | after | v1 | v2 | A | B | consumers |
//! |---|---|---|---|---|---|
//! | the beginning | `AWSCURRENT` | `AWSPENDING`, empty | active | – | use A |
//! | the intent, a tag | `AWSCURRENT` | `AWSPENDING`, empty | active | – | use A |
//! | `CreateAccessKey` | `AWSCURRENT` | `AWSPENDING`, empty | active | active, not stored | use A |
//! | **createSecret** | `AWSCURRENT` | `AWSPENDING`, has B | active | active | use A |
//! | **setSecret** | the same | the same | active | active | use A |
//! | **testSecret** | the same | the same | active | active, accepted by STS | use A |
//! | the move | `AWSPREVIOUS` | `AWSCURRENT`¹ | active | active | use A |
//! | **finishSecret**: announced | `AWSPREVIOUS` | `AWSCURRENT` | active | active | swap to B, one by one |
//! | all have released A | `AWSPREVIOUS` | `AWSCURRENT` | active | active | use B |
//! | **retireSecret** | `AWSPREVIOUS` | `AWSCURRENT` | inactive, watched | active | use B |
//! | **retireSecret**, a day later | `AWSPREVIOUS` | `AWSCURRENT` | deleted | active | use B |
//!
//! ¹ And `AWSPENDING`, until the event is announced. Secrets Manager accepts both, with that label and without, as the end of a
//! rotation.
//!
//! # What each step does when it is called again
//!
//! | step | finds | does |
//! |---|---|---|
//! | createSecret | v2 has a key | nothing: what is stored will be current |
//! | | a key that it created itself and crashed before it stored | deletes it, once nobody can store it any more (15 min) |
//! | | two keys, one of them superseded | asks the [`UsageSource`], and deletes that one if all consumers have reported that they released it, and, unless the policy declares who reports, [`Policy::min_overlap`] and [`Policy::watch`] (2 days in all, by default) have passed since v1 became current; otherwise fails with [`ErrorKind::InUse`](crate::ErrorKind::InUse) |
//! | | two keys in use, or one that is released only because a consumer is presumed gone | fails, and names who uses what: [`ErrorKind::InUse`](crate::ErrorKind::InUse); retire has the time to watch that key |
//! | | a key that is in no version | fails, and names it: it may belong to somebody else |
//! | | the key in a second field, such as a URI | fails, and names the field: it would keep the old key |
//! | | a current key that retire deactivated | activates it again: the secret was rolled back |
//! | testSecret | nothing in v2 (`RotateImmediately=false`) | tests the current key |
//! | | a key that AWS does not know | asks IAM; tests it again, until [`Policy::propagation`] |
//! | | … and IAM does not have it any more, or a person deactivated it | fails at once, and says how to rotate again |
//! | | a key whose secret part is wrong | fails at once |
//! | finishSecret | v2 is current | announces it again: whoever moved the label may have crashed before it announced |
//! | each | v2 has neither label | fails: the rotation was cancelled, or Secrets Manager never began it |
//! | | v2 was current before | fails: it was rolled back. See [`docs::rollback`](crate::docs::rollback) |
//!
//! Of two concurrent runs of a step one stores its key; the other one learns that from `PutSecretValue`, which never changes
//! a version that has content, and deletes its own key. If it cannot know whether its key was stored (no answer came), it
//! leaves it: a later run finds it in the version, or finds that it is in none.
//!
//! # How a key is retired
//!
//! Each call reads everything again, takes the next action, and may end anywhere. A key is deleted only after a positive
//! report: all who used its version have reported that they released it. Silence is not a release (a [`UsageSource`] may
//! presume a silent consumer gone after a time, and names it).
//!
//! ```text
//! superseded ──released──▶ deactivated ──watched for a day──▶ deleted
//!     │                      ▲      │
//!     └──deadline, an error──┘      └──AWS rejects it for a consumer──▶ active again, until another deadline
//! ```
//!
//! A key that was deactivated by the deadline alone is never deleted: that needs the release, too. A key that a person
//! deactivated is not activated again. A key that was used since its release, as IAM has recorded, is not released, and a
//! deactivated one is activated again.
//!
//! A key is in a version if it is the version's key: what other fields mention does not keep it (a warning names them). Values
//! that are derived from it, such as an SES SMTP password, are not recognised: keep them out of the secret. A version that
//! cannot be read stops only the decisions that need it.
//!
//! # Consumers that do not report
//!
//! | the policy | the old key stays active for | then it is retired if |
//! |---|---|---|
//! | the default | [`Policy::min_overlap`], 24 h, after the event | all that report have released it, and at least one did |
//! | [`Policy::assume_released`] | that time after the event (at least `min_overlap`) | the same, or nobody has reported on it; and IAM has recorded no use since, nor in the last [`Policy::watch`] |
//! | [`Policy::all_consumers_report`] | as long as a consumer uses it | all have released it |
//! | [`Policy::expected_consumers`], [`Policy::expected_instances`] | as long as a consumer uses it | the same, and so many, or these, have reported the new version |
//!
//! In each row a use that IAM has recorded after the release keeps the key, until [`Policy::deadline`].
//! [`docs::reporting`](crate::docs::reporting) says how a service in any language reports.
//!
//! # Tags
//!
//! Nothing is stored outside AWS: what IAM does not keep is in tags of the secret, `credswap:creating`, `credswap:current` and
//! `credswap:key:<access key id>`. They are not secret. **Do not remove them** while a key is being created or retired. No key
//! is lost if they go, but
//!
//! - a deactivated key then counts as deactivated by a person: it is not given back, neither to a consumer that AWS rejects
//!   with it nor after a rollback, and its watch begins again;
//! - what a crashed `createSecret` left behind counts as somebody else's: it is not removed, and blocks rotations until
//!   somebody deletes it;
//! - the deadline of a key that is not released begins again, and so does [`Policy::min_overlap`]. A tool that removes the tags
//!   every day puts both off for ever.
//!
//! Tools that own all tags of a secret do remove them. Tell them not to:
//!
//! | tool | how |
//! |---|---|
//! | Terraform | `ignore_tags { key_prefixes = ["credswap:"] }` in the provider `aws`; or `lifecycle { ignore_changes = [tags, tags_all] }` in the secret's resource |
//! | CloudFormation, CDK | nothing: they change only the tags that the template or the stack names |
//! | scripts with `untag-resource`, tag policies | exempt names that begin with `credswap:` |
//!
//! # Permissions
//!
//! [`docs::permissions`](crate::docs::permissions#the-rotation-function) has the policy, and says what uses each line.
//!
//! | who | on | needs |
//! |---|---|---|
//! | the process | the secret | `secretsmanager:DescribeSecret`, `GetSecretValue`, `PutSecretValue`, `UpdateSecretVersionStage`, `ListSecretVersionIds`, `TagResource`, `UntagResource` |
//! | the process | the KMS key of the secret, unless it is `aws/secretsmanager` | `kms:Decrypt`, `kms:GenerateDataKey` |
//! | the process, or the user of the master secret's key | the IAM user | `iam:ListAccessKeys`, `CreateAccessKey`, `UpdateAccessKey`, `DeleteAccessKey`, `GetAccessKeyLastUsed` |
//! | the process | the master secret, if the secret names one | `secretsmanager:GetSecretValue` |
//! | the process | the KMS key of the master secret, unless it is `aws/secretsmanager` | `kms:Decrypt` |
//! | the process | the topic of the events | Kafka ACL `Write` |
//! | the process | the topic of the reports | Kafka ACLs `Read` and `Write` |
//!
//! STS `GetCallerIdentity` needs no permission. The secret names the IAM user without its path (`uploader`), as IAM's API does;
//! the ARN in a policy has the path (`user/services/uploader`).

mod access_keys;
mod announcer;
mod boxed;
mod builder;
mod context;
mod deadline;
mod kind;
mod policy;
mod report;
mod request;
mod runner;
#[doc(hidden)]
pub mod seam;
mod steps;
mod store;
mod timestamp;
mod usage;

pub use access_keys::AccessKeys;
#[cfg(feature = "kafka")]
pub use announcer::MinimalEvents;
pub use announcer::{Announcer, NoAnnouncement, RotationEvent};
pub use builder::Builder;
pub use context::{SecretContext, StepContext};
pub use kind::SecretKind;
pub use policy::{Policy, ReportingConsumers};
pub use report::{KeyAction, KeyActionReason, KeyReport, RetireReport};
pub use request::{Request, RotationToken, Step, StepRequest};
pub use runner::Runner;
pub use steps::{Response, Rotation};
pub use store::{Content, SecretDescription};
#[cfg(all(feature = "fleet", feature = "kafka"))]
pub use usage::FleetUsage;
pub use usage::{Consumer, NoUsageReports, Rejection, Usage, UsageSource, UsageState};
