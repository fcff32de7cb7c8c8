//! How Vault is reached: without a socket, or over HTTP.

use std::convert::Infallible;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::Vault;

impl Vault {
    /// Returns an HTTP client that reaches this Vault without a socket, at any address. Tokio's clock may be paused.
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(InProcess(self.clone()));
        http_client_fn(move |_, _| connector.clone())
    }

    /// Serves it on 127.0.0.1 until the runtime stops, and returns its address.
    ///
    /// # Panics
    ///
    /// If 127.0.0.1 cannot be listened on.
    pub async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let vault = self.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let vault = vault.clone();
                let service = service_fn(move |request| over_http(vault.clone(), request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(socket), service);
                tokio::spawn(async move {
                    // An error is a client that disconnected.
                    let _ = connection.await;
                });
            }
        });
        format!("http://{address}")
    }
}

#[derive(Debug)]
struct InProcess(Vault);

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let vault = self.0.clone();
        HttpConnectorFuture::new(async move {
            let uri: http::Uri = request.uri().parse().expect("a URI");
            let header = |name: &str| request.headers().get(name).map(str::to_owned);
            let body = request.body().bytes().unwrap_or_default();
            let path = uri.path().strip_prefix("/v1/").unwrap_or(uri.path());
            let Some((status, body)) = vault.answer(request.method(), path, header, body) else {
                return std::future::pending().await;
            };
            let status = status.try_into().expect("a status");
            Ok(HttpResponse::new(status, SdkBody::from(text(&body))))
        })
    }
}

async fn over_http(
    vault: Vault,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let header = |name: &str| {
        let value = parts.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let path = parts.uri.path();
    let path = path.strip_prefix("/v1/").unwrap_or(path);
    let Some((status, body)) = vault.answer(parts.method.as_str(), path, header, &body) else {
        return std::future::pending().await;
    };
    let response = Response::builder()
        .status(status)
        .body(Full::from(text(&body)));
    Ok(response.expect("a valid response"))
}

fn text(body: &Value) -> String {
    match body {
        Value::Null => String::new(),
        body => body.to_string(),
    }
}
