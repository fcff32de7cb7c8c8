//! Access keys, and the SDK clients that sign with them, against the testkit's cloud.

mod bootstrap;
mod check;
mod client;
mod secret_formats;
mod secret_json;
mod secret_values;
mod secrets_manager;
mod whole_client_checks;
mod whole_clients;
