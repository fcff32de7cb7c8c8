//! The authority's side: rotates a secret in four steps, tells everyone, and retires the old key when nobody uses it.

mod access_keys;
mod announce;
mod backoff;
mod bounds;
mod clock;
mod decide;
#[cfg(all(feature = "fleet", feature = "kafka"))]
mod fleet_reports;
mod holders;
mod iam;
mod iam_client;
mod kind;
mod notes;
mod request;
mod retire;
mod retired;
mod runner;
mod secrets_manager;
mod steps;
mod store;

pub use access_keys::AccessKeys;
pub use announce::{Announce, Announcement, Quiet};
pub use bounds::Bounds;
#[cfg(all(feature = "fleet", feature = "kafka"))]
pub use fleet_reports::FleetReports;
pub use holders::{Holder, Holders, NoReports, Refused, Standing, Word};
pub use iam::{Caller, Iam, KeyInfo, KeyStatus, LastUsed, Made, NewKey};
pub use iam_client::IamClient;
pub use kind::{Kind, Task};
pub use request::{Request, RotationToken, Step, StepRequest};
pub use retired::{Did, KeyReport, Retired, Why};
pub use runner::Runner;
pub use secrets_manager::SecretsManager;
pub use steps::{Answer, Rotation};
pub use store::{
    CURRENT, Content, Form, Move, PENDING, PREVIOUS, Put, Store, VersionInfo, View, Which,
};
