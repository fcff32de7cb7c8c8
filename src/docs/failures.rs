//! What happens in which failure, and what it looks like.
//!
//! | what fails | what happens | what it looks like |
//! |---|---|---|
//! | the event is lost, or Kafka is down | the interval looks; a refused request looks | the trigger's [`Health::Disconnected`](crate::trigger::Health::Disconnected), with what to change |
//! | the event comes twice, late, or out of order | one look, which finds nothing new | `credswap_refreshes_total{reason="event"}` |
//! | the event is forged | a look that finds nothing; ten in a burst, then one in five seconds | the same |
//! | the event is malformed | skipped, and counted | `credswap_events_total{outcome="malformed"}`, one log line a minute without its content |
//! | the read is stale (replicas lag) | it is read again until the version changes, at most [`Timeouts::settle`](crate::refresh::Bounds::settle) | nothing |
//! | the source is down, or throttles | the value stays; looks are repeated with backoff, up to a minute apart | [`Status::consecutive_failures`](crate::refresh::Status::consecutive_failures), [`RefreshEvent::Failed`](crate::refresh::RefreshEvent::Failed) |
//! | the reader lacks a permission | the same | an error that names it: `secretsmanager:GetSecretValue` or `kms:Decrypt` |
//! | the secret is malformed, or a field is missing or empty | the last good value stays | [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), which names the field and never the value |
//! | the new key is not known everywhere yet | it is checked again, with backoff, at most [`Timeouts::propagation`](crate::refresh::Bounds::propagation); the old one stays in use | a log line; after the bound [`ErrorKind::NotPropagated`](crate::ErrorKind::NotPropagated) |
//! | … what checked it knows it, and the service does not yet | its requests are made again with it, with backoff, each for at most [`Timeouts::refresh`](crate::refresh::Bounds::refresh) | `credswap_rejections_total`, `credswap_replays_total` |
//! | the new key is wrong | the last good value stays | [`ErrorKind::Rejected`](crate::ErrorKind::Rejected) |
//! | the new key is genuine but may not | as [`Builder::on_forbidden`](crate::refresh::Builder::on_forbidden) says: rejected by default | [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) |
//! | the old key is deleted while requests use it | they are replayed with the new one, once it is there | `credswap_replays_total`; the caller sees nothing |
//! | … and the request's body can be read only once | that request fails: nothing can send it again | the service's own error; retire keys when they are drained, and this does not happen |
//! | … and no newer key comes within [`Timeouts::refresh`](crate::refresh::Bounds::refresh) | the request fails; others that follow fail at once | [`ErrorKind::NoNewerKey`](crate::ErrorKind::NoNewerKey) in the SDK error's chain |
//! | a request hangs, or somebody keeps a lease | its generation does not drain; swaps go on | [`Status::held`](crate::refresh::Status::held), `credswap_draining_generations` |
//! | a request is cancelled | its lease ends with it | nothing |
//! | a source, connect or check panics or hangs | that look fails; the loop goes on | [`ErrorKind::Panicked`](crate::ErrorKind::Panicked), [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) |
//! | a trigger panics | the others go on | its health |
//! | the process starts while the source is down | `start()` returns the error: there is nothing to serve with | the error |
//! | the process starts while Kafka is down | it starts | the trigger's health |
//! | the process stops | [`Refreshable::shutdown`](crate::Refreshable::shutdown) waits for the old generations, bounded | the generations that were still held |
//!
//! # On the authority's side
//!
//! | what fails | what happens | what it looks like |
//! |---|---|---|
//! | a step of a rotation, or its process | the whole rotation is called again and goes on from what it finds: see [`rotation`](crate::rotation#what-each-step-does-when-it-is-called-again) | the step's error; on Lambda the function's `Errors` |
//! | the event cannot be published | `finishSecret` fails after the label was moved; the retry publishes it | [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) |
//! | both keys of the user are in use | the rotation fails, nothing is removed | [`ErrorKind::InUse`](crate::ErrorKind::InUse), which names the holders |
//! | a consumer does not let go of the old key | it stays; past its deadline it is deactivated, never deleted | `why` of [`rotation::Retired`](crate::rotation::Retired); an error is logged at the deadline |
//! | a consumer is refused with a deactivated key | the next look gives it back | an error is logged |
//! | a consumer ends without a goodbye, or is cut off from Kafka | its TTL passes, then its silence counts as an assumption: the key is deactivated and watched | `assumed` in the verdict; a warning is logged |
//! | reports cannot be read, or their topic has no broker's times | nothing is retired | the error of [`Holders::word_on`](crate::rotation::Holders::word_on) |
//! | a report is malformed or forged | it is skipped and counted; who may write the topic is believed | one log line for each reading, without its content |
