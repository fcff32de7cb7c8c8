//! A Lambda function that Secrets Manager calls to rotate the access key of an IAM user, and a schedule to retire the old
//! one.
//!
//! ```text
//! cargo lambda build --release --arm64 --no-default-features --features fleet,kafka,rotation \
//!     --example rotation_lambda --output-format zip
//! sam deploy --guided --template-file examples/rotation_lambda/template.yaml
//! ```
//!
//! The first command needs [cargo-lambda](https://www.cargo-lambda.info) and creates
//! `target/lambda/rotation_lambda/bootstrap.zip`, where the template expects it; use `--x86-64` instead of `--arm64` for the
//! other architecture. It compiles librdkafka and OpenSSL with Zig, which comes with cargo-lambda. The parameter
//! `Architecture` of the template must be the same.
//!
//! # Settings
//! Environment variables; durations are numbers with `s`, `m`, `h` or `d`.
//!
//! | variable | meaning |
//! |---|---|
//! | `BOOTSTRAP_SERVERS` | the brokers; on MSK what `get-bootstrap-brokers` calls `BootstrapBrokerStringSaslScram` |
//! | `TOPIC` | where the event is published |
//! | `KAFKA_SECRET_ID` | the secret with Kafka's user: `{"username", "password"}` |
//! | `KAFKA_USERNAME`, `KAFKA_PASSWORD_FILE` | instead of it |
//! | `KAFKA_CA_FILE` | the CA bundle that issued the brokers' certificates |
//! | `KAFKA_PLAINTEXT` | `true`: no TLS to the brokers, for local work |
//! | `MINIMAL_EVENTS` | `true`: the event has its two fields `eventDateTime` and `step` only, for consumers that refuse others |
//! | `REPORTS_TOPIC` | where the consumers report; without it, old keys are removed on the assumption of `ASSUME_RELEASED` |
//! | `REPORTS_SETTLE`, `REPORTS_GRACE` | `late_adoption` and `grace` of `fleet::Assumptions`; 90s and 30s |
//! | `REPORTS_TRUST_CLOCKS` | `true`: the topic has its writers' times, and their clocks agree |
//! | `PROPAGATION` | how long AWS may take to accept a new key; 2m |
//! | `WATCH` | how long a key stays deactivated before it is deleted; 24h |
//! | `DEADLINE` | when a key that is not released is deactivated, with an error in the log; 7d |
//! | `ASSUME_RELEASED` | how long after a rotation consumers that do not report may use the old key, or `never`; 3d without `REPORTS_TOPIC`, otherwise never |
//! | `MIN_OVERLAP` | how long the old key stays active at least, unless one of the next three is set; 24h |
//! | `ALL_CONSUMERS_REPORT` | `true`: each consumer reports |
//! | `EXPECTED_CONSUMERS` | how many consumers there are at least, each of which reports |
//! | `EXPECTED_INSTANCES` | the names of consumers, with commas, each of which reports |
//! | `CLOCK_SKEW`, `ACTION_DEADLINE`, `SIGNATURE_LIFETIME` | see `rotation::Policy`; 5m, 60s, 15m |
//! | `ATTEMPTS`, `ATTEMPT_TIMEOUT`, `TEST_BACKOFF` | see `rotation::Policy`; 4, 5s, 1s..10s |
//! | `ACCEPT_NEW_TOKENS` | `true`: the caller has not staged the token, as Secrets Manager does; for local work |
//! | `RUST_LOG` | what is logged; `info`. Not `trace`: the SDK would log its requests and answers |
//!
//! Kafka's user is read for each rotation, so its own secret may rotate as well. The AWS SDK's variables (`AWS_REGION`,
//! `AWS_ENDPOINT_URL`, …) apply as everywhere.
//!
//! # Events and answers
//! Secrets Manager sends `{"Step", "SecretId", "ClientRequestToken"}`; the answer is `null`. The schedule sends
//! `{"Step": "retireSecret", "SecretId"}`; the answer reports on each key:
//! `{"keys": [{"key": "…WXYZ", "action": "deactivated", "reason": "released by all consumers since …"}]}`. The type of an
//! error is its `credswap::ErrorKind`, and its message names what to change.
//!
//! # What people lose days on
//! - **The network.** MSK is in a VPC, so the function is, too, and a function in a VPC has no route to the internet by
//!   itself, whether the subnet is public or not. Without one, each call of AWS ends in a timeout. Secrets Manager and STS
//!   need an interface endpoint each (`com.amazonaws.<region>.secretsmanager`, `com.amazonaws.<region>.sts`, with private
//!   DNS); their security group must allow port 443 from the function's.
//! - **IAM is global.** `iam.amazonaws.com` is served from `us-east-1`, and its endpoint service `com.amazonaws.iam` exists
//!   in that region only. From another region either reach it by a NAT gateway, or create the interface endpoint with
//!   `us-east-1` as its *service region* (cross-region PrivateLink), or use a transit gateway.
//! - **The brokers.** Port 9096 is the one for SASL/SCRAM (9098 is IAM's). The brokers' security group must allow it from
//!   the function's.
//! - **Kafka's user.** The name of its secret must begin with `AmazonMSK_`; it must be encrypted with a customer managed KMS
//!   key and be associated with the cluster (`batch-associate-scram-secret`). MSK needs minutes to accept a changed
//!   password: a rotation in between fails, and Secrets Manager retries it.
//! - **ACLs.** As soon as there is one ACL on MSK, what is not allowed is denied (with
//!   `allow.everyone.if.no.acl.found=false`, always). The user needs `Write` on the topic of events, `Read` and `Write`
//!   on the topic of reports (it learns the broker's time from a record of its own), and nothing on groups.
//! - **The topic of reports** is compacted and has the broker's times: `--config cleanup.policy=compact,delete --config
//!   retention.ms=691200000 --config message.timestamp.type=LogAppendTime`.
//! - **Idempotent writes** need no `IdempotentWrite` on the cluster since Kafka 2.8; MSK on an older version needs it.
//! - **The permission to invoke.** `rotate-secret` fails with "cannot invoke" unless `secretsmanager.amazonaws.com` may
//!   invoke the function; the template grants it, for this secret.
//! - **Who may call IAM.** If the secret names a master secret (`masterarn`), the function's role only reads that one, and
//!   the key in it calls IAM. Otherwise the role does. The template's parameter `MasterSecretArn` decides. A KMS key of its
//!   own (`MasterSecretKmsKeyArn`) needs `kms:Decrypt`, too.
//! - **The user's path.** The secret and `UserName` have the user's name without its path, as IAM's API has it; an IAM user
//!   with a path has that in its ARN, and so in the policy (`UserPath`).
//! - **The timeout.** Lambda's default is 3 s; AWS takes 10 s on average to accept a new key, and minutes at worst. The
//!   template's 5 minutes are enough; `PROPAGATION` is limited to the time that is left, so that the error names the cause.
//! - **Two keys.** IAM allows no third. A key that the rotation did not create, it never touches: give the secret an IAM
//!   user of its own.

mod function;
mod kafka;
#[path = "../common/policy.rs"]
mod policy;
mod reports;
mod settings;

use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::function::Function;
use crate::settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter.unwrap_or_else(|_| "info".into()))
        .init();
    if let Err(error) = run().await {
        // Of a function that cannot start, Lambda shows nothing but the log.
        tracing::error!(error = %format!("{error:#}"), "the function cannot start");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run() -> anyhow::Result<()> {
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let function = Function::new(settings).await;
    let handler = service_fn(|event: LambdaEvent<Value>| function.handle(event));
    let result = lambda_runtime::run(handler).await;
    result.map_err(|error| anyhow::anyhow!(error))
}
