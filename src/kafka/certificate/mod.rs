//! What is wrong with a broker's certificate: librdkafka says only that it was not accepted.
//!
//! Nothing is decided here: the connection has failed already, and what the broker presents selects a text.

mod hello;
mod x509;

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use self::x509::Certificate;
use super::broker::Broker;
use crate::util::clock::Clock;

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
pub(super) fn inspect(broker: &Broker, hostname_check: bool, clock: &Clock) -> Option<Flaw> {
    let address = broker.to_string();
    let (host, _) = address.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let chain = hello::certificates(&handshake(&address, host)?)?;
    flaw(
        &chain,
        hostname_check.then_some(host),
        &x509::time(clock.now()),
    )
}

/// Returns what is wrong with certificates that were not accepted, the host's first.
fn flaw(chain: &[Vec<u8>], host: Option<&str>, now: &str) -> Option<Flaw> {
    let parsed = chain.iter().map(|der| Certificate::parse(der));
    let certificates: Vec<_> = parsed.collect::<Option<_>>()?;
    let named = certificates.first()?;
    let flaw = if certificates.iter().any(|one| *one.not_after < *now) {
        Flaw::Expired
    } else if certificates.iter().any(|one| *one.not_before > *now) {
        Flaw::NotYetValid
    } else if host.is_some_and(|host| !named.names(host)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flaw_is_what_a_person_can_change() {
        let good = x509::tests::certificate(&x509::tests::dns_name("broker"));
        for (host, now, expected) in [
            (Some("broker"), "20250101000000", Flaw::NotYetValid),
            (Some("broker"), "20600101000000", Flaw::Expired),
            (Some("other"), "20600101000000", Flaw::Expired),
            (Some("other"), "20300101000000", Flaw::HostName),
            (None, "20300101000000", Flaw::UnknownCa),
            (Some("broker"), "20300101000000", Flaw::UnknownCa),
        ] {
            let found = flaw(std::slice::from_ref(&good), host, now);
            assert_eq!(found, Some(expected), "{host:?} at {now}");
        }
        assert_eq!(flaw(&[], None, "2030"), None);
        assert_eq!(flaw(&[vec![7]], None, "2030"), None);
    }
}
