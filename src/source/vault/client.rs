//! One call of Vault's HTTP API.
//!
//! Built on the SDK's `Operation`, with the HTTP client of an `SdkConfig`: the user's TLS, proxy and test doubles serve Vault,
//! too. The SDK logs requests at level TRACE; token and body are therefore put into the request below its log, by the HTTP
//! client (see [`sealed`](super::sealed)).

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use fastrand::Rng;
use tokio::time::timeout;

use super::answer::Answer;
use super::call::{Call, Failure};
use super::rejection::Rejection;
use super::sealed::{Sealed, unsealing};
use super::tls;
use crate::error::{Error, ErrorKind};
use crate::sdk::causes::causes;
use crate::util::Backoff;

/// A client of one Vault, in one namespace. Clones are cheap.
#[derive(Clone)]
pub(super) struct Client(Arc<Inner>);

struct Inner {
    operation: Result<Operation<Call, Answer, Rejection>, Error>,
    is_plaintext: bool,
    limits: Limits,
}

/// How often a call is attempted, and how long one attempt may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) attempts: u32,
    pub(super) attempt_timeout: Duration,
}

impl Client {
    pub(super) fn new(
        sdk: &SdkConfig,
        http_client: Result<SharedHttpClient, Error>,
        address: &str,
        namespace: Option<String>,
        limits: Limits,
    ) -> Self {
        Self(Arc::new(Inner {
            operation: operation(sdk, http_client, address, namespace),
            is_plaintext: address.starts_with("http://"),
            limits,
        }))
    }

    /// Calls Vault, and repeats what was refused for a reason that passes.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Failure> {
        let mut delays = BACKOFF.delays(&mut Rng::new());
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if attempt >= self.0.limits.attempts || !call.may_repeat(&failure) {
                return Err(failure);
            }
            attempt += 1;
            tokio::time::sleep(delays.next()).await;
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, Failure> {
        let operation = self
            .0
            .operation
            .as_ref()
            .map_err(|error| Failure::NoAnswer {
                error: error.clone(),
                was_sent: false,
            })?;
        let longest = self.0.limits.attempt_timeout;
        match timeout(longest, operation.invoke(call.clone())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failure(&call.what, error, self.0.is_plaintext)),
            Err(_) => Err(Failure::NoAnswer {
                error: Error::new(
                    ErrorKind::Timeout,
                    format!("{} received no answer within {longest:?}", call.what),
                ),
                was_sent: true,
            }),
        }
    }
}

/// The delays between attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

fn operation(
    sdk: &SdkConfig,
    http_client: Result<SharedHttpClient, Error>,
    address: &str,
    namespace: Option<String>,
) -> Result<Operation<Call, Answer, Rejection>, Error> {
    let address = address.trim_end_matches('/');
    let is_url = address.starts_with("https://") || address.starts_with("http://");
    if !is_url || HttpRequest::get(address).is_err() {
        return Err(Error::new(
            ErrorKind::Config,
            format!("Vault's address `{address}` is not a URL; write it as https://host:8200"),
        ));
    }
    let mut sensitive = Layer::new("SensitiveOutput");
    sensitive.store_put(SensitiveOutput);
    Ok(Operation::builder()
        .service_name("Vault")
        .operation_name("Call")
        .behavior_version(
            sdk.behavior_version()
                .unwrap_or_else(BehaviorVersion::latest),
        )
        .http_client(unsealing(http_client?))
        .endpoint_url(&format!("{address}/v1/"))
        .no_auth()
        .no_retry()
        .timeout_config(TimeoutConfig::disabled())
        .with_connection_poisoning()
        .runtime_plugin(StaticRuntimePlugin::new().with_config(sensitive.freeze()))
        .serializer(move |call: Call| {
            let mut request = HttpRequest::empty();
            request.set_method(call.method)?;
            request.set_uri(format!("/{}", call.path))?;
            request
                .headers_mut()
                .try_insert("x-vault-request", "true")?;
            if let Some(namespace) = namespace.clone() {
                request
                    .headers_mut()
                    .try_insert("x-vault-namespace", namespace)?;
            }
            if let Some(body) = &call.body {
                let length = body.len().to_string();
                request
                    .headers_mut()
                    .try_insert("content-type", "application/json")?;
                request.headers_mut().try_insert("content-length", length)?;
            }
            request.add_extension(Sealed {
                token: call.token,
                body: call.body,
            });
            Ok(request)
        })
        .deserializer(parse)
        .build())
}

fn parse(response: &HttpResponse) -> Result<Answer, OrchestratorError<Rejection>> {
    let body = response.body().bytes().unwrap_or_default();
    if !response.status().is_success() {
        let rejection = Rejection::new(response.status().as_u16(), body);
        return Err(OrchestratorError::operation(rejection));
    }
    // The error must not quote the body.
    Answer::parse(body)
        .ok_or_else(|| OrchestratorError::other("the body is not an answer of Vault"))
}

fn failure(what: &str, error: SdkError<Rejection, HttpResponse>, is_plaintext: bool) -> Failure {
    // The SDK's error is not kept: its `Debug` has the whole response.
    let (kind, text, was_sent) = match error {
        SdkError::ServiceError(service) => return Failure::Rejected(service.into_err()),
        SdkError::DispatchFailure(dispatch) => unsent(&dispatch),
        SdkError::TimeoutError(_) => (ErrorKind::Timeout, "received no answer in time", true),
        // Its text is often lost, because the listener closes the connection with a part of the request unread.
        SdkError::ResponseError(cut_off)
            if is_plaintext && cut_off.raw().status().as_u16() == 400 =>
        {
            (
                ErrorKind::Config,
                "reached a listener that wants TLS; write the address with https://",
                false,
            )
        }
        SdkError::ResponseError(_) => (
            ErrorKind::Unavailable,
            "received an answer that was cut off or is not Vault's; check the address",
            true,
        ),
        _ => (ErrorKind::Unavailable, "could not be sent", false),
    };
    Failure::NoAnswer {
        error: Error::new(kind, format!("{what} {text}")),
        was_sent,
    }
}

/// Returns why there is no answer, and whether the call may have been sent all the same.
fn unsent(dispatch: &DispatchFailure) -> (ErrorKind, &'static str, bool) {
    let fault = dispatch
        .as_connector_error()
        .and_then(|error| tls::fault(error));
    if let Some(fault) = fault {
        return (ErrorKind::Config, fault, false);
    }
    if dispatch.is_user() {
        return (
            ErrorKind::Config,
            "could not be sent; check Vault's address",
            false,
        );
    }
    (
        ErrorKind::Unavailable,
        "failed on the network: no connection to Vault, or it was interrupted; check the address",
        !is_refused(dispatch),
    )
}

/// Returns whether there was no connection: nothing was sent.
fn is_refused(dispatch: &DispatchFailure) -> bool {
    let cause = dispatch.as_connector_error().and_then(StdError::source);
    cause
        .into_iter()
        .flat_map(causes)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
            )
        })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}
