//! Permissions, ACLs, health, metrics, logs.
//!
//! # Permissions
//!
//! | who | what | on |
//! |---|---|---|
//! | whoever reads the secret | `secretsmanager:GetSecretValue` | the secret |
//! | | `kms:Decrypt` | the secret's KMS key, unless that is `aws/secretsmanager` |
//! | the rotated key, for its check | nothing: STS `GetCallerIdentity` needs no permission | |
//! | … if checked by `HeadBucket` | `s3:ListBucket` | the bucket |
//! | the Kafka user | `Read` | the topic of events; no group: see [`trigger`](crate::trigger) |
//! | | `Write` | the topic of reports, for a [`fleet::Reporter`](crate::fleet) |
//! | whoever rotates and retires | a page of its own | [`rotation`](crate::rotation#permissions) |
//!
//! Where the rotated key is the one that reads the secret, use `aws::BootstrapCredentials`.
//!
//! # Health
//!
//! [`Refreshable::status`](crate::Refreshable::status) is a plain struct for a health endpoint, and
//! [`Refreshable::subscribe_status`](crate::Refreshable::subscribe_status) tells as it changes.
//!
//! - *Ready*: as soon as [`start`](crate::refresh::Builder::start) has returned. A value is live from then on, for good.
//! - *Degraded*: [`Status::is_healthy`](crate::refresh::Status::is_healthy) is false: a look failed, or a trigger does not
//!   hear. The service works on; somebody should look within the day.
//! - *Alarm*: `consecutive_failures` grows and `last_success` is older than the rotation may be late; or
//!   `credswap_draining_generations` stays above 0 for longer than your longest request.
//!
//! Do not restart a process because of any of these: the value it has may be the last good one.
//!
//! # Metrics
//!
//! Through the [`metrics`](https://docs.rs/metrics) facade; install the recorder of your choice. The label `refreshable` is
//! [`Builder::name`](crate::refresh::Builder::name).
//!
//! | name | type | labels | what |
//! |---|---|---|---|
//! | `credswap_generation` | gauge | refreshable | the live generation |
//! | `credswap_draining_generations` | gauge | refreshable | old generations in use |
//! | `credswap_consecutive_failures` | gauge | refreshable | failed looks since the last success |
//! | `credswap_refreshes_total` | counter | refreshable, reason | looks, by what asked for them |
//! | `credswap_refresh_failures_total` | counter | refreshable, kind | looks that failed |
//! | `credswap_swaps_total` | counter | refreshable | swaps |
//! | `credswap_swap_delay_seconds` | histogram | refreshable | from "look" to the swap |
//! | `credswap_drain_seconds` | histogram | refreshable | from the swap to the drain |
//! | `credswap_rejections_total` | counter | code | attempts refused for their key |
//! | `credswap_replays_total` | counter | | replays |
//! | `credswap_events_total` | counter | outcome | messages on the Kafka topic: accepted, ignored, malformed |
//! | `credswap_reports_total` | counter | secret, outcome | reports to the fleet: sent, failed |
//! | `credswap_report_failures` | gauge | secret | reports that failed since the last that was sent |
//!
//! # Logs
//!
//! Through [`tracing`](https://docs.rs/tracing), target `credswap` and below: `info` for a swap, a drain and a trigger
//! that hears again; `warn` for a look that failed and a trigger that does not hear; `debug` for the rest. Secret
//! material is in none of them; versions, and the last four characters of access key ids, are.
