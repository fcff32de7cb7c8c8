//! AWS access keys: kept current under SDK clients, so that each request is signed with the live key.
//!
#![cfg_attr(
    feature = "aws",
    doc = r#"
[`RefreshableCredentials`] are started once, from a secret; [`configure!`](crate::configure) puts them under a client that
is built once and kept for life. Three statements after loading the `SdkConfig`:

"#
)]
#![cfg_attr(
    all(feature = "secrets-manager", feature = "sts", feature = "s3"),
    doc = r#"
```no_run
use credswap::RefreshableCredentials;
# async fn example(sdk: aws_types::SdkConfig) -> Result<(), credswap::Error> {
let credentials = RefreshableCredentials::from_secrets_manager(&sdk, "prod/uploader").start().await?;
let builder = credswap::configure!(credentials, aws_sdk_s3::config::Builder::from(&sdk));
let s3 = aws_sdk_s3::Client::from_conf(builder.build());

// For every other client of the process: swapped and drained, without replay.
let sdk = credentials.sdk_config(&sdk);
let sts = aws_sdk_sts::Client::new(&sdk);
# Ok(()) }
```
"#
)]
#![cfg_attr(
    feature = "aws",
    doc = r#"
# What a client gets

The SDK caches identities: behind its default cache, credentials without an expiry are served for 15 minutes after their
provider has changed. A credentials provider alone therefore cannot rotate anything in time. `configure!` replaces the cache:
each *attempt* of each request gets the live key (one atomic load, no allocation), so that

- the next attempt after a swap is signed with the new key; retries and clones of the client follow by themselves;
- the client, its connections and its retry quota stay: a swap opens and closes nothing;
- each attempt keeps the key that signed it in use until it ends, however it ends. So do clones of the credentials, until they
  are dropped, and presigned URLs, until they expire. The drain is exact;
- an attempt that is rejected because its key is dead is reported, waits for a newer key, and is replayed with it, outside the
  SDK's retry quota and the user's number of attempts. If no newer key comes, the caller gets the service's own error;
- an attempt that is rejected for its own reasons, while others that are signed later succeed with the same key, is not replayed:
  the caller gets the service's own error, and the key stays good;
- an attempt that is rejected because its key is too new (the check passed, and this service does not know the key yet) is
  repeated with the same key for at most [`Timeouts::newer_key`](crate::refresh::Timeouts::newer_key).

| given to a client | next attempt after a swap | drain | replay, reports of rejections |
|---|---|---|---|
| [`configure!`](crate::configure) | new key | exact | yes |
| [`sdk_config`](crate::Refreshable::sdk_config) | new key | when the operation ends; presigned URLs are not counted | no |
| the credentials as a provider | up to 15 minutes later | up to 15 minutes later | no |

# What cannot be replayed

- A request whose body is a stream that can be read only once.
- A request that is answered with `AccessDenied`, or a `HEAD` that is answered with a bare 403, unless a newer key is live
  already: the cause may be a missing permission.

The drain protects these: retire a key when it is drained, and none of its requests is rejected.

# What keeps a key in use, and what does not

A request needs its key until the service has answered: when the head of the answer has come, the operation ends, and with it
the use of its key. **The body of a `GetObject` that is still being read keeps no key in use**, for it needs none: it is read to
its end even when the key has been deleted meanwhile.

Sessions that are made with a key outlive it. They are valid until they expire, whatever happens to the key, and keep none in use:
those of `AssumeRole`, and those that the SDK makes for requests to S3 Express directory buckets. What needs the key is the call
that makes the session: while it runs, it keeps its key in use, and when its key is rejected, that is reported, and the call is
made again with a newer one.

# A key is proven, or not published

A service that answers "access denied" may have verified the key, or may never have heard of it: Amazon S3 says
`InvalidAccessKeyId` about an unknown key, some S3-compatible stores deny it like any other request. With
[`OnForbidden::Accept`](crate::refresh::OnForbidden::Accept) a denied key is published, so a denial counts as that of a *genuine* key
only if one of these proves it; otherwise the key is checked again, as one that is not known yet:

- the message is one that only an authenticated request gets: "User: … is not authorized to perform: …";
- a request with the same key id and a wrong secret access key gets another answer (`check::HeadBucket` asks).

Five denials in a row of a live key, without a success between them and without a reason, lead to a refresh, at most once in four
times [`Timeouts::newer_key`](crate::refresh::Timeouts::newer_key): once a minute by default.

# Which check

A key is proven before it goes live.

| the key is for | connector |
|---|---|
| AWS | `AccessKeyConnector::new(&sdk)`, as `from_secrets_manager` uses: STS `GetCallerIdentity`, which needs no permission (feature `sts`) |
| an S3-compatible store, or AWS where STS cannot be reached | `checked_by(check::HeadBucket::new(&sdk, "bucket"))`, which needs `s3:ListBucket` (feature `s3`) |
| anything else | `checked_by` with a closure that calls the service |
| nothing that can be asked | `checked_by(check::NoCheck)`: the first request finds out |

"#
)]
#![cfg_attr(
    feature = "s3",
    doc = "Where the secret holds a region, an endpoint or a bucket that changes with the key, use [`RefreshableS3Client`] \
           (feature `s3`): before such a client goes live it also makes a request of its own ([`OwnRequest`]), so that a wrong \
           endpoint is found."
)]

pub mod check;
#[cfg(feature = "aws")]
mod client;
#[cfg(feature = "aws")]
mod connect;
#[cfg(feature = "aws")]
mod experience;
#[cfg(feature = "aws")]
mod key;
#[cfg(feature = "rds")]
mod rds_token;
#[cfg(feature = "s3")]
mod s3;
mod secret;

pub use check::Check;
#[cfg(all(feature = "aws", feature = "sts"))]
pub use client::AssumeRole;
#[cfg(feature = "aws")]
pub use client::{BootstrapCredentials, ClientHooks};
#[cfg(feature = "aws")]
pub use connect::AccessKeyConnector;
#[cfg(feature = "aws")]
pub use key::{LiveKey, RefreshableCredentials};
#[cfg(feature = "rds")]
pub use rds_token::RdsToken;
#[cfg(feature = "s3")]
pub use s3::{ClientCheck, OwnRequest, RefreshableS3Client, S3Client, S3ClientConnector};
pub use secret::{AccessKey, Fields};
#[cfg(feature = "rotation")]
pub(crate) use secret::{id_suffix, mentions, other_places, with_key};
