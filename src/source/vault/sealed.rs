//! Token and body of a request, out of sight of the SDK's logs.
//!
//! The SDK prints a request at level TRACE, headers and body included. Here they travel beside the request, and the HTTP client
//! puts them into it.

use std::sync::Arc;

use aws_smithy_runtime::client::defaults::{DefaultPluginParams, default_plugins};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugins;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::SdkConfig;
use zeroize::Zeroizing;

/// What is put into a request at last.
#[derive(Clone)]
pub(super) struct Sealed {
    pub(super) token: Option<Arc<Zeroizing<String>>>,
    pub(super) body: Option<Arc<Zeroizing<Vec<u8>>>>,
}

/// Returns the HTTP client of `sdk`, or the SDK's default one; `None` if there is none.
pub(super) fn http_client(sdk: &SdkConfig) -> Option<SharedHttpClient> {
    sdk.http_client().or_else(|| {
        let version = sdk
            .behavior_version()
            .unwrap_or_else(BehaviorVersion::latest);
        let params = DefaultPluginParams::new()
            .with_retry_partition_name("Vault")
            .with_behavior_version(version);
        let plugins = RuntimePlugins::new().with_client_plugins(default_plugins(params));
        let defaults = plugins.apply_client_configuration(&mut ConfigBag::base());
        defaults.ok()?.http_client()
    })
}

/// Returns `client`, which puts token and body into each request before it sends it.
pub(super) fn unsealing(client: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Unsealing(client.http_connector(settings, components)))
    })
}

#[derive(Debug)]
struct Unsealing(SharedHttpConnector);

impl HttpConnector for Unsealing {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        if let Some(Sealed { token, body }) = request.extension::<Sealed>().cloned() {
            if let Some(token) = token {
                // A token that is not a header's text is no token of Vault: it is left out, and Vault answers 403.
                let _ = request
                    .headers_mut()
                    .try_insert("x-vault-token", token.to_string());
            }
            if let Some(body) = body {
                *request.body_mut() = SdkBody::from(body.to_vec());
            }
        }
        self.0.call(request)
    }
}
