//! What is wrong with a broker's certificate: librdkafka says only that it was not accepted.
//!
//! Nothing is decided here: the connection has failed already, and what the broker presents selects a text.

mod hello;
mod x509;

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, SystemTime};

use super::broker::Broker;

/// How long looking at a certificate may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// More than the beginning of a handshake has.
const MAX_BYTES: u64 = 64 * 1024;

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Looks at the certificates of a broker. Blocks. `None` if the broker does not show them.
pub(super) fn inspect(broker: &Broker, hostname_check: bool) -> Option<Flaw> {
    let address = broker.to_string();
    let (host, _) = address.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let chain = hello::certificates(&handshake(&address, host)?)?;
    let now = x509::time(SystemTime::now());
    let certificates: Option<Vec<_>> = chain
        .iter()
        .map(|der| x509::Certificate::parse(der))
        .collect();
    let certificates = certificates?;
    let flaw = if certificates.iter().any(|one| one.not_after < now) {
        Flaw::Expired
    } else if certificates.iter().any(|one| one.not_before > now) {
        Flaw::NotYetValid
    } else if hostname_check && !certificates.first()?.names(host) {
        Flaw::HostName
    } else {
        Flaw::UnknownCa
    };
    Some(flaw)
}

/// Begins a handshake with TLS 1.2, which shows certificates, and returns what the broker says.
fn handshake(address: &str, host: &str) -> Option<Vec<u8>> {
    let address = address.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(TIMEOUT)).ok()?;
    stream.write_all(&hello::client_hello(host)).ok()?;
    let mut said = Vec::new();
    let mut bytes = stream.take(MAX_BYTES);
    let mut buffer = [0; 4096];
    while hello::certificates(&said).is_none() {
        match bytes.read(&mut buffer) {
            Ok(read @ 1..) => said.extend_from_slice(&buffer[..read]),
            // The broker waits for more, or has ended the connection.
            Ok(0) | Err(_) => break,
        }
    }
    Some(said)
}
