//! What is wrong with a broker's certificate: librdkafka says only that it was not accepted.
//!
//! The same OpenSSL that librdkafka uses is asked again, and told to go on after each fault, so that it finds all of them.
//! Nothing is decided here: the connection has failed already, and what is found selects a text.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509VerifyResult;
use tokio::time::Instant;

use super::broker::Broker;
use crate::util::lock::lock;

/// How long it may take to find out.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What is wrong with a certificate. The first one is what to tell a person if there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// It has expired, or one that it is signed by.
    Expired,
    /// It is not valid yet, by the clock of this machine.
    NotYetValid,
    /// It does not name the host.
    HostName,
    /// None of these: a CA that is not trusted.
    UnknownCa,
}

/// Returns what is wrong with the certificate of a broker. Blocks. `None` if the broker does not show it.
pub(super) fn inspect(
    broker: &Broker,
    ca_file: Option<&Path>,
    hostname_check: bool,
) -> Option<Flaw> {
    let address = broker.to_string();
    let (host, _) = address.rsplit_once(':')?;
    let mut connector = SslConnector::builder(SslMethod::tls_client()).ok()?;
    if let Some(path) = ca_file {
        // One that cannot be read trusts nobody.
        connector.set_ca_file(path).ok();
    }
    let found = Arc::new(Mutex::new(None));
    let flaw = Arc::clone(&found);
    connector.set_verify_callback(SslVerifyMode::PEER, move |_, certificate| {
        let (mut worst, this) = (lock(&flaw), Flaw::of(certificate.error()));
        *worst = Some(worst.map_or(this, |worst: Flaw| worst.min(this)));
        true
    });
    let connection = connector.build().configure().ok()?;
    let stream = Limited::connect(&address)?;
    // Whether the handshake succeeds does not matter: the broker may also want a certificate of the client.
    let _ = connection
        .verify_hostname(hostname_check)
        .connect(host.trim_matches(['[', ']']), stream);
    *lock(&found)
}

impl Flaw {
    /// The numbers are those of OpenSSL's `x509_vfy.h`. That nothing is wrong counts as the rest: librdkafka did find something.
    fn of(result: X509VerifyResult) -> Self {
        match result.as_raw() {
            10 => Self::Expired,
            9 => Self::NotYetValid,
            62 | 64 => Self::HostName,
            _ => Self::UnknownCa,
        }
    }
}

/// A connection that ends after [`TIMEOUT`], however slowly the other side sends.
#[derive(Debug)]
struct Limited {
    stream: TcpStream,
    end: Instant,
}

impl Limited {
    fn connect(address: &str) -> Option<Self> {
        let end = Instant::now() + TIMEOUT;
        let address = address.to_socket_addrs().ok()?.next()?;
        let stream = TcpStream::connect_timeout(&address, TIMEOUT).ok()?;
        Some(Self { stream, end })
    }

    fn remaining(&self) -> io::Result<Option<Duration>> {
        match self.end.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            remaining => Ok(Some(remaining)),
        }
    }
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.remaining()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.remaining()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
