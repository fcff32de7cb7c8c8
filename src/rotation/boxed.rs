//! A boxed future: what traits return whose implementation is chosen at run time.

use std::future::Future;
use std::pin::Pin;

/// A future behind one type.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
