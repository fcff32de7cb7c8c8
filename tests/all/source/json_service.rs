//! A service of AWS that speaks JSON, inside the process: it answers as the test says.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use serde_json::Value;

use crate::support::canned::reach;

/// Answers all requests alike, until the test says something else, and remembers them.
#[derive(Debug, Clone)]
pub(super) struct JsonService(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    status: u16,
    answer: String,
    requests: Vec<Value>,
}

impl JsonService {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Shared {
            status: 500,
            answer: String::new(),
            requests: Vec::new(),
        })))
    }

    /// Sets the answer from now on.
    pub(super) fn set(&self, status: u16, answer: impl Into<String>) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (shared.status, shared.answer) = (status, answer.into());
    }

    /// Returns the bodies of the requests.
    pub(super) fn requests(&self) -> Vec<Value> {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.requests.clone()
    }

    /// Returns a configuration for clients of this service.
    pub(super) fn sdk(&self) -> SdkConfig {
        let service = self.clone();
        let credentials = Credentials::new("AKIDEXAMPLE", "none", None, None, "test");
        reach("http://127.0.0.1:1", credentials)
            .http_client(http_client_fn(move |_, _| {
                SharedHttpConnector::new(service.clone())
            }))
            .build()
    }
}

impl HttpConnector for JsonService {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let body = request.body().bytes().unwrap_or_default();
        let request = serde_json::from_slice(body).expect("a request of JSON");
        shared.requests.push(request);
        let status = shared.status.try_into().expect("a status");
        let body = SdkBody::from(shared.answer.as_str());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, body)))
    }
}
