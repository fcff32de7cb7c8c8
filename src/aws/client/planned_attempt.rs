//! One more attempt that an interceptor plans: what a retry classifier can see, the response or the error, is marked.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::interceptors::context::{
    Error, FinalizerInterceptorContextMut, InterceptorContext,
};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::retry::ErrorKind;

/// Marks an attempt whose request gets another one.
pub(super) fn mark(context: &mut FinalizerInterceptorContextMut<'_>) {
    if let Some(response) = context.response_mut() {
        response.add_extension(AttemptPlanned);
    } else if let Some(Err(error)) = context.output_or_error_mut() {
        let placeholder = OrchestratorError::other("replaced below");
        let before = std::mem::replace(error, placeholder);
        *error = OrchestratorError::other(PlannedAfter(before));
    }
}

/// Marks a response.
#[derive(Debug, Clone, Copy)]
struct AttemptPlanned;

/// Marks an error, and shows as that error: if there is no other attempt after all, it is the operation's.
#[derive(Debug)]
struct PlannedAfter(OrchestratorError<Error>);

impl fmt::Display for PlannedAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for PlannedAfter {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// Lets the planned attempts happen, and classifies nothing else.
#[derive(Debug)]
pub(super) struct PlannedAttempts;

impl ClassifyRetry for PlannedAttempts {
    fn classify_retry(&self, ctx: &InterceptorContext) -> RetryAction {
        let in_response = ctx.response().and_then(|r| r.extension());
        let is_planned = match ctx.output_or_error() {
            _ if matches!(in_response, Some(AttemptPlanned)) => true,
            Some(Err(error)) => error.source().is_some_and(|e| e.is::<PlannedAfter>()),
            _ => false,
        };
        match is_planned {
            // Not "transient": the connection is fine.
            true => RetryAction::retryable_error(ErrorKind::ClientError),
            false => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "credswap::planned_attempt"
    }

    fn priority(&self) -> RetryClassifierPriority {
        // After all of the SDK's: one of them would add the delay that the header `x-amz-retry-after` of the rejection asks
        // for, and a delay helps no dead key.
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
