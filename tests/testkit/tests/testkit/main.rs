//! Tests the servers with real clients.

mod access_keys;
mod broker_delivery;
mod clients;
mod injected_faults;
mod s3_rejections;
mod s3_uploads;
mod secret_versions;
