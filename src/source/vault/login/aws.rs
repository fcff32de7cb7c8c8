//! The login by AWS IAM: a signed `GetCallerIdentity`, which Vault sends to STS to learn who signed it.
//!
//! The SDK's STS client signs the request as ever; an HTTP client that sends nothing hands it over.

use std::sync::{Arc, Mutex};

use aws_sdk_sts::Client;
use aws_sdk_sts::config::Builder;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::base64;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use serde_json::{Map, Value, json};

use super::{Login, Method};
use crate::error::{Error, ErrorKind};
use crate::sdk::behavior::with_behavior;
use crate::sdk::call_error::CallError;
use crate::util::lock::lock;

#[derive(Clone)]
pub(super) struct AwsLogin {
    pub(super) role: String,
    server_id: Option<String>,
    sts: Client,
}

impl Login {
    /// Logs in with the identity of `sdk`: a `GetCallerIdentity` signed with its credentials, for its region and endpoint of
    /// STS. Mount `aws`. `server_id` is what Vault's `iam_server_id_header_value` says, if it is set there.
    #[cfg_attr(docsrs, doc(cfg(feature = "sts")))]
    pub fn aws_iam<'a>(
        sdk: &SdkConfig,
        role: impl Into<String>,
        server_id: impl Into<Option<&'a str>>,
    ) -> Self {
        Self::new(Method::Aws(Box::new(AwsLogin {
            role: role.into(),
            server_id: server_id.into().map(str::to_owned),
            sts: Client::new(&with_behavior(sdk)),
        })))
    }
}

impl AwsLogin {
    /// Signs a request, and returns it as the body of the login.
    pub(super) async fn body(&self) -> Result<Value, Error> {
        let signed = Signed::default();
        let server_id = self.server_id.clone();
        let connector = SharedHttpConnector::new(signed.clone());
        let retries = RetryConfig::disabled();
        let sent = self
            .sts
            .get_caller_identity()
            .customize()
            .mutate_request(move |request| {
                if let Some(server_id) = server_id.clone() {
                    // Vault accepts only header values, and rejects the login without one.
                    let _ = request
                        .headers_mut()
                        .try_insert("x-vault-aws-iam-server-id", server_id);
                }
            })
            .config_override(
                Builder::new()
                    .retry_config(retries)
                    .http_client(http_client_fn(move |_, _| connector.clone())),
            )
            .send()
            .await;
        let Some(request) = signed.take() else {
            let what = "the login at Vault by AWS IAM";
            return Err(match sent.map_err(|error| CallError::of(what, error)) {
                Err(CallError::NoResponse(error)) => error,
                _ => Error::new(ErrorKind::Config, format!("{what} could not be signed")),
            });
        };
        let mut headers = Map::new();
        for (name, value) in request.headers() {
            let values = headers.entry(name).or_insert_with(|| json!([]));
            if let Value::Array(values) = values {
                values.push(value.into());
            }
        }
        let body = request.body().bytes().unwrap_or_default();
        Ok(json!({
            "role": self.role,
            "iam_http_request_method": request.method(),
            "iam_request_url": base64::encode(request.uri()),
            "iam_request_body": base64::encode(body),
            "iam_request_headers": base64::encode(Value::Object(headers).to_string()),
        }))
    }
}

/// Keeps the request that it should send.
#[derive(Clone, Default)]
struct Signed(Arc<Mutex<Option<HttpRequest>>>);

impl Signed {
    fn take(&self) -> Option<HttpRequest> {
        lock(&self.0).take()
    }
}

impl HttpConnector for Signed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        *lock(&self.0) = Some(request);
        let unsent = ConnectorError::user("the request is handed to Vault".into());
        HttpConnectorFuture::ready(Err(unsent))
    }
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signed")
    }
}
