//! Permissions, health, metrics, logs and shutdown.
//!
//! # Permissions
//!
//! [`docs::permissions`](crate::docs::permissions) has the policies to paste. In short:
//!
//! | who | needs | on |
//! |---|---|---|
//! | the credentials that fetch the secret | `secretsmanager:GetSecretValue` | the secret |
//! | | `kms:Decrypt` | the secret's KMS key, unless that is `aws/secretsmanager` |
//! | the rotated key, for its check | nothing: STS `GetCallerIdentity` needs no permission | |
//! | … if checked by `HeadBucket` | `s3:ListBucket` | the bucket |
//! | … for the request that a whole client makes itself | nothing: `AccessDenied` will do, unless [`OwnRequest::require_success`](crate::aws::OwnRequest::require_success) is set | |
//! | the Kafka user | `Read` | the topic of rotation events; no group: see [`kafka`](crate::kafka) |
//! | | `Write` | the topic of usage reports, for a [`fleet::Reporter`](crate::fleet) |
//! | the rotation function | a policy of its own | [its secret, user and topics](crate::docs::permissions#the-rotation-function) |
//!
//! Where the rotated key itself fetches the secret, use [`aws::BootstrapCredentials`](crate::aws::BootstrapCredentials).
//!
//! # Health
//!
//! [`Refreshable::status`](crate::Refreshable::status) returns a plain struct for a health endpoint, and
//! [`Refreshable::subscribe_status`](crate::Refreshable::subscribe_status) follows it. It implements `serde::Serialize`.
//!
//! | state | in the [`Status`](crate::refresh::Status) | gauge |
//! |---|---|---|
//! | live and proven | [`is_ready`](crate::refresh::Status::is_ready) | `credswap_ready` is 1 |
//! | live, but rejected lately | [`live_rejection`](crate::refresh::Status::live_rejection): since when, when last, how often | `credswap_live_rejected` |
//! | expired | [`expired`](crate::refresh::Status::expired) | `credswap_ready` is 0 |
//! | a new version waits | [`waiting`](crate::refresh::Status::waiting): which, since when, why | `credswap_version_waiting` |
//! | the source fails | [`source_failing_since`](crate::refresh::Status::source_failing_since), `last_error` | `credswap_source_failing` |
//! | a trigger is disconnected | [`triggers`](crate::refresh::Status::triggers), with what to change | `credswap_trigger_listening` is 0 |
//! | the loop has ended, also by a panic or with its runtime | [`ended`](crate::refresh::Status::ended): why | `credswap_running` is 0 |
//!
//! - *Readiness*: [`Status::is_ready`](crate::refresh::Status::is_ready). A value is live as soon as
//!   [`start`](crate::refresh::Builder::start) has returned; it is unready while requests with it are likely to fail. If your
//!   service does much that does not need the value, leave it ready.
//! - *Liveness*: [`Status::is_running`](crate::refresh::Status::is_running). Only a restart helps when it is false. Do not
//!   restart a process for any other state: the value that it has may be the last good one.
//! - *Degraded*: [`Status::is_healthy`](crate::refresh::Status::is_healthy) is false: the live value was rejected or has expired,
//!   the last refresh failed, the loop has ended, or a trigger is not listening. A trigger of your own counts as listening once
//!   it has [said so](crate::trigger::RefreshRequester::set_health), and until it ends. Investigate within the day.
//! - *Alarm*: `credswap_ready` is 0; `consecutive_failures` grows and `last_success` is older than a rotation may be late; a
//!   version waits for longer than [`Timeouts::propagation`](crate::refresh::Timeouts::propagation); or
//!   `credswap_draining_generations` stays above 0 for longer than your longest request.
//!
//! A start while the source is down fails: there is nothing to serve with. Let the orchestrator restart the process, or wait
//! with [`start_within`](crate::refresh::Builder::start_within), which retries what may pass by itself and logs each failure.
//!
//! # Metrics
//!
//! Through the [`metrics`](https://docs.rs/metrics) facade, version 0.24: the recorder (that of
//! metrics-exporter-prometheus 0.18, say) must be made for the same one, or it receives nothing; `cargo tree --invert metrics`
//! shows whether there is another. Install the recorder *before* you start a refreshable: names and help texts are registered
//! then, and counters begin at 0. The label `refreshable` is [`Builder::name`](crate::refresh::Builder::name).
//!
//! | name | type | labels | meaning |
//! |---|---|---|---|
//! | `credswap_generation` | gauge | refreshable | the live generation's number |
//! | `credswap_draining_generations` | gauge | refreshable | replaced generations that are still in use |
//! | `credswap_consecutive_failures` | gauge | refreshable | failed refreshes since the last success |
//! | `credswap_last_success_timestamp_seconds` | gauge | refreshable | when a refresh last succeeded, in seconds since 1970 |
//! | `credswap_ready` | gauge | refreshable | 1 if the live value was not rejected lately and has not expired |
//! | `credswap_running` | gauge | refreshable | 1 while the refresh loop runs |
//! | `credswap_live_rejected` | gauge | refreshable | 1 if the live value was rejected and not proven again since |
//! | `credswap_source_failing` | gauge | refreshable | 1 while the secret cannot be fetched |
//! | `credswap_version_waiting` | gauge | refreshable, reason | 1 while a version waits: not_propagated, forbidden, check_failed, connect_failed |
//! | `credswap_trigger_listening` | gauge | refreshable, trigger | 1 while the trigger listens, and all others of its name |
//! | `credswap_refreshes_total` | counter | refreshable, reason | refreshes, once for each of their reasons: start, event, rejected, catch_up, interval, expiry, signal, manual; scheduled if nobody asked for it |
//! | `credswap_refresh_failures_total` | counter | refreshable, kind | refreshes that failed, by [`ErrorKind::as_str`](crate::ErrorKind::as_str) |
//! | `credswap_swaps_total` | counter | refreshable | generations published after the first |
//! | `credswap_swap_delay_seconds` | histogram | refreshable | from the request of a refresh to the swap |
//! | `credswap_drain_seconds` | histogram | refreshable | from the swap to the drain |
//! | `credswap_rejections_total` | counter | refreshable, code | attempts that a service rejected because of their key |
//! | `credswap_replays_total` | counter | refreshable | attempts that were replayed |
//! | `credswap_replica_fetches_total` | counter | replica, outcome | answers of the copies of a secret: answered, behind, failed |
//! | `credswap_events_total` | counter | refreshable, outcome | records on the Kafka topic: accepted, ignored, unrecognized |
//! | `credswap_reports_total` | counter | secret, outcome | usage reports: sent, failed |
//! | `credswap_report_failures` | gauge | secret | usage reports that failed since the last that was sent |
//!
//! # Logs
//!
//! Through [`tracing`](https://docs.rs/tracing), target `credswap` and below: `error` for what a person should look at (a key that
//! the rotation deactivated at its deadline or activated again, SIGHUP that cannot be received); `warn` for a failed refresh, a
//! rejected or expired value and a disconnected trigger; `info` for the first value, a swap, a drain, and a trigger that
//! reconnected; `debug` for the rest. They never contain secret material; they contain versions, and the last four characters of
//! access key ids. The versions of `source::CredentialsProvider`, of Vault's `aws_static_creds` and of what Vault issues without
//! a lease have the access key id in full.
//!
//! The AWS SDK has logs of its own. At level `trace` they contain requests and answers, with the variable `LOG_SENSITIVE_BODIES`
//! also the bodies of answers: leave `aws_smithy_runtime` at `debug` or above where real secrets are.
//!
//! What the loop and its triggers log is in a span, `credswap{refreshable=NAME}`, with the name that the label in the metrics
//! has; what a request logs has it as a field, `refreshable`. Give each set of a process that has several its own
//! [`Builder::name`](crate::refresh::Builder::name).
//!
//! # Shutdown
//!
//! 1. Stop accepting work, and let requests finish.
//! 2. [`Refreshable::shutdown`](crate::Refreshable::shutdown): waits, for a limited time, until the replaced generations
//!    have drained, and then for at most [`Timeouts::fetch`](crate::refresh::Timeouts::fetch) (30 s by default) until the source
//!    has finished: Vault revokes keys then. An orchestrator's grace period must be longer than both together.
//! 3. Drop the clients, then `Reporter::shutdown`: the final usage report says that this process uses nothing any more.
