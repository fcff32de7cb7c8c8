//! Against a TLS server with certificates of the test's own.

use std::net::TcpListener;
use std::thread;
use std::time::SystemTime;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslVersion};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};

use super::*;
use crate::util::clock::Clock;

const DAY: i64 = 24 * 3600;

struct Authority {
    key: PKey<Private>,
    certificate: X509,
    file: tempfile::NamedTempFile,
}

/// A certificate under construction: it names `localhost`, and is valid from yesterday until tomorrow.
struct Draft {
    names: SubjectAlternativeName,
    days: (i64, i64),
}

fn draft() -> Draft {
    let mut names = SubjectAlternativeName::new();
    names.dns("localhost");
    Draft {
        names,
        days: (-1, 1),
    }
}

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key")
}

fn builder(subject: &str, (from, until): (i64, i64), key: &PKey<Private>) -> X509Builder {
    let now = Clock::system().now().duration_since(SystemTime::UNIX_EPOCH);
    let now = i64::try_from(now.expect("it is after 1970").as_secs()).expect("it is soon");
    let time = |days| Asn1Time::from_unix(now + days * DAY).expect("a time");
    let mut name = X509Name::builder().expect("a name");
    name.append_entry_by_text("CN", subject).expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a builder");
    let mut set = || {
        builder.set_version(2)?;
        let serial = BigNum::from_u32(7)?.to_asn1_integer()?;
        builder.set_serial_number(&serial)?;
        builder.set_subject_name(&name)?;
        builder.set_pubkey(key)?;
        builder.set_not_before(&time(from))?;
        builder.set_not_after(&time(until))
    };
    set().expect("the fields are right");
    builder
}

impl Authority {
    fn new(days: (i64, i64)) -> Self {
        let key = key();
        let mut ca = builder("the CA", days, &key);
        let is_ca = BasicConstraints::new().ca().build().expect("an extension");
        ca.append_extension(is_ca).expect("an extension");
        let issuer = builder("the CA", days, &key).build();
        ca.set_issuer_name(issuer.subject_name()).expect("a name");
        ca.sign(&key, MessageDigest::sha256()).expect("a signature");
        let certificate = ca.build();
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let pem = certificate.to_pem().expect("a certificate");
        file.write_all(&pem).expect("written");
        Self {
            key,
            certificate,
            file,
        }
    }

    /// Starts a server with such a certificate, for one connection. Returns its port.
    fn serve(&self, draft: &Draft, version: SslVersion) -> u16 {
        let key = key();
        let mut server = builder("a broker", draft.days, &key);
        let issuer = self.certificate.subject_name();
        server.set_issuer_name(issuer).expect("a name");
        let names = draft
            .names
            .build(&server.x509v3_context(Some(&self.certificate), None));
        server
            .append_extension(names.expect("names"))
            .expect("names");
        server
            .sign(&self.key, MessageDigest::sha256())
            .expect("a signature");
        let mut acceptor =
            SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
        let set = || {
            acceptor.set_min_proto_version(Some(version))?;
            acceptor.set_max_proto_version(Some(version))?;
            acceptor.set_private_key(&key)?;
            acceptor.set_certificate(&server.build())
        };
        set().expect("the fields are right");
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            drop(acceptor.accept(stream));
        });
        port
    }
}

fn broker(host: &str, port: u16) -> Broker {
    let line = format!("ssl://{host}:{port}/1: SSL handshake failed");
    Broker::named_in(&line).expect("a broker")
}

#[test]
fn the_flaw_is_what_a_person_can_change() {
    use Flaw::{Expired, HostName, NotYetValid, UnknownCa};
    let mut with_address = draft();
    with_address.names.ip("127.0.0.1");
    let elsewhere = |days| {
        let mut names = SubjectAlternativeName::new();
        names.dns("b-1.example.com").ip("10.0.0.1");
        Draft { names, days }
    };
    let in_days = |days| Draft { days, ..draft() };
    let ca = Authority::new((-9, 9));
    let other_ca = Authority::new((-9, 9));
    let expired_ca = Authority::new((-9, -1));
    let trusted = |ca: &Authority| Some(ca.file.path().to_owned());
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        #[rustfmt::skip] // one row, one line
        let rows = [
            ("expired", &ca, in_days((-2, -1)), trusted(&ca), "localhost", true, Expired),
            ("not yet valid", &ca, in_days((1, 2)), trusted(&ca), "localhost", true, NotYetValid),
            ("another name", &ca, elsewhere((-1, 1)), trusted(&ca), "localhost", true, HostName),
            ("another address", &ca, draft(), trusted(&ca), "127.0.0.1", true, HostName),
            ("a name that nobody checks", &ca, elsewhere((-1, 1)), trusted(&other_ca), "localhost", false, UnknownCa),
            ("another CA", &ca, draft(), trusted(&other_ca), "localhost", true, UnknownCa),
            ("no CA", &ca, draft(), None, "localhost", true, UnknownCa),
            ("a CA file that is gone", &ca, draft(), Some("/nowhere/ca.pem".into()), "localhost", true, UnknownCa),
            ("a CA that has expired", &expired_ca, draft(), trusted(&expired_ca), "localhost", true, Expired),
            ("all at once", &ca, elsewhere((-2, -1)), trusted(&other_ca), "localhost", true, Expired),
            ("name and CA", &ca, elsewhere((-1, 1)), trusted(&other_ca), "localhost", true, HostName),
        ];
        for (what, ca, draft, trusted, host, hostname_check, expected) in rows {
            let broker = broker(host, ca.serve(&draft, version));
            let found = inspect(&broker, trusted.as_deref(), hostname_check);
            assert_eq!(found, Some(expected), "{what} {version:?}");
        }
    }
    let broker = broker("127.0.0.1", ca.serve(&with_address, SslVersion::TLS1_3));
    let found = inspect(&broker, trusted(&ca).as_deref(), true);
    assert_eq!(found, Some(UnknownCa), "nothing is wrong with it");
}

#[test]
fn a_broker_that_shows_no_certificate_has_no_flaw() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
    });
    assert_eq!(inspect(&broker("127.0.0.1", port), None, true), None);
    server.join().expect("the server has ended");
    // Now nobody listens.
    assert_eq!(inspect(&broker("127.0.0.1", port), None, true), None);
}
