//! How a response says that its request's key was refused.

use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::sdk::auth_error::AuthError;

/// The auth error with which an attempt ended, if it did.
pub(super) fn auth_error(context: &FinalizerInterceptorContextMut<'_>) -> Option<AuthError> {
    if matches!(context.output_or_error(), Some(Ok(_))) {
        return None;
    }
    context.response().and_then(of_response)
}

fn of_response(response: &HttpResponse) -> Option<AuthError> {
    // Errors are read whole before they are parsed. A body that is still a stream has no code for us.
    let body = response.body().bytes().unwrap_or_default();
    let kind = response.headers().get("x-amzn-errortype");
    AuthError::of_response(response.status().as_u16(), kind, body)
}
