//! How a response says that its request's key was rejected.

use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use metrics::counter;

use crate::sdk::auth_error::AuthError;

/// Returns the auth error with which an attempt ended, if it ended with one.
pub(super) fn auth_error(context: &FinalizerInterceptorContextMut<'_>) -> Option<AuthError> {
    if matches!(context.output_or_error(), Some(Ok(_))) {
        return None;
    }
    context.response().and_then(of_response)
}

/// Counts an attempt whose key was rejected.
pub(super) fn count_rejection(error: AuthError) {
    counter!("credswap_rejections_total", "code" => error.code()).increment(1);
}

fn of_response(response: &HttpResponse) -> Option<AuthError> {
    // The SDK reads an error's body completely before it parses it. A body that is still a stream has no code for us.
    let body = response.body().bytes().unwrap_or_default();
    let kind = response.headers().get("x-amzn-errortype");
    AuthError::of_response(response.status().as_u16(), kind, body)
}
