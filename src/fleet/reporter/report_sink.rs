//! Where reports are sent.

use std::future::Future;

use crate::error::Error;

/// Sends usage reports to where a [`Ledger`](crate::fleet::Ledger) reads them.
#[cfg_attr(
    feature = "kafka",
    doc = "[`kafka::Producer`](crate::kafka::Producer) is one."
)]
///
/// Closures `Fn(String, Vec<u8>) -> impl Future<Output = Result<(), Error>>` are sinks, too. They receive the record's key
/// and its value:
///
/// ```
/// use credswap::{Error, fleet::ReportSink};
/// fn takes_a_sink(_: impl ReportSink) {}
/// takes_a_sink(|key: String, value: Vec<u8>| async move {
///     println!("{key}: {}", String::from_utf8_lossy(&value));
///     Ok::<_, Error>(())
/// });
/// ```
///
/// A record replaces the earlier ones with the same key. A transport must keep the order of records with the same key, and
/// must neither lose the newest of them nor deliver one later than [`Assumptions::grace`](crate::fleet::Assumptions::grace)
/// after it was sent. The time at which the transport received a record is the one to pass to
/// [`Ledger::fold_record`](crate::fleet::Ledger::fold_record).
pub trait ReportSink: Send + Sync + 'static {
    /// Sends a record, and returns when it cannot be lost any more.
    ///
    /// The reporter waits for a third of its TTL. Then it drops the future and sends a newer report instead, so the future
    /// must be cancel safe; a record that arrives after it was cancelled does no harm.
    ///
    /// # Errors
    /// The reporter retries with a newer report, with backoff, whatever the error's kind.
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
