//! One call of the function: one step of a rotation, or one look at the old keys.

use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use credswap::Error;
use credswap::aws::check::CallerIdentity;
use credswap::rotation::{
    AccessKeys, IamClient, KeyAction, Policy, Request, Response, RetireReport, Rotation,
    SecretsManager,
};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::{Value, json};

use crate::kafka::Kafka;
use crate::reports::Reports;
use crate::settings::Settings;

type Keys = AccessKeys<SecretsManager, IamClient, CallerIdentity, Reports>;

/// What is kept between calls.
#[derive(Debug)]
pub(crate) struct Function {
    settings: Settings,
    sdk: SdkConfig,
    kafka: Kafka,
    store: SecretsManager,
}

/// An error as Lambda wants it.
#[derive(Debug)]
pub(crate) struct Failed(Error);

impl Function {
    pub(crate) async fn new(settings: Settings) -> Self {
        let tls = tls::Provider::Rustls(CryptoMode::Ring);
        let http_client = HttpClientBuilder::new().tls_provider(tls).build_https();
        let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client);
        let sdk = sdk.load().await;
        let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
        Self {
            kafka: Kafka::new(&settings, &secrets),
            store: SecretsManager::new(secrets),
            settings,
            sdk,
        }
    }

    /// Does what the event asks for.
    pub(crate) async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Failed> {
        let policy = self.policy(event.context.deadline());
        let answer = match Request::from_value(&event.payload) {
            Ok(request) => self.rotation(policy).handle(&request).await,
            Err(error) => Err(error),
        };
        // They come from outside, so they are shown, not used.
        let (step, secret) = (&event.payload["Step"], &event.payload["SecretId"]);
        match answer {
            Ok(answer) => {
                tracing::info!(%step, %secret, "done");
                Ok(match answer {
                    Response::Done => Value::Null,
                    Response::RetireReport(retired) => told(&retired),
                })
            }
            Err(error) => {
                let (kind, text) = (error.kind().as_str(), error.report());
                tracing::error!(%step, %secret, kind, error = %text, "failed");
                Err(Failed(error))
            }
        }
    }

    fn rotation(&self, policy: Policy) -> Rotation<SecretsManager, Keys, Kafka> {
        let keys = AccessKeys::new(
            self.store.clone(),
            IamClient::new(&self.sdk),
            CallerIdentity::new(&self.sdk),
            Reports::new(self.settings.reports.as_ref(), &self.kafka),
        );
        let keys = keys.policy(policy.clone());
        let rotation = Rotation::new(self.store.clone(), keys, self.kafka.clone()).policy(policy);
        match self.settings.accept_new_tokens {
            true => rotation.accept_new_tokens(),
            false => rotation,
        }
    }

    /// The settings', but no longer than Lambda lets the function run: it would be killed without a word.
    // The deadline is a time of the wall clock.
    #[allow(clippy::disallowed_methods)]
    fn policy(&self, deadline: SystemTime) -> Policy {
        let left = deadline
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        let mut policy = self.settings.policy.clone();
        policy.propagation = policy.propagation.min(left.saturating_sub(RESERVE));
        policy
    }
}

impl From<Failed> for Diagnostic {
    fn from(Failed(error): Failed) -> Self {
        Self {
            error_type: error.kind().as_str().to_owned(),
            error_message: error.report(),
        }
    }
}

fn told(retired: &RetireReport) -> Value {
    let keys = retired.keys.iter().map(|key| {
        let did = match key.did {
            KeyAction::Nothing => "nothing",
            KeyAction::Deactivated => "deactivated",
            KeyAction::Reactivated => "reactivated",
            KeyAction::Deleted => "deleted",
        };
        json!({"key": format!("…{}", key.id_suffix()), "did": did, "why": key.why.to_string()})
    });
    json!({"keys": keys.collect::<Vec<_>>()})
}

/// What the last test of a new key, and telling about it, may take.
const RESERVE: Duration = Duration::from_secs(15);
