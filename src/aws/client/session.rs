//! Sessions for S3 Express directory buckets, which the SDK makes from the live key while it resolves an identity.
//!
//! The call that makes one, `CreateSession`, is that of an inner client without interceptors. Its rejection is the error with
//! which the attempt ends that needed the session, before its request is sent.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::create_session::CreateSessionError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;

use crate::sdk::auth_error::AuthError;
use crate::sdk::causes::find;
use crate::sdk::service_error::ServiceError;

/// Returns the auth error with which the call for a session ended, and the service's answer, if an attempt ended with one.
pub(super) fn auth_error(
    context: &FinalizerInterceptorContextMut<'_>,
) -> Option<(AuthError, ServiceError)> {
    let Some(Err(error)) = context.output_or_error() else {
        return None;
    };
    let call: &SdkError<CreateSessionError> = find(error)?;
    let SdkError::ServiceError(rejection) = call else {
        return None;
    };
    let answer = ServiceError::of(rejection.raw(), Some(rejection.err().meta()));
    Some((answer.auth_error()?, answer))
}
