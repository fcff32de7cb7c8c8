//! A way for an uploader to live with rotations.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use credswap::rotation::UsageSource;

use crate::flights::Flights;
use crate::meter::Readings;
use crate::site::Site;

/// A way for an uploader to live with rotations.
pub(crate) trait Way: Sized + Send + Sync + 'static {
    /// What table and plot call it.
    const NAME: &'static str;

    /// Whether an old key stays until nobody uses it. Otherwise it is deleted at once, as the field's functions do.
    const WAITS: bool;

    /// Who knows whether an old key is in use.
    type UsageSource: UsageSource;

    /// Reads the first key, and returns when no event would be missed any more.
    fn start(site: &Site, flights: &Flights) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// Whom to ask before an old key is retired.
    fn holders(site: &Site) -> anyhow::Result<Self::UsageSource>;

    /// The client to upload with in this lane. Asked for once per object.
    fn s3(&self, lane: u16) -> impl Future<Output = Client> + Send;

    /// What is live.
    fn live(&self) -> Live;

    /// What it has measured about itself.
    fn readings(&self) -> Readings;

    /// Ends what runs beside the work.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// What is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    /// How many keys there have been, this one included.
    pub(crate) generation: u64,
    /// The key that signs now.
    pub(crate) access_key_id: String,
    /// Why no event would be heard at the moment.
    pub(crate) deaf: Option<String>,
}

impl Live {
    /// What may be shown of the key: its last four characters.
    pub(crate) fn id_suffix(&self) -> &str {
        let id = &self.access_key_id;
        id.get(id.len().saturating_sub(4)..).unwrap_or_default()
    }
}

/// What a request says that failed: the service's code and message, or what went wrong on the way.
pub(crate) fn failure<E, R>(error: SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if let (Some(code), message) = (error.code(), error.message()) {
        return format!("{code}: {}", message.unwrap_or("no message"));
    }
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        line = format!("{line}: {inner}");
        cause = inner.source();
    }
    line
}
