//! Usage reports: how a service in any language takes part.
//!
//! The rotation deactivates the old key when each consumer has reported that it does not use it any more. A consumer that
//! embeds this crate reports with a `fleet::Reporter`. Every other one can write the same records to the topic: the example
//! [`reporting_consumer.py`](https://github.com/credswap/credswap/blob/HEAD/examples/reporting_consumer.py) is short. One
//! that does not report must have the new key before the old one may be deactivated: `rotation::Policy::min_overlap` after the
//! rotation, a day by default, or `assume_released` where that is set and longer.
//!
//! # The record
//!
//! One record for each process and secret, on a compacted topic. Its key is `instance|incarnation|secret`:
//!
//! ```text
//! pod-7|0000018de2b61400-9e3779b97f4a7c15|prod/uploader
//! ```
//!
//! Its value is JSON in UTF-8, of at most 64 KiB:
//!
//! ```
//! # #[cfg(feature = "fleet")]
//! # {
//! # let key = "pod-7|0000018de2b61400-9e3779b97f4a7c15|prod/uploader";
//! # let value = r#"
//! {"v": 1, "kind": "alive", "instance": "pod-7", "incarnation": "0000018de2b61400-9e3779b97f4a7c15", "sequence": 7,
//!  "secret": "prod/uploader", "ttl": 90, "live": {"version": "0f2c…", "age": 12.3},
//!  "draining": [{"version": "a81b…", "outstanding": 2}], "released": [{"version": "77de…", "age": 4.5}], "rejected": []}
//! # "#;
//! # let mut ledger = credswap::fleet::Ledger::default();
//! # let folded = ledger.fold_record(key.as_bytes(), Some(value.as_bytes()), credswap::fleet::LedgerTime::from_millis(1));
//! # assert!(folded.is_ok(), "{folded:?}");
//! # }
//! ```
//!
//! | field | |
//! |---|---|
//! | `v` | 1 |
//! | `kind` | `alive`; or `final`, without `live`, in the last report before the process ends |
//! | `instance` | a name by which a person finds the process, such as a pod's: 1 to 128 letters, digits and `-_.:/@` |
//! | `incarnation` | this start of it: milliseconds since 1970 and a random number, 16 lower-case hexadecimal digits each |
//! | `sequence` | 1, 2, 3 …: of one incarnation the highest counts |
//! | `secret` | the secret's name or ARN |
//! | `ttl` | for how many seconds the report counts: 5 to 3600 |
//! | `live` | the `VersionId` that new work uses (`version`), and for how many seconds it has been live (`age`) |
//! | `draining` | versions that are not live any more, and still in use by work that began with them (`version`): in how many places (`outstanding`), and for how many more seconds presigned URLs are valid (`pinned`, if there are any) |
//! | `released` | versions that nothing here uses any more (`version`), and for how many seconds that has been so (`age`) |
//! | `rejected` | versions whose key AWS rejected (`version`), and how many seconds ago (`age`): a deactivated key is then activated again |
//!
//! `draining` has at most 16 versions (`unlisted` says how many more there are), the other two lists the newest 8.
//!
//! All but `draining`, `unlisted`, `released` and `rejected` are required, `live` in a `final` report excepted; unknown fields
//! are skipped. A record that is not valid is skipped, counted and logged, and its process does not count.
//!
//! # When to send one
//!
//! - at the start, as soon as a version is in use;
//! - at each change: another version is live, an old one is released, a key was rejected;
//! - at least every third of the `ttl`, so that one may get lost;
//! - at the end, with `final`.
//!
//! Report a version under `draining` or `live` *before* the first use, and under `released` *after* the last one. Send with
//! `acks=all` and one request in flight, so that the records of a process keep their order.
//!
//! The user needs `Write` on the topic. What the ledger concludes from the reports, and how the topic is created, is in the
//! docs of `fleet`.
