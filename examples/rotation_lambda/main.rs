//! A Lambda function that Secrets Manager calls to rotate the access key of an IAM user, and a schedule to retire the old.
//!
//! ```text
//! cargo lambda build --release --arm64 --features fleet,rotation --example rotation_lambda --output-format zip
//! sam deploy --guided --template-file examples/rotation_lambda/template.yaml
//! ```
//!
//! The first line needs [cargo-lambda](https://www.cargo-lambda.info) and leaves
//! `target/lambda/rotation_lambda/bootstrap.zip`, where the template looks for it; `--x86-64` instead of `--arm64` for the
//! other architecture. It compiles librdkafka and OpenSSL, for which Zig, which cargo-lambda brings along, is enough.
//! The parameter `Architecture` of the template must be the same.
//!
//! # Settings
//! By environment; durations are numbers with `s`, `m`, `h` or `d`.
//!
//! | variable | is |
//! |---|---|
//! | `BOOTSTRAP_SERVERS` | the brokers; on MSK what `get-bootstrap-brokers` calls `BootstrapBrokerStringSaslScram` |
//! | `TOPIC` | where the event is published |
//! | `KAFKA_SECRET_ID` | the secret with the user of Kafka: `{"username", "password"}` |
//! | `KAFKA_USERNAME`, `KAFKA_PASSWORD_FILE` | instead of it |
//! | `KAFKA_CA_FILE` | the CA bundle that knows the brokers' certificates |
//! | `KAFKA_PLAINTEXT` | `true`: no TLS to the brokers, for local work |
//! | `REPORTS_TOPIC` | where the consumers report; without it no key is ever deleted |
//! | `REPORTS_SETTLE`, `REPORTS_GRACE` | see `fleet::Limits`; 90s and 30s |
//! | `REPORTS_TRUST_CLOCKS` | `true`: the topic has its writers' times, and their clocks agree |
//! | `PROPAGATION` | how long a new key may take until AWS knows it; 2m |
//! | `WATCH` | how long a deactivated key is watched before it is deleted; 24h |
//! | `DEADLINE` | when a key that nobody has released is deactivated, loudly; 7d |
//! | `LAP`, `SETTLED`, `SKEW` | see `rotation::Policy` |
//! | `ASSUME_RELEASED` | take a version of which nobody ever reported for released after this time; never |
//! | `ACCEPT_NEW_TOKENS` | `true`: whoever calls has not staged the token, as Secrets Manager does; for local work |
//! | `RUST_LOG` | what is logged; `info` |
//!
//! The login is read anew for each rotation, so Kafka's own secret may rotate as well. The AWS SDK's variables
//! (`AWS_REGION`, `AWS_ENDPOINT_URL`, …) hold as everywhere.
//!
//! # What it is called with
//! Secrets Manager sends `{"Step", "SecretId", "ClientRequestToken"}`; the answer is `null`. The schedule sends
//! `{"Step": "retireSecret", "SecretId"}`; the answer tells what became of each key:
//! `{"keys": [{"key": "…WXYZ", "did": "deactivated", "why": "released by all since …"}]}`. An error has the kind of
//! `credswap::ErrorKind` as its type, and names what to change.
//!
//! # What people lose days on
//! - **The network.** MSK is in a VPC, so the function is, too, and a function in a VPC has no way out by itself, public
//!   subnet or not. Without one, each call of AWS ends in a timeout. Secrets Manager and STS need an interface endpoint
//!   each (`com.amazonaws.<region>.secretsmanager`, `com.amazonaws.<region>.sts`, with private DNS); their security group
//!   must let port 443 in from the function's.
//! - **IAM is global.** `iam.amazonaws.com` is served from `us-east-1`, and its endpoint service `com.amazonaws.iam` lives
//!   in that region only. In another region either reach it by a NAT gateway, or make the interface endpoint with
//!   `us-east-1` as its *service region* (cross-region PrivateLink), or go through a transit gateway.
//! - **The brokers.** Port 9096 is the one for SASL/SCRAM (9098 is IAM's). The brokers' security group must let it in from
//!   the function's.
//! - **The user of Kafka.** The name of its secret must begin with `AmazonMSK_`; it must be encrypted with a customer
//!   managed KMS key and be associated with the cluster (`batch-associate-scram-secret`). A changed password takes MSK
//!   minutes to learn: a rotation in between fails, and Secrets Manager tries it again.
//! - **ACLs.** As soon as there is one ACL on MSK, what is not allowed is denied (with
//!   `allow.everyone.if.no.acl.found=false`, always). The user needs `Write` on the topic of events, `Read` and `Write`
//!   on the topic of reports (it learns the broker's time by a record of its own), and nothing on groups.
//! - **The topic of reports** is compacted and has the broker's times: `--config cleanup.policy=compact --config
//!   message.timestamp.type=LogAppendTime`.
//! - **Idempotent writes** need no `IdempotentWrite` on the cluster since Kafka 2.8; MSK on an older version does.
//! - **The permission to be called.** `rotate-secret` fails with "cannot invoke" unless `secretsmanager.amazonaws.com` may
//!   invoke the function; the template says so, for this secret.
//! - **Who may call IAM.** If the secret names a master secret (`masterarn`), the function's role only reads that one, and
//!   the key in it calls IAM. Otherwise the role does. The template's parameter `MasterSecretArn` chooses.
//! - **The timeout.** Lambda's default is 3 s; a new key takes AWS 10 s on average and minutes at worst. The template's
//!   5 minutes are enough; `PROPAGATION` is cut to what is left of them, so that the error says what was waited for.
//! - **Two keys.** IAM allows no third. What a rotation finds and did not make, it never touches: give the secret a user
//!   of its own.

mod function;
mod kafka;
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
        // Lambda shows the log, and nothing else, of a function that cannot begin.
        tracing::error!(error = %format!("{error:#}"), "the function cannot run");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run() -> anyhow::Result<()> {
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let function = Function::new(settings).await;
    let handler = service_fn(|event: LambdaEvent<Value>| function.handle(event));
    let ended = lambda_runtime::run(handler).await;
    ended.map_err(|error| anyhow::anyhow!(error))
}
