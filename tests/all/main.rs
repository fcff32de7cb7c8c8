//! Black-box tests: each module is named for what can go wrong.
#![allow(missing_docs)]

#[cfg(all(feature = "fleet", feature = "kafka"))]
mod fleet_kafka;
#[cfg(feature = "fleet")]
mod fleet_ledger;
#[cfg(feature = "fleet")]
mod fleet_model;
#[cfg(feature = "fleet")]
mod fleet_reporter;
#[cfg(feature = "fleet")]
mod fleet_wire;
mod hot_drain;
mod hot_model;
mod hot_stress;
mod refresh;
#[cfg(feature = "rotation")]
mod rotation_crash;
#[cfg(all(feature = "default", feature = "rotation", feature = "fleet"))]
mod rotation_kafka;
#[cfg(feature = "rotation")]
mod rotation_kinds;
#[cfg(feature = "rotation")]
mod rotation_retire;
#[cfg(feature = "rotation")]
mod rotation_world;
#[cfg(feature = "aws")]
mod secret_json;

// With the SDK's clients, against the embedded cloud.
#[cfg(feature = "default")]
mod canned;
#[cfg(feature = "default")]
mod check;
#[cfg(feature = "default")]
mod edge;
#[cfg(feature = "default")]
mod handover;
#[cfg(feature = "default")]
mod rotation_by_hand;
#[cfg(all(feature = "default", feature = "rotation"))]
mod rotation_cloud;
#[cfg(all(feature = "default", feature = "fleet", feature = "rotation"))]
mod rotation_lambda;
#[cfg(all(feature = "default", feature = "fleet", feature = "rotation"))]
mod runtime_api;
#[cfg(feature = "default")]
mod secrets_manager;
#[cfg(feature = "default")]
mod whole_clients;
#[cfg(feature = "default")]
mod world;
