//! How a response says that its request's key was rejected.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::retry::RetryConfig;
use metrics::counter;

use crate::sdk::auth_error::{AuthError, AuthErrorKind};
use crate::sdk::error_answer::metadata;
use crate::sdk::service_error::ServiceError;

/// Returns the auth error with which an attempt ended, and the service's answer, if it ended with one.
pub(super) fn auth_error(
    context: &FinalizerInterceptorContextMut<'_>,
    components: &RuntimeComponents,
    cfg: &ConfigBag,
) -> Option<(AuthError, ServiceError)> {
    let Some(Err(error)) = context.output_or_error() else {
        return None;
    };
    let response = context.response()?;
    if !(400..500).contains(&response.status().as_u16()) {
        return None;
    }
    let answer = ServiceError::of(response, metadata(error));
    let error = answer.auth_error()?;
    let now = components.time_source().unwrap_or_default().now();
    if is_repeated_for_clock_skew(&answer.code, error)
        && clock_is_off(response, now)
        && has_attempts_left(cfg)
    {
        return None; // another key would not help, and the SDK repeats the request with the time corrected
    }
    Some((error, answer))
}

/// Counts an attempt whose key was rejected, by the name of the refreshable that the key is of.
pub(super) fn count_rejection(refreshable: &str, error: AuthError) {
    let refreshable = refreshable.to_owned();
    counter!("credswap_rejections_total", "refreshable" => refreshable, "code" => error.code())
        .increment(1);
}

/// The codes for which the SDK measures the service's clock.
fn is_repeated_for_clock_skew(code: &str, error: AuthError) -> bool {
    error.kind() == AuthErrorKind::WrongSignature
        || matches!(code, "AuthFailure" | "AccessDeniedException")
}

/// Returns whether this machine's clock differs from the service's by more than the SDK tolerates.
fn clock_is_off(response: &HttpResponse, now: SystemTime) -> bool {
    let date = response.headers().get("date");
    let date = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
    let Some(Ok(theirs)) = date.map(SystemTime::try_from) else {
        return false;
    };
    let skew = theirs.duration_since(now).unwrap_or_else(|e| e.duration());
    skew > SKEW
}

/// Returns whether the SDK would make another attempt by itself.
fn has_attempts_left(cfg: &ConfigBag) -> bool {
    let made = cfg.load::<RequestAttempts>().map_or(1, |a| a.attempts());
    cfg.load::<RetryConfig>()
        .is_some_and(|config| made < config.max_attempts())
}

/// That of aws-runtime.
const SKEW: Duration = Duration::from_secs(4 * 60);
