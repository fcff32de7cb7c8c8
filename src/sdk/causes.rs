//! The causes of an error.

use std::error::Error;

/// Returns the error, its cause, the cause of that, and so on.
pub(crate) fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| (**cause).source())
}

/// Returns the first of them that is a `T`.
#[cfg(any(feature = "_sdk-source", feature = "_access-key"))]
pub(crate) fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}
