//! A service that a closure plays: for answers that the testkit's cloud does not give.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Scripted {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns an S3 error.
    pub(crate) fn s3(status: u16, code: &str, message: &str) -> Self {
        Self::new(
            status,
            format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        )
    }
}

/// Returns an HTTP client whose requests `service` answers, and the access key ids that signed them so far.
pub(crate) fn service(
    answer: impl Fn(&HttpRequest) -> Scripted + Send + Sync + 'static,
) -> (impl HttpClient + 'static, Arc<Mutex<Vec<String>>>) {
    let signers = Arc::<Mutex<Vec<String>>>::default();
    let connector = SharedHttpConnector::new(Service {
        answer: Box::new(answer),
        signers: Arc::clone(&signers),
    });
    (http_client_fn(move |_, _| connector.clone()), signers)
}

/// Returns the access key id that a request claims to be signed with.
pub(crate) fn signer(request: &HttpRequest) -> &str {
    let header = request.headers().get("authorization").unwrap_or_default();
    let credential = header
        .split_once("Credential=")
        .map_or("", |(_, rest)| rest);
    credential.split('/').next().unwrap_or_default()
}

struct Service {
    answer: Box<dyn Fn(&HttpRequest) -> Scripted + Send + Sync>,
    signers: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

impl HttpConnector for Service {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut signers = self.signers.lock().expect("not poisoned");
        signers.push(signer(&request).to_owned());
        drop(signers);
        let scripted = (self.answer)(&request);
        let status = scripted.status.try_into().expect("a status");
        let mut response = HttpResponse::new(status, SdkBody::from(scripted.body));
        for (name, value) in scripted.headers {
            response.headers_mut().insert(name, value);
        }
        // As over a network: others get a turn.
        HttpConnectorFuture::new(async move {
            tokio::task::yield_now().await;
            Ok(response)
        })
    }
}
