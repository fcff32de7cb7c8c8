//! Back to an older version of the secret.
//!
//! A rollback is a move of `AWSCURRENT`. It is undone in the same way.
//!
//! ```sh
//! aws secretsmanager describe-secret --secret-id prod/uploader --query VersionIdsToStages  # which version has which label
//! aws secretsmanager update-secret-version-stage --secret-id prod/uploader --version-stage AWSCURRENT \
//!     --move-to-version-id "$OLD" --remove-from-version-id "$NEW"
//! ```
//!
//! Secrets Manager then moves `AWSPREVIOUS` to the version that lost `AWSCURRENT`.
//!
//! # 1. The key must exist
//!
//! The version that you go back to has the old key. If [`retire`](crate::rotation::Rotation::retire) has *deleted* it, there is
//! no way back: rotate forward instead. If retire has *deactivated* it, the next step or retirement activates it, and logs a
//! warning; `{"Step": "retireSecret", "SecretId": "prod/uploader"}` to the rotation function does that at once. Until then no
//! process can start with it, and those that run keep the newer key, which still works. A key that a person deactivated stays
//! inactive.
//!
//! # 2. Tell the consumers
//!
//! Nobody announces a rollback. Consumers notice it when they poll, within five minutes by default. To tell them sooner, publish
//! the event that `finishSecret` publishes:
//!
//! ```sh
//! # kcat.conf: security.protocol, sasl.mechanism, sasl.username and sasl.password of a user with `Write` on the topic
//! echo '{"eventDateTime": 1708905600.123, "step": "finishSecret"}' |
//!     kcat -F kcat.conf -P -b "$BROKERS" -t s3.test.secret.manager
//! ```
//!
//! # 3. Up to 30 seconds
//!
//! Reads of Secrets Manager are eventually consistent: for a moment after a swap an answer may still be the version before. So
//! a consumer takes a version that it replaced less than
//! [`Timeouts::stale_reads`](crate::refresh::Timeouts::stale_reads) ago (30 s by default) for a stale answer, and fetches again
//! when that time has passed. A rollback within 30 seconds after a swap therefore reaches a consumer at the end of them. Later
//! ones go live at once.
//!
//! `refresh()` returns [`Refreshed::Stale`](crate::refresh::Refreshed::Stale) in that time, with the version that was fetched.
//! [`force_refresh`](crate::Refreshable::force_refresh) takes it without waiting: give it to an operator, and never to a timer.
//! Both prove a key before it goes live.
//!
//! # 4. The rotation that you undid
//!
//! Most rotation functions leave `AWSPENDING` on the version that they made current. (This crate's removes it, unless it dies
//! just then.) After a rollback that version looks like a rotation that has to be finished, and finishing it would undo the
//! rollback. A version that has `AWSPENDING` and `AWSPREVIOUS` was current before: no step continues it. The next retirement,
//! or the next rotation of a [`Runner`](crate::rotation::Runner), removes the label from it and logs a warning. By hand:
//!
//! ```sh
//! aws secretsmanager update-secret-version-stage --secret-id prod/uploader --version-stage AWSPENDING \
//!     --remove-from-version-id "$NEW"
//! ```
//!
//! Go back by more than one version in one move. If you move `AWSCURRENT` twice, `AWSPREVIOUS` moves on as well and no longer
//! marks the version that was undone first: remove its `AWSPENDING` by hand.
//!
//! Then rotate as usual. The key that you rolled back is retired like any other: when all consumers have released it.
