//! The smallest policies: what each part must be allowed to do.
//!
//! Paste a policy, put your names in, and leave out the statements that do not apply. Each line is used: the tables say by which
//! call, and what happens without it. Tests compare this page with the calls that the code makes.
//!
//! - `eu-west-1`, `123456789012`, `prod/uploader`, `uploader` and `uploads` stand for your region, account, secret, user and
//!   bucket. ARNs begin with `arn:aws-cn` in China and with `arn:aws-us-gov` in GovCloud.
//! - **Denied** in the tables: the fetch fails with [`PermissionDenied`](crate::ErrorKind::PermissionDenied), and the text names
//!   the permission. A start fails; afterwards the last good value stays live, and fetches are retried.
//! - A statement about a KMS key is for a customer managed key. The keys that AWS manages (`aws/secretsmanager`, `aws/ssm`,
//!   `aws/s3`) need none, and cannot be used from another account. The key's own policy must allow it, too: either it lets the
//!   account's IAM policies decide, as the default key policy does, or it has the same statement with a `Principal`. A policy
//!   names a key by its ARN, never by its alias.
//! - `kms:ViaService` lets the key be used through that service only, and `kms:EncryptionContext:…` for that secret only. Without
//!   these conditions the permission is wider than needed, and nothing else changes.
//!
//! # Secrets Manager
//!
//! For `from_secrets_manager` and `source::SecretsManager`.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": "secretsmanager:GetSecretValue",
//!       "Resource": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-??????",
//!       "Condition": {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}
//!     },
//!     {
//!       "Effect": "Allow",
//!       "Action": "kms:Decrypt",
//!       "Resource": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
//!       "Condition": {
//!         "StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"},
//!         "StringLike": {"kms:EncryptionContext:SecretARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-??????"}
//!       }
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | `secretsmanager:GetSecretValue` | `GetSecretValue`, at each fetch | denied |
//! | `kms:Decrypt` | Secrets Manager, for the caller of `GetSecretValue` | denied, with KMS in the text |
//!
//! - Secrets Manager adds a hyphen and six random characters to the name: `-??????` matches exactly these. `prod/uploader*` would
//!   also match `prod/uploader-admin`. The full ARN is better still, until the secret is deleted and created again.
//! - The condition on the stage is that of the default; it keeps the pending version from a consumer. With another
//!   `SecretsManager::stage`, name that one.
//! - A secret of another account is fetched by its full ARN. Its resource policy must allow the caller `GetSecretValue`, and it
//!   must be encrypted with a customer managed key.
//! - Not needed: `DescribeSecret`, `ListSecrets`, `ListSecretVersionIds`, `BatchGetSecretValue`.
//!
//! # Copies in other regions
//!
//! For [`source::Replicas`](crate::source::Replicas) of Secrets Manager: the same in each region. A replica has the same name and
//! the same six characters. Its KMS key is one of its own region.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": "secretsmanager:GetSecretValue",
//!       "Resource": [
//!         "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-??????",
//!         "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/uploader-??????"
//!       ],
//!       "Condition": {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}
//!     },
//!     {
//!       "Effect": "Allow",
//!       "Action": "kms:Decrypt",
//!       "Resource": [
//!         "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
//!         "arn:aws:kms:eu-central-1:123456789012:key/0987dcba-09fe-87dc-65ba-ab0987654321"
//!       ],
//!       "Condition": {
//!         "StringEquals": {
//!           "kms:ViaService": ["secretsmanager.eu-west-1.amazonaws.com", "secretsmanager.eu-central-1.amazonaws.com"]
//!         },
//!         "StringLike": {"kms:EncryptionContext:SecretARN": "arn:aws:secretsmanager:*:123456789012:secret:prod/uploader-??????"}
//!       }
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it in one region |
//! |---|---|---|
//! | `secretsmanager:GetSecretValue` | `GetSecretValue`, in the region that is asked | in the primary's: denied, since a denial is not a reason to ask the next copy. In another: that copy cannot take over |
//! | `kms:Decrypt` | Secrets Manager, for the caller of `GetSecretValue` | the same |
//!
//! # Parameter Store
//!
//! For `source::ParameterStore`.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": "ssm:GetParameter",
//!       "Resource": "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/uploader"
//!     },
//!     {
//!       "Effect": "Allow",
//!       "Action": "kms:Decrypt",
//!       "Resource": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
//!       "Condition": {
//!         "StringEquals": {
//!           "kms:ViaService": "ssm.eu-west-1.amazonaws.com",
//!           "kms:EncryptionContext:PARAMETER_ARN": "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/uploader"
//!         }
//!       }
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | `ssm:GetParameter` | `GetParameter`, at each fetch | denied |
//! | `kms:Decrypt` | Parameter Store, for the caller of `GetParameter` with decryption | denied, with KMS in the text |
//!
//! - The name `/prod/uploader` is `parameter/prod/uploader` in the ARN: one slash.
//! - Not needed: `GetParameters`, `GetParametersByPath`, `GetParameterHistory`, `DescribeParameters`.
//!
//! # S3 object
//!
//! For `source::S3Object`.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": "s3:GetObject",
//!       "Resource": "arn:aws:s3:::configuration/prod/uploader.json"
//!     },
//!     {
//!       "Effect": "Allow",
//!       "Action": "kms:Decrypt",
//!       "Resource": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
//!       "Condition": {
//!         "StringEquals": {
//!           "kms:ViaService": "s3.eu-west-1.amazonaws.com",
//!           "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::configuration/prod/uploader.json"
//!         }
//!       }
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | `s3:GetObject` | `GetObject`, at each fetch | denied |
//! | `kms:Decrypt` | S3, for the caller of `GetObject`, if the object is encrypted with SSE-KMS | denied |
//!
//! - With an S3 Bucket Key the encryption context is the ARN of the bucket: `arn:aws:s3:::configuration`.
//! - Not needed: `GetObjectVersion`, since no version is asked for; `ListBucket`. Without `s3:ListBucket` on the bucket S3
//!   answers 403 also for an object that does not exist, and the error says so.
//!
//! # Ciphertext of KMS
//!
//! For `source::KmsEncrypted`, beside what the inner source needs.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": "kms:Decrypt",
//!       "Resource": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
//!       "Condition": {"StringEquals": {"kms:EncryptionContext:secret": "prod/uploader"}}
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | `kms:Decrypt` | `Decrypt`, for a version that is not live | denied |
//!
//! - The condition fits `KmsEncrypted::encryption_context("secret", "prod/uploader")`; leave it out without a context. There is
//!   no `kms:ViaService`: the process calls KMS itself.
//! - Whoever encrypts needs `kms:Encrypt`, with the same condition.
//!
//! # Files
//!
//! The process's user must be able to read the file and to enter the directories above it; `File::directory` also lists the
//! directory, and `FileChanges::with_events` must be able to read the one that the file is in. Nobody else should: mode `0400`, or
//! `0440` with a group of its own. A file that every user may read is logged as a warning. In Kubernetes, `defaultMode: 0440` in
//! the volume and `fsGroup` in the pod do that; reading a mounted `Secret` needs no RBAC rule.
//!
//! # Vault and OpenBao
//!
//! For `source::vault`. Login paths need no policy.
//!
//! ```hcl
//! path "aws/creds/uploader" { capabilities = ["read"] }
//! path "sys/leases/revoke" { capabilities = ["update"] }
//! ```
//!
//! The first line depends on the source; `sys/leases/revoke` is for the sources that mint.
//!
//! | source | line | mints |
//! |---|---|---|
//! | `aws_creds("uploader")` | `path "aws/creds/uploader" { capabilities = ["read"] }` | yes |
//! | `aws_sts("uploader", …)` without options | `path "aws/sts/uploader" { capabilities = ["read"] }` | yes |
//! | … with options, which are sent in the body of a `POST` | `path "aws/sts/uploader" { capabilities = ["update"] }` | yes |
//! | `aws_static_creds("uploader")` | `path "aws/static-creds/uploader" { capabilities = ["read"] }` | no |
//! | `database_creds("app")` | `path "database/creds/app" { capabilities = ["read"] }` | yes |
//! | `database_static_creds("app")` | `path "database/static-creds/app" { capabilities = ["read"] }` | no |
//! | `kv("prod/app")`, KV version 2 | `path "secret/data/prod/app" { capabilities = ["read"] }` | no |
//!
//! The policy `default`, which tokens have unless they are created without it, contains the rest:
//!
//! ```hcl
//! path "auth/token/lookup-self" { capabilities = ["read"] }
//! path "auth/token/renew-self" { capabilities = ["update"] }
//! path "auth/token/revoke-self" { capabilities = ["update"] }
//! path "sys/leases/renew" { capabilities = ["update"] }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | the source's path | each fetch that reads or mints | denied |
//! | `sys/leases/revoke` | a lease that has drained, or never went live, or is live at the shutdown | a warning; the key stays valid until its lease ends |
//! | `sys/leases/renew` | each lease, at two thirds of its time | a warning; another key is minted before each lease ends |
//! | `auth/token/lookup-self` | `Login::token`, to learn when it ends; any login, to tell a token that ended from a missing permission | `Login::token` is [`Unauthenticated`](crate::ErrorKind::Unauthenticated); other logins are repeated at each denial |
//! | `auth/token/renew-self` | the login token, at two thirds of its time | a warning; another login, and another key, before each token ends |
//! | `auth/token/revoke-self` | the shutdown, if the login created the token | the token lives until it ends by itself |
//!
//! - `sys/leases/revoke` and `sys/leases/renew` cannot be limited to one role: who has them may revoke or renew any lease whose
//!   id is known to them. Ids cannot be guessed, and listing them needs another permission, with `sudo`.
//! - With `Vault::journal` the process's user must be able to create files in that directory. Nobody else should: mode `0700`.
//! - Not needed: `sys/leases/lookup`, `sys/leases/revoke-prefix`, `secret/metadata/…`, `aws/roles/…`.
//! - For `Login::aws_iam` the process signs a `GetCallerIdentity`, which needs no permission. What Vault itself must be allowed
//!   to do in IAM and in the database is on the pages of its engines and its auth methods.
//!
//! # Check of a new key
//!
//! For `aws::check::HeadBucket`. The rotated key itself needs it, not the process.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": "s3:ListBucket",
//!       "Resource": "arn:aws:s3:::uploads"
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | `s3:ListBucket` | `HeadBucket`; after a denial `ListObjectsV2`, whose answer says why | the new version waits, as `forbidden` or `not_propagated` |
//!
//! # Calls that need no permission
//!
//! | call | made by | permission |
//! |---|---|---|
//! | `GetCallerIdentity` | `aws::check::CallerIdentity`, the default check; `testSecret`; `Login::aws_iam` | STS answers it for every valid key, even where a policy denies it |
//! | `ListBuckets`, `ListObjectsV2` | the request that a whole client makes itself | a denial is an answer of S3, and will do. With `OwnRequest::require_success`: `s3:ListAllMyBuckets` on `*` if no bucket is known, otherwise `s3:ListBucket` on the bucket |
//!
//! # A role that is assumed
//!
//! For `aws::AssumeRole`: the policy of the rotated key's user.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": "sts:AssumeRole",
//!       "Resource": "arn:aws:iam::123456789012:role/uploads"
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | `sts:AssumeRole` | `AssumeRole`, for each new session | requests of the role's clients fail: no credentials, denied |
//!
//! The role's trust policy must name the user as well. The condition is for `AssumeRole::external_id`:
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Principal": {"AWS": "arn:aws:iam::123456789012:user/uploader"},
//!       "Action": "sts:AssumeRole",
//!       "Condition": {"StringEquals": {"sts:ExternalId": "partner-7"}}
//!     }
//!   ]
//! }
//! ```
//!
//! # Database logins by IAM
//!
//! For `aws::RdsToken`, which signs tokens of RDS and Aurora in place of passwords: the policy of the key that signs. A token is
//! signed in the process; no AWS service is called.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": "rds-db:connect",
//!       "Resource": "arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-ABCDEFGHIJKL01234/app"
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | `rds-db:connect` | the database, at each new connection: it asks IAM about the token | the login is rejected; connections that are open stay so |
//!
//! - The resource has the instance's resource id (`DbiResourceId`, `db-…`), not its name. For Aurora it is the cluster's
//!   (`cluster-…`), for RDS Proxy the proxy's (`prx-…`). What follows the slash is the database's user.
//! - In the database: `GRANT rds_iam TO app`. Not needed: `rds:DescribeDBInstances`, or anything else that begins with `rds:`.
//!
//! # The rotation function
//!
//! For `rotation`, in Lambda or by `rotation::Runner`. `examples/rotation_lambda/template.yaml` has the same statements.
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Sid": "RotatedSecret",
//!       "Effect": "Allow",
//!       "Action": [
//!         "secretsmanager:DescribeSecret",
//!         "secretsmanager:GetSecretValue",
//!         "secretsmanager:ListSecretVersionIds",
//!         "secretsmanager:PutSecretValue",
//!         "secretsmanager:UpdateSecretVersionStage"
//!       ],
//!       "Resource": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-??????"
//!     },
//!     {
//!       "Sid": "TagsOfTheRotatedSecret",
//!       "Effect": "Allow",
//!       "Action": ["secretsmanager:TagResource", "secretsmanager:UntagResource"],
//!       "Resource": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-??????",
//!       "Condition": {"ForAllValues:StringLike": {"aws:TagKeys": "credswap:*"}}
//!     },
//!     {
//!       "Sid": "KeyOfTheRotatedSecret",
//!       "Effect": "Allow",
//!       "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
//!       "Resource": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
//!       "Condition": {
//!         "StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"},
//!         "StringLike": {"kms:EncryptionContext:SecretARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-??????"}
//!       }
//!     },
//!     {
//!       "Sid": "KeysOfTheUser",
//!       "Effect": "Allow",
//!       "Action": [
//!         "iam:CreateAccessKey",
//!         "iam:DeleteAccessKey",
//!         "iam:GetAccessKeyLastUsed",
//!         "iam:ListAccessKeys",
//!         "iam:UpdateAccessKey"
//!       ],
//!       "Resource": "arn:aws:iam::123456789012:user/uploader"
//!     }
//!   ]
//! }
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | `secretsmanager:DescribeSecret` | `DescribeSecret`, in each step and in retire: labels and tags | each step fails |
//! | `secretsmanager:GetSecretValue` | `GetSecretValue`, in each step and in retire: the current and the pending key | each step fails |
//! | `secretsmanager:ListSecretVersionIds` | `ListSecretVersionIds`, in createSecret and retire: which versions hold a key | createSecret and retire fail |
//! | `secretsmanager:PutSecretValue` | `PutSecretValue`, in createSecret: the pending version | createSecret fails, and deletes the key that it created |
//! | `secretsmanager:UpdateSecretVersionStage` | `UpdateSecretVersionStage`, in finishSecret: moves `AWSCURRENT` | finishSecret fails; consumers stay with the old key |
//! | `secretsmanager:TagResource` | `TagResource`, before a key is created, and in retire: what is being done | createSecret fails before it creates a key; finishSecret logs a warning; retire deactivates nothing |
//! | `secretsmanager:UntagResource` | `UntagResource`, in retire: tags of keys that are gone | tags are left behind |
//! | `kms:Decrypt` | Secrets Manager, for the caller of `GetSecretValue` and `PutSecretValue` | each step fails, with KMS in the text |
//! | `kms:GenerateDataKey` | Secrets Manager, for the caller of `PutSecretValue` | createSecret fails, with KMS in the text |
//! | `iam:ListAccessKeys` | `ListAccessKeys`, in createSecret and retire; in testSecret for a key that AWS does not know | these fail |
//! | `iam:GetAccessKeyLastUsed` | `GetAccessKeyLastUsed`, before a key is deactivated or deleted | no key is deactivated or deleted |
//! | `iam:CreateAccessKey` | `CreateAccessKey`, in createSecret | createSecret fails |
//! | `iam:UpdateAccessKey` | `UpdateAccessKey`, in retire: deactivates a key, or activates it again | no key is retired |
//! | `iam:DeleteAccessKey` | `DeleteAccessKey`, in createSecret and retire | deactivated keys are left, and the next rotation has no room |
//!
//! - If the secret names a master secret (`masterarn`), the function needs `GetSecretValue` on that one instead of
//!   `KeysOfTheUser`, and `kms:Decrypt` on its KMS key; the user of the master secret's key needs `KeysOfTheUser`.
//! - The user's ARN has the user's path: `user/services/uploader`. The secret has the name alone.
//! - Nothing is needed on the master user, on policies or on other users. Not needed: `iam:CreateUser`, `iam:GetUser`,
//!   `secretsmanager:RotateSecret`, `CancelRotateSecret`, `UpdateSecret`, `DeleteSecret`, `GetRandomPassword`.
//! - On Lambda, Secrets Manager must be allowed to invoke the function, for this secret only (`AWS::Lambda::Permission` in the
//!   template), and the function's role needs its logs and, in a VPC, its network interfaces (`AWSLambdaVPCAccessExecutionRole`).
//! - A `SecretKind` of your own needs the first three statements, and what its steps call.
//!
//! # Kafka
//!
//! Literal topics, no group, no cluster operation. `Read` and `Write` include `Describe`.
//!
//! ```text
//! --add --allow-principal User:uploader --operation Read  --topic s3.test.secret.manager
//! --add --allow-principal User:uploader --operation Write --topic credswap.usage
//! --add --allow-principal User:rotator  --operation Write --topic s3.test.secret.manager
//! --add --allow-principal User:rotator  --operation Read  --topic credswap.usage
//! --add --allow-principal User:rotator  --operation Write --topic credswap.usage
//! ```
//!
//! | line | used by | without it |
//! |---|---|---|
//! | the consumer's `Read` on the events | `trigger::Kafka` | the trigger is disconnected, and names the command that grants it; polling goes on |
//! | the consumer's `Write` on the reports | `fleet::Reporter` | reports fail, with a warning; the old key is kept until the policy's deadline |
//! | the rotator's `Write` on the events | the announcer, in finishSecret | finishSecret fails and is retried; the new key is current, and consumers find it by polling |
//! | the rotator's `Read` on the reports | `FleetUsage` | createSecret without room, and retire: fail |
//! | the rotator's `Write` on the reports | `FleetUsage`: a record of its own tells it the broker's time | the same |
//!
//! - Brokers before Kafka 2.8 also require `IdempotentWrite` on the cluster of those who write.
//! - `Describe` on group `credswap` changes nothing but the broker's log: see [`kafka`](crate::kafka).
//! - On Amazon MSK, `SCRAM` users get their rights by these ACLs, not by IAM. The secret with the user's password is
//!   associated with the cluster; only who reads that secret needs IAM permissions for it.
