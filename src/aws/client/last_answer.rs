//! The answer to an attempt that was to be replayed: where no other attempt is made, the caller gets this one.

use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::ConfigBag;

/// Copies a response that was read completely; `None` if it was not.
pub(super) fn copy(response: &HttpResponse) -> Option<HttpResponse> {
    let mut copy = HttpResponse::new(response.status(), response.body().try_clone()?);
    *copy.headers_mut() = response.headers().clone();
    Some(copy)
}

/// Returns whether the attempt ended before its request was sent.
pub(super) fn was_not_sent(context: &FinalizerInterceptorContextMut<'_>) -> bool {
    context.request().is_some() && context.response().is_none()
}

/// Ends an attempt whose request was not sent as if `response` were its answer.
pub(super) fn restore(
    context: &mut FinalizerInterceptorContextMut<'_>,
    response: HttpResponse,
    cfg: &ConfigBag,
) {
    let Some(deserializer) = cfg.load::<SharedResponseDeserializer>() else {
        return;
    };
    let answer = deserializer.deserialize_nonstreaming_with_config(&response, cfg);
    // The steps that the SDK's orchestrator makes; each checks in debug builds that it comes after the one before.
    let context = context.inner_mut();
    context.enter_transmit_phase();
    let _ = context.take_request();
    context.set_response(response);
    context.enter_before_deserialization_phase();
    context.enter_deserialization_phase();
    context.set_output_or_error(answer);
    context.enter_after_deserialization_phase();
}
