//! Choosing a source, a trigger and a target.
//!
//! The policies that allow what each needs are in [`docs::permissions`](crate::docs::permissions).
//!
//! # Where the secret is: the source
//!
//! | the secret is in | use | feature | one fetch | its version | what the process must be allowed to do |
//! |---|---|---|---|---|---|
//! | AWS Secrets Manager | `source::SecretsManager` | `secrets-manager` | one API call | the `VersionId` | `secretsmanager:GetSecretValue` on the secret, and `kms:Decrypt` on its key unless that is `aws/secretsmanager` |
//! | … and replicated to other regions | [`source::Replicas`](crate::source::Replicas) | `refresh` | one call, more if the primary is down or a key was rejected | that of the copy | the same, in each region |
//! | a parameter of Systems Manager Parameter Store | `source::ParameterStore` | `parameter-store` | one API call | the parameter's number and the time of its last change | `ssm:GetParameter` on the parameter, and `kms:Decrypt` on its key unless that is `aws/ssm` |
//! | a file, or a mounted Kubernetes `Secret` | `source::File` | `file` | two reads of a changed file, one of an unchanged one | of this process only, or [one that the content names](crate::source::File::versioned_by) | to read the file |
//! | an object in S3 | `source::S3Object` | `s3` | one GET, without a body if nothing has changed | the object's version id; of this process only without versioning | `s3:GetObject` on the object, and `kms:Decrypt` on its key if it has one |
//! | any of these, encrypted with KMS | `source::KmsEncrypted` around it | `kms` | that of the other source, and one call of KMS if the version is new | that of the other source | `kms:Decrypt` on the key, and what the other source needs |
//! | Vault or OpenBao: the AWS engine, the database engine, KV version 2 | `source::vault` | `vault`; `vault-ca-file` for a private CA | one call; a new lease only after an event or a rejected key, or before the end | the lease id; the version of KV | `read` on the engine's path, `update` on `sys/leases/renew` and `sys/leases/revoke`; to write to the directory of the lease journal, if there is one |
//! | a provider of the AWS SDK (profile, SSO, process, web identity, container, role) | `source::CredentialsProvider` | `aws` | one call of the provider | access key id and expiry | what the provider needs |
//! | anywhere else | a closure, or your own [`Source`](crate::source::Source) | `refresh` | yours | yours | |
//!
//! A source that cannot be reached never takes a value away: the last good one stays live, and fetches are retried with backoff.
//!
//! # When to fetch: the trigger
//!
//! Polling is always the base: every five minutes, with a jitter of 10 %. A rotation that nobody announces is found by it, or
//! by the first rejected key, whichever comes first.
//!
//! | who announces a rotation | use | feature | delay | what the process must be allowed to do |
//! |---|---|---|---|---|
//! | a rotation function that publishes to Kafka | `trigger::Kafka` | `kafka` | milliseconds | `Read` on the topic |
//! | EventBridge, bridged to that topic by a small function | `trigger::Kafka` | `kafka` | the bridge's | `Read` on the topic |
//! | the file itself | [`File::changes`](crate::source::File::changes) | `file` | 2 s, configurable | to read the file |
//! | … and the operating system, where it tells of changes | [`FileChanges::with_events`](crate::source::FileChanges::with_events) | `file-notify` | 0.1 s, or as above where it does not tell | to read the directory |
//! | a person or a script: `kill -HUP` | `trigger::Hangup` | `signal` | none | |
//! | nobody | [`poll_every`](crate::refresh::Builder::poll_every) | `refresh` | up to the period | |
//! | your own channel | a closure, or your own [`Trigger`](crate::trigger::Trigger) | `refresh` | yours | |
//!
//! A rejected key requests a refresh by itself: that of a client that is configured with [`configure!`](crate::configure), of a
//! whole S3 client, and of a pool of [`sql`](crate::sql).
//!
//! # What is kept current: the target
//!
//! | you have | use | feature | a swap affects | a drain means |
//! |---|---|---|---|---|
//! | one or more SDK clients, and their key changes | `RefreshableCredentials`, [`configure!`](crate::configure) | `aws` | the next attempt | no attempt in flight, no presigned URL |
//! | other SDK clients of the process | `RefreshableCredentials::sdk_config` | `aws` | the next attempt | the same, without presigned URLs |
//! | clients that act as a role | `aws::AssumeRole` | `aws`, `sts` | the next call of `AssumeRole` | no call of `AssumeRole` in flight: sessions outlive the key |
//! | S3 clients whose endpoint or region changes, too | `RefreshableS3Client` | `s3` | the next lease | no clone of the client, no request of it |
//! | a pool of PostgreSQL connections (deadpool) | `sql::deadpool` | `deadpool-postgres` | new connections; idle old ones are closed | no connection with the old login |
//! | a pool of PostgreSQL connections (sqlx) | `sql::sqlx` | `sqlx-postgres` | new connections; idle old ones are closed | no connection of the old version's pool |
//! | a pool that logs in with tokens of RDS | `aws::RdsToken`, and `keep_connections` of either pool | `rds` | the next login | no login under way, no token that is valid: at most 15 minutes |
//! | a database login, a token, any typed secret | [`Refreshable::typed`](crate::Refreshable::typed) | `refresh` | the next lease | no lease |
//! | something that is built from the secret | a closure, or your own [`Connect`](crate::connect::Connect) | `refresh` | the next lease | no lease, no drain token |
