//! IAM, Secrets Manager and consumers in memory, at the level of the rotation's traits: fast enough for many thousands of
//! schedules, with rule 8 asserted after every call.

mod account;
mod process;
mod services;

use std::time::Duration;

pub(crate) use process::{Process, request};

pub(crate) const USER: &str = "uploader";
pub(crate) const SECRET: &str = "prod/uploader";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
