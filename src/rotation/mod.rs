//! The authority's side: rotates a secret in four steps, tells everyone, and retires the old key when nobody uses it.
//!
//! ```no_run
//! use credswap::aws::check::CallerIdentity;
//! use credswap::rotation::{AccessKeys, IamClient, NoUsageReports, NoAnnouncement, Request, Rotation, SecretsManager};
//!
//! # async fn example(sdk: aws_types::SdkConfig, event: &[u8]) -> Result<(), credswap::Error> {
//! let store = SecretsManager::new(aws_sdk_secretsmanager::Client::new(&sdk));
//! let holders = NoUsageReports; // or FleetUsage: who still uses which version
//! let keys = AccessKeys::new(store.clone(), IamClient::new(&sdk), CallerIdentity::new(&sdk), holders);
//! let rotation = Rotation::new(store, keys, NoAnnouncement); // or a kafka::Producer: tells the consumers
//!
//! // In a Lambda function, for each event of Secrets Manager, and of a schedule that says `retireSecret`:
//! rotation.handle(&Request::from_json(event)?).await?;
//! # Ok(()) }
//! ```
//!
//! Without Lambda, a [`Runner`] calls the steps in the process. Another kind of secret than access keys is a [`SecretKind`].
//!
//! # Labels and keys, step by step
//!
//! An IAM user has two keys at most; here A is the old one and B the new one. *v1* and *v2* are versions of the secret, *v2* is
//! named by the rotation's token. Whatever row a crash ends in, the whole rotation is called again and goes on from there.
//!
//! | after | v1 | v2 | A | B | consumers |
//! |---|---|---|---|---|---|
//! | the beginning | `AWSCURRENT` | `AWSPENDING`, empty | active | – | use A |
//! | the intent, a tag | `AWSCURRENT` | `AWSPENDING`, empty | active | – | use A |
//! | `CreateAccessKey` | `AWSCURRENT` | `AWSPENDING`, empty | active | active, known to nobody | use A |
//! | **createSecret** | `AWSCURRENT` | `AWSPENDING`, holds B | active | active | use A |
//! | **setSecret** | the same | the same | active | active | use A |
//! | **testSecret** | the same | the same | active | active, accepted by STS | use A |
//! | the move | `AWSPREVIOUS` | `AWSCURRENT`¹ | active | active | use A |
//! | **finishSecret**: announced | `AWSPREVIOUS` | `AWSCURRENT` | active | active | swap to B, one by one |
//! | all have let go | `AWSPREVIOUS` | `AWSCURRENT` | active | active | use B |
//! | **retireSecret** | `AWSPREVIOUS` | `AWSCURRENT` | inactive, watched | active | use B |
//! | **retireSecret**, a day later | `AWSPREVIOUS` | `AWSCURRENT` | deleted | active | use B |
//!
//! ¹ `AWSPENDING` may stay there, or be gone: Secrets Manager takes both for the end of a rotation.
//!
//! # What each step does when it is called again
//!
//! | step | finds | does |
//! |---|---|---|
//! | createSecret | v2 holds a key | nothing: what is stored is what will be current |
//! | | a key that it made itself and did not live to store | removes it, once nobody can store it any more (15 min) |
//! | | two keys, one of them superseded | asks the [`UsageSource`], and removes that one if all have said that they let go |
//! | | two keys in use, or one that is free only because somebody is silent | fails, and says who holds what: [`ErrorKind::InUse`](crate::ErrorKind::InUse); retire has the time to watch that key |
//! | | a key that no version knows | fails, and names it: it may be a person's |
//! | testSecret | nothing in v2 (`RotateImmediately=false`) | tests the current key |
//! | | a key that AWS does not know | asks again, until [`Policy::propagation`] |
//! | | a key whose secret part is wrong | fails at once |
//! | finishSecret | v2 is current | announces it again: whoever moved the label may not have lived to tell |
//! | each | v2 has neither label | fails: the rotation was cancelled, or never begun by Secrets Manager |
//!
//! Of two runs of a step at the same time one stores its key; the other one learns that from `PutSecretValue`, which
//! never changes a version that has a content, and takes its own key back. Where it cannot know whether its key was stored
//! (no answer came), it leaves it: a later run finds it in the version, or finds that it is in none.
//!
//! # How a key is retired
//!
//! Each call looks at everything anew, takes the next action, and may end anywhere. A key goes only on a positive word: all
//! who used its version have said that they do not any more. Silence is none (a [`UsageSource`] may take it for one after a
//! time, and says so).
//!
//! ```text
//! superseded ──released──▶ deactivated ──watched for a day──▶ deleted
//!     │                      ▲      │
//!     └──deadline, loudly────┘      └──a consumer is refused──▶ active again, for another deadline
//! ```
//!
//! A key that is deactivated by the deadline alone is never deleted: that needs the word, too. A key that a person
//! deactivated is not given back.
//!
//! Nothing is remembered outside AWS: what IAM does not keep is in tags of the secret, `credswap:creating` and
//! `credswap:key:<access key id>`. They are not secret, and may be removed by hand: everything then begins with being seen
//! superseded.
//!
//! # Permissions
//!
//! | who | on | needs |
//! |---|---|---|
//! | the process | the secret | `secretsmanager:DescribeSecret`, `GetSecretValue`, `PutSecretValue`, `UpdateSecretVersionStage`, `ListSecretVersionIds`, `TagResource`, `UntagResource` |
//! | the process | the KMS key of the secret, unless it is `aws/secretsmanager` | `kms:Decrypt`, `kms:GenerateDataKey` |
//! | the process, or the user of the master secret's key | the IAM user | `iam:ListAccessKeys`, `CreateAccessKey`, `UpdateAccessKey`, `DeleteAccessKey`, `GetAccessKeyLastUsed` |
//! | the process | the master secret, if the secret names one | `secretsmanager:GetSecretValue` |
//! | the process | the topic of the events | Kafka ACL `Write` |
//! | the process | the topic of the reports | Kafka ACLs `Read` and `Write` |
//!
//! STS `GetCallerIdentity` needs no permission.

mod access_keys;
mod announcer;
mod backoff;
mod clock;
mod context;
mod decide;
#[cfg(all(feature = "fleet", feature = "kafka"))]
mod fleet_usage;
mod iam;
mod iam_client;
mod kind;
mod policy;
mod report;
mod request;
mod retire;
mod runner;
mod secrets_manager;
mod steps;
mod store;
mod tags;
mod usage;
mod writes;

pub use access_keys::AccessKeys;
pub use announcer::{Announcer, NoAnnouncement, RotationEvent};
#[cfg(all(feature = "fleet", feature = "kafka"))]
pub use fleet_usage::FleetUsage;
pub use iam::{Caller, CreateOutcome, Iam, KeyInfo, KeyStatus, LastUsed, NewKey};
pub use iam_client::IamClient;
pub use kind::{SecretKind, StepContext};
pub use policy::Policy;
pub use report::{KeyAction, KeyActionReason, KeyReport, RetireReport};
pub use request::{Request, RotationToken, Step, StepRequest};
pub use runner::Runner;
pub use secrets_manager::SecretsManager;
pub use steps::{Response, Rotation};
pub use store::{
    CURRENT, Content, Encoding, MoveOutcome, PENDING, PREVIOUS, PutOutcome, SecretDescription,
    Store, VersionInfo, VersionSelector,
};
pub use usage::{Holder, NoUsageReports, Rejection, Usage, UsageSource, UsageState};
