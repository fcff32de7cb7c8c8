//! A source chosen at run time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{FetchRequest, Source};
use crate::error::Error;
use crate::secret::{Secret, SecretId, VersionId};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Any source, behind one type: for services that choose theirs at run time. Clones share the source.
///
/// ```
/// use credswap::{Error, Secret, source::BoxSource};
/// let from_environment = true; // a setting
/// let source = if from_environment {
///     BoxSource::new(|| async { Ok::<_, Error>(Secret::new("from the environment", "1")) })
/// } else {
///     BoxSource::new(|| async { Ok::<_, Error>(Secret::new("from elsewhere", "1")) })
/// };
/// ```
#[derive(Clone)]
pub struct BoxSource(Arc<dyn DynSource>);

impl BoxSource {
    /// Boxes a source.
    pub fn new(source: impl Source) -> Self {
        Self(Arc::new(source))
    }
}

impl Source for BoxSource {
    async fn fetch(&self, request: &FetchRequest) -> Result<Secret, Error> {
        self.0.fetch(request).await
    }

    fn secret_id(&self) -> Option<&SecretId> {
        self.0.secret_id()
    }

    async fn drained(&self, version: &VersionId) {
        self.0.drained(version).await;
    }

    async fn discarded(&self, version: &VersionId) {
        self.0.discarded(version).await;
    }

    async fn shutdown(&self) {
        self.0.shutdown().await;
    }
}

impl fmt::Debug for BoxSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxSource")
            .field("secret_id", &self.0.secret_id())
            .finish_non_exhaustive()
    }
}

/// [`Source`] with boxed futures.
trait DynSource: Send + Sync {
    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Secret, Error>>;
    fn secret_id(&self) -> Option<&SecretId>;
    fn drained<'a>(&'a self, version: &'a VersionId) -> BoxFuture<'a, ()>;
    fn discarded<'a>(&'a self, version: &'a VersionId) -> BoxFuture<'a, ()>;
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

impl<S: Source> DynSource for S {
    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Secret, Error>> {
        Box::pin(Source::fetch(self, request))
    }

    fn secret_id(&self) -> Option<&SecretId> {
        Source::secret_id(self)
    }

    fn drained<'a>(&'a self, version: &'a VersionId) -> BoxFuture<'a, ()> {
        Box::pin(Source::drained(self, version))
    }

    fn discarded<'a>(&'a self, version: &'a VersionId) -> BoxFuture<'a, ()> {
        Box::pin(Source::discarded(self, version))
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(Source::shutdown(self))
    }
}
