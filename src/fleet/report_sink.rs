//! Where reports go.

use std::future::Future;

use crate::error::Error;

/// Sends records to where the ledger reads them.
///
/// Closures `Fn(String, Vec<u8>) -> impl Future<Output = Result<(), Error>>` are outboxes; the arguments are the
/// record's key and its value.
pub trait ReportSink: Send + Sync + 'static {
    /// Returns when the record is safe where it goes to. The reporter gives up waiting after a third of its TTL, drops
    /// the future, and sends a newer report instead.
    fn send(&self, key: String, value: Vec<u8>) -> impl Future<Output = Result<(), Error>> + Send;
}

impl<F, Fut> ReportSink for F
where
    F: Fn(String, Vec<u8>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Error>> + Send,
{
    fn send(&self, key: String, value: Vec<u8>) -> impl Future<Output = Result<(), Error>> + Send {
        self(key, value)
    }
}
