//! What happens in which failure, and what it looks like.
//!
//! | what fails | what happens | what it looks like |
//! |---|---|---|
//! | the event is lost, or Kafka is down | the interval looks; a refused request looks | the trigger's [`Health::Deaf`](crate::trigger::Health::Deaf), with what to change |
//! | the event comes twice, late, or out of order | one look, which finds nothing new | `credswap_looks_total{reason="event"}` |
//! | the event is forged | a look that finds nothing; ten in a burst, then one in five seconds | the same |
//! | the event is malformed | skipped, and counted | `credswap_events_total{outcome="malformed"}`, one log line a minute without its content |
//! | the read is stale (replicas lag) | it is read again until the version changes, at most [`Bounds::settle`](crate::reload::Bounds::settle) | nothing |
//! | the source is down, or throttles | the value stays; looks are repeated with backoff, up to a minute apart | [`Status::consecutive_failures`](crate::reload::Status::consecutive_failures), [`Notice::Failed`](crate::reload::Notice::Failed) |
//! | the reader lacks a permission | the same | an error that names it: `secretsmanager:GetSecretValue` or `kms:Decrypt` |
//! | the secret is malformed, or a field is missing or empty | the last good value stays | [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), which names the field and never the value |
//! | the new key is not known everywhere yet | it is checked again, with backoff, at most [`Bounds::propagation`](crate::reload::Bounds::propagation); the old one stays in use | a log line; after the bound [`ErrorKind::NotPropagated`](crate::ErrorKind::NotPropagated) |
//! | the new key is wrong | the last good value stays | [`ErrorKind::Rejected`](crate::ErrorKind::Rejected) |
//! | the new key is genuine but may not | as [`Builder::on_forbidden`](crate::reload::Builder::on_forbidden) says: rejected by default | [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) |
//! | the old key is deleted while requests use it | they are replayed with the new one, once it is there | `credswap_replays_total`; the caller sees nothing |
//! | … and the request's body can be read only once | that request fails: nothing can send it again | the service's own error; retire keys when they are drained, and this does not happen |
//! | … and no newer key comes within [`Bounds::refresh`](crate::reload::Bounds::refresh) | the request fails; others that follow fail at once | [`ErrorKind::NoNewerKey`](crate::ErrorKind::NoNewerKey) in the SDK error's chain |
//! | a request hangs, or somebody keeps a lease | its generation does not drain; swaps go on | [`Status::held`](crate::reload::Status::held), `credswap_held_generations` |
//! | a request is cancelled | its lease ends with it | nothing |
//! | a source, connect or check panics or hangs | that look fails; the loop goes on | [`ErrorKind::Panicked`](crate::ErrorKind::Panicked), [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) |
//! | a trigger panics | the others go on | its health |
//! | the process starts while the source is down | `start()` returns the error: there is nothing to serve with | the error |
//! | the process starts while Kafka is down | it starts | the trigger's health |
//! | the process stops | [`Reloader::shutdown`](crate::Reloader::shutdown) waits for the old generations, bounded | the generations that were still held |
