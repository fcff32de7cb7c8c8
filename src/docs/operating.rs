//! Permissions, health, metrics, logs and shutdown.
//!
//! # Permissions
//!
//! | who | needs | on |
//! |---|---|---|
//! | the credentials that fetch the secret | `secretsmanager:GetSecretValue` | the secret |
//! | | `kms:Decrypt` | the secret's KMS key, unless that is `aws/secretsmanager` |
//! | the rotated key, for its check | nothing: STS `GetCallerIdentity` needs no permission | |
//! | … if checked by `HeadBucket` | `s3:ListBucket` | the bucket |
//! | the Kafka user | `Read` | the topic of rotation events; no group: see [`kafka`](crate::kafka) |
//! | | `Write` | the topic of usage reports, for a [`fleet::Reporter`](crate::fleet) |
//! | the rotation function | a table of its own | [`rotation`](crate::rotation#permissions) |
//!
//! Where the rotated key itself fetches the secret, use [`aws::BootstrapCredentials`](crate::aws::BootstrapCredentials).
//!
//! # Health
//!
//! [`Refreshable::status`](crate::Refreshable::status) returns a plain struct for a health endpoint, and
//! [`Refreshable::subscribe_status`](crate::Refreshable::subscribe_status) follows it.
//!
//! - *Ready*: as soon as [`start`](crate::refresh::Builder::start) has returned. A value is live from then on, for good.
//! - *Degraded*: [`Status::is_healthy`](crate::refresh::Status::is_healthy) is false: the last refresh failed, or a trigger is
//!   not listening. The service goes on working; investigate within the day.
//! - *Alarm*: `consecutive_failures` grows and `last_success` is older than a rotation may be late; or
//!   `credswap_draining_generations` stays above 0 for longer than your longest request.
//!
//! Do not restart a process because of any of these: the value it has may be the last good one.
//!
//! # Metrics
//!
//! Through the [`metrics`](https://docs.rs/metrics) facade, version 0.24; install the recorder before you start a
//! refreshable. The label `refreshable` is [`Builder::name`](crate::refresh::Builder::name).
//!
//! | name | type | labels | meaning |
//! |---|---|---|---|
//! | `credswap_generation` | gauge | refreshable | the live generation's number |
//! | `credswap_draining_generations` | gauge | refreshable | replaced generations that are still in use |
//! | `credswap_consecutive_failures` | gauge | refreshable | failed refreshes since the last success |
//! | `credswap_refreshes_total` | counter | refreshable, reason | refreshes |
//! | `credswap_refresh_failures_total` | counter | refreshable, kind | refreshes that failed |
//! | `credswap_swaps_total` | counter | refreshable | generations published after the first |
//! | `credswap_swap_delay_seconds` | histogram | refreshable | from the request of a refresh to the swap |
//! | `credswap_drain_seconds` | histogram | refreshable | from the swap to the drain |
//! | `credswap_rejections_total` | counter | code | attempts that a service rejected because of their key |
//! | `credswap_replays_total` | counter | | attempts that were replayed |
//! | `credswap_replica_fetches_total` | counter | replica, outcome | answers of the copies of a secret: answered, behind, failed |
//! | `credswap_events_total` | counter | outcome | records on the Kafka topic: accepted, ignored, unrecognized |
//! | `credswap_reports_total` | counter | secret, outcome | usage reports: sent, failed |
//! | `credswap_report_failures` | gauge | secret | usage reports that failed since the last that was sent |
//!
//! # Logs
//!
//! Through [`tracing`](https://docs.rs/tracing), target `credswap` and below: `info` for a swap, a drain, and a trigger
//! that reconnected; `warn` for a failed refresh and a disconnected trigger; `debug` for the rest. They never contain secret
//! material; they contain versions, and the last four characters of access key ids.
//!
//! # Shutdown
//!
//! 1. Stop accepting work, and let requests finish.
//! 2. [`Refreshable::shutdown`](crate::Refreshable::shutdown): waits, for a limited time, until the replaced generations
//!    have drained.
//! 3. Drop the clients, then `Reporter::shutdown`: the final usage report says that this process uses nothing any more.
