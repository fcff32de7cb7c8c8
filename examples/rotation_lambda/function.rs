//! One invocation: one step of a rotation, or the next step to retire the old keys.

use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use credswap::rotation::{Policy, Request, Response, RetireReport, Rotation};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::{Value, json};

use crate::kafka::Kafka;
use crate::reports::Reports;
use crate::settings::{Settings, in_words_of_operator};

/// How long the last test of a new key, and its announcement, may take.
const RESERVE: Duration = Duration::from_secs(15);

/// What is kept between invocations.
#[derive(Debug)]
pub(crate) struct Function {
    settings: Settings,
    sdk: SdkConfig,
    kafka: Kafka,
}

/// An error in the form that Lambda returns.
#[derive(Debug)]
pub(crate) struct Failed {
    kind: &'static str,
    message: String,
}

impl Function {
    pub(crate) async fn new(settings: Settings) -> Self {
        let tls = tls::Provider::Rustls(CryptoMode::Ring);
        let http_client = HttpClientBuilder::new().tls_provider(tls).build_https();
        let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client);
        let sdk = sdk.load().await;
        Self {
            kafka: Kafka::new(&settings, &sdk),
            settings,
            sdk,
        }
    }

    /// Carries out what the event asks for.
    pub(crate) async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Failed> {
        let policy = self.policy(event.context.deadline());
        let result = match Request::from_value(&event.payload) {
            Ok(request) => self.rotation(policy).handle(&request).await,
            Err(error) => Err(error),
        };
        // From outside: logged, not used.
        let (step, secret) = (&event.payload["Step"], &event.payload["SecretId"]);
        match result {
            Ok(response) => {
                tracing::info!(%step, %secret, "done");
                Ok(match response {
                    Response::Retired(report) => to_json(&report),
                    _ => Value::Null,
                })
            }
            Err(error) => {
                let kind = error.kind().as_str();
                let message = in_words_of_operator(&error.report());
                tracing::error!(%step, %secret, kind, error = %message, "failed");
                Err(Failed { kind, message })
            }
        }
    }

    fn rotation(&self, policy: Policy) -> Rotation {
        let rotation = Rotation::access_keys(&self.sdk)
            .usage(Reports::new(self.settings.reports.as_ref(), &self.kafka))
            .announcer(self.kafka.clone())
            .policy(policy);
        match self.settings.accept_new_tokens {
            true => rotation.accept_new_tokens().build(),
            false => rotation.build(),
        }
    }

    /// The policy of the settings, but with no longer propagation than Lambda lets the function run: it would be killed
    /// without an error.
    #[allow(
        clippy::disallowed_methods,
        reason = "the deadline is a time of the wall clock"
    )]
    fn policy(&self, deadline: SystemTime) -> Policy {
        let left = deadline
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        let policy = self.settings.policy.clone();
        let propagation = policy.propagation.min(left.saturating_sub(RESERVE));
        policy.propagation(propagation)
    }
}

impl From<Failed> for Diagnostic {
    fn from(Failed { kind, message }: Failed) -> Self {
        Self {
            error_type: kind.to_owned(),
            error_message: message,
        }
    }
}

fn to_json(report: &RetireReport) -> Value {
    let keys = report.keys.iter().map(|key| {
        json!({
            "key": format!("…{}", key.id_suffix()),
            "action": key.action.as_str(),
            "reason": in_words_of_operator(&key.reason.to_string()),
        })
    });
    json!({"keys": keys.collect::<Vec<_>>()})
}
