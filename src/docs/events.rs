//! The event of a rotation: what is published, and what is understood.
//!
//! # What is published
//!
//! `finishSecret` publishes one record when `AWSCURRENT` has moved, and another, with its own time, when it is retried:
//!
//! ```json
//! {"eventDateTime":1708905600.123,"step":"finishSecret","secretId":"arn:aws:secretsmanager:…:secret:prod/uploader-AbCdEf",
//!  "versionId":"0f2c…","previousVersionId":"a81b…"}
//! ```
//!
//! | field | meaning |
//! |---|---|
//! | `eventDateTime` | when it was published, in seconds since 1970, with a fraction |
//! | `step` | `finishSecret`: no other step is announced |
//! | `secretId` | the secret's ARN |
//! | `versionId` | the version that is current |
//! | `previousVersionId` | the version that was current before; absent if that is not known |
//!
//! The record's key is the secret's ARN. There are no headers. The value is JSON in UTF-8, without a schema registry's prefix.
//!
//! # Consumers that refuse fields they do not know
//!
//! Many rotation functions publish the first two fields only, and a consumer written for these may refuse the others: a
//! plain Jackson `ObjectMapper` does (`FAIL_ON_UNKNOWN_PROPERTIES` is on by default, in Spring it is off), so do Go's
//! `DisallowUnknownFields` and Pydantic's `extra="forbid"`. Such a consumer misses every event. Either let it skip unknown
//! fields (in Jackson `@JsonIgnoreProperties(ignoreUnknown = true)`), or publish the two fields only with
//! `rotation::MinimalEvents`:
//!
//! ```json
//! {"eventDateTime":1708905600.123,"step":"finishSecret"}
//! ```
//!
//! Consumers then refresh at the event of any secret on the topic, and a stale read is noticed only because the version
//! did not change. Both cost a fetch, and nothing else.
//!
//! # What is understood
//!
//! The Kafka trigger reads the events of other rotation functions, too: its documentation lists the spellings. An event has
//! no power: it requests a refresh, and the secret's version decides.
