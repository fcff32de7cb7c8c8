//! The servers, driven by the real clients.

mod broker;
mod clients;
mod faults;
mod iam;
mod s3_refusals;
mod s3_uploads;
mod secrets;
