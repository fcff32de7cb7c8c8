//! What happens in each failure, and how it shows.
//!
//! | what fails | what happens | how it shows |
//! |---|---|---|
//! | the event is lost, or Kafka is down | polling refreshes; a rejected key refreshes | the trigger's [`Health::Disconnected`](crate::trigger::Health::Disconnected), with what to change |
//! | the event is duplicated, late, or out of order | one refresh, which finds nothing new | `credswap_refreshes_total{reason="event"}` |
//! | the event is forged | a refresh that finds nothing; ten in a burst, then one in five seconds | the same |
//! | a record is not a known event | a refresh within 15 seconds, at most one in that time | `credswap_events_total{outcome="unrecognized"}`, one log line a minute without its content |
//! | the answer is stale (replicas lag) | the secret is fetched until its version changes, for at most [`Timeouts::stale_reads`](crate::refresh::Timeouts::stale_reads) | [`Refreshed::Stale`](crate::refresh::Refreshed::Stale), to whoever called `refresh()` |
//! | the source is down, or throttles | the value stays; refreshes are repeated with backoff, up to two minutes apart | [`Status::consecutive_failures`](crate::refresh::Status::consecutive_failures), [`RefreshEvent::Failed`](crate::refresh::RefreshEvent::Failed) |
//! | a permission is missing | the same | an error that names it: `secretsmanager:GetSecretValue` or `kms:Decrypt` |
//! | the secret is malformed, or a field is missing or empty | the last good value stays | [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), which names the field and never the value; [`Status::waiting`](crate::refresh::Status::waiting) |
//! | … or a field that is not used | nothing: it is judged where it is used | does not show |
//! | the endpoint or the region of a whole client is wrong | the last good client stays | [`ErrorKind::Malformed`](crate::ErrorKind::Malformed), or what the client's own request was answered |
//! | stored session credentials expire | they are fetched again before, and once more at their end | [`Status::expires`](crate::refresh::Status::expires), [`Status::expired`](crate::refresh::Status::expired), `credswap_ready` |
//! | the new key is not known everywhere yet | it is checked again, with backoff, for at most [`Timeouts::propagation`](crate::refresh::Timeouts::propagation); the old one stays in use | [`Status::waiting`](crate::refresh::Status::waiting), a log line; after the timeout [`ErrorKind::NotPropagated`](crate::ErrorKind::NotPropagated) |
//! | … its check passed, and the service does not know it yet | requests are repeated with it, with backoff, each for at most [`Timeouts::newer_key`](crate::refresh::Timeouts::newer_key) | `credswap_rejections_total`, `credswap_replays_total` |
//! | the new key is wrong | the last good value stays | [`ErrorKind::Rejected`](crate::ErrorKind::Rejected) |
//! | the new key is genuine but not permitted | as [`Builder::on_forbidden`](crate::refresh::Builder::on_forbidden) says: rejected by default | [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) |
//! | the old key is deleted while requests use it | they are replayed with the new one, as soon as it is live | `credswap_replays_total`; the caller sees no failure |
//! | … and the request's body can be read only once | that request fails: it cannot be sent again | the service's own error; retire keys when they are drained, and this does not happen |
//! | … and no newer key is known | the source is fetched until it changes; the live key is checked again when it was not rejected for a while | [`Status::live_rejection`](crate::refresh::Status::live_rejection), `credswap_live_rejected` |
//! | … and no newer key comes within [`Timeouts::newer_key`](crate::refresh::Timeouts::newer_key) | the request fails; others that follow fail at once | the service's own error; a warning is logged, with [`ErrorKind::NoNewerKey`](crate::ErrorKind::NoNewerKey)'s text |
//! | … after [`Refreshable::shutdown`](crate::Refreshable::shutdown) | the request fails at once | [`ErrorKind::ShutDown`](crate::ErrorKind::ShutDown) in the SDK error's chain, with the service's answer |
//! | a request is rejected for its own reasons: a signature that was spoilt on the way, the wrong service | it fails as soon as another one that was signed later succeeds with the same key | the service's own error |
//! | the clock is wrong | the SDK corrects the time and repeats the request | does not show |
//! | a store denies a dead key without saying why | five denials in a row request a refresh, at most one in four times [`Timeouts::newer_key`](crate::refresh::Timeouts::newer_key), a minute by default | the service's own error, until the new key is live |
//! | a database rejects the live password, because its rotation has changed it and not moved `AWSCURRENT` yet | new connections of an [`sql`](crate::sql) pool wait for the newer secret, for at most [`Timeouts::newer_key`](crate::refresh::Timeouts::newer_key); open ones go on | [`Status::rejected`](crate::refresh::Status::rejected), `credswap_live_rejected`, a log line; after that time the database's own error |
//! | a request hangs, or a lease is kept | its generation does not drain; swaps go on | [`Status::draining`](crate::refresh::Status::draining), `credswap_draining_generations` |
//! | a request is cancelled | its lease ends with it | does not show |
//! | a source, connect or check panics or hangs | that refresh fails; the loop goes on | [`ErrorKind::Panicked`](crate::ErrorKind::Panicked), [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) |
//! | the operating system tells of no changes in a directory, or it cannot be watched | the file is read periodically | one warning, if it cannot be watched |
//! | a trigger panics | the others go on | its health |
//! | the process starts while the source is down | `start()` returns the error: there is nothing to serve with; [`start_within`](crate::refresh::Builder::start_within) waits for what may pass by itself, and not for a secret, a file or a permission that is missing | the error |
//! | the refresh loop itself ends, by a panic or with its runtime | the live value stays usable, and is not replaced any more | [`Status::ended`](crate::refresh::Status::ended), `credswap_running`; `refresh()` returns [`ErrorKind::ShutDown`](crate::ErrorKind::ShutDown) |
//! | the process starts while Kafka is down | it starts | the trigger's health |
//! | the process stops | [`Refreshable::shutdown`](crate::Refreshable::shutdown) waits for the replaced generations, and lets the source give back what it minted, each for a limited time | the generations that were still in use |
//! | the process is killed while it holds a key that Vault minted | with a lease journal, the next process revokes it; without one, it ends with its lease | a log line of the next process: what it has revoked, or a warning with the ids and ends of the leases it could not |
//!
//! # On the authority's side
//!
//! | what fails | what happens | how it shows |
//! |---|---|---|
//! | a step of a rotation, or its process | the whole rotation is called again and continues from what it finds: see [`rotation`](crate::rotation) | the step's error; on Lambda the function's `Errors` |
//! | the event cannot be published | `finishSecret` fails after the label was moved; the retry publishes it | [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) |
//! | both keys of the user are in use | the rotation fails, nothing is removed | [`ErrorKind::InUse`](crate::ErrorKind::InUse), which names the consumers |
//! | a consumer does not release the old key | the key stays; past its deadline it is deactivated, never deleted | the key's reason in the retirement's report; an error is logged at the deadline |
//! | some consumers do not report | the old key stays active for [`Policy::min_overlap`](crate::rotation::Policy::min_overlap), a day, or for as long as the policy assumes | the key's reason in the retirement's report |
//! | … and one uses the key after that | IAM has recorded it: the key stays, until its deadline; a deactivated one is activated again | a warning is logged at each retirement, an error when a key is activated again |
//! | a consumer is rejected with a deactivated key | the next retirement activates it again | an error is logged |
//! | the secret is rolled back to a version whose key was deactivated | the next step or retirement activates it: see [`rollback`](crate::docs::rollback) | a warning is logged |
//! | a version of the secret cannot be read or decrypted | what does not depend on it goes on | the error names the version and the key that it concerns |
//! | a pending key was deleted in IAM | `testSecret` fails at once | [`ErrorKind::Rejected`](crate::ErrorKind::Rejected), which says how to rotate again |
//! | a consumer ends without a final report, or is cut off from Kafka | its TTL expires; then it is presumed gone, and the key is deactivated and watched | `presumed_gone` in the release status; a warning is logged |
//! | usage reports cannot be read, or their topic does not have the broker's times | nothing is retired | the retirement's error |
//! | a usage report is malformed or forged | it is skipped and counted; whoever may write the topic is believed | one log line for each reading, without its content |
