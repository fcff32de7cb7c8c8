//! Vault with a certificate of a private CA.

use std::net::SocketAddr;
use std::path::Path;

use super::*;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

const HOST: &str = "localhost";

/// A certificate and its key.
struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate under construction: that of a server at [`HOST`], unless it is changed.
struct Draft {
    subject: &'static str,
    host: &'static str,
    is_ca: bool,
    years: (u32, u32),
}

impl Draft {
    fn server() -> Self {
        Self {
            subject: "vault",
            host: HOST,
            is_ca: false,
            years: (2001, 2999),
        }
    }

    fn ca(subject: &'static str) -> Self {
        Self {
            subject,
            is_ca: true,
            ..Self::server()
        }
    }

    fn self_signed(self) -> Identity {
        self.signed_by(None)
    }

    fn signed_by(self, ca: Option<&Identity>) -> Identity {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        let key = EcKey::generate(&curve).expect("a key");
        let key = PKey::from_ec_key(key).expect("a key");
        let mut name = X509Name::builder().expect("a name");
        name.append_entry_by_text("CN", self.subject).expect("text");
        let name = name.build();
        let year = |year| Asn1Time::from_str(&format!("{year}0101000000Z")).expect("a time");
        let mut builder = X509::builder().expect("a builder");
        let mut set = || {
            builder.set_version(2)?;
            let serial = BigNum::from_u32(7)?.to_asn1_integer()?;
            builder.set_serial_number(&serial)?;
            builder.set_subject_name(&name)?;
            builder.set_issuer_name(ca.map_or(&name, |ca| ca.certificate.subject_name()))?;
            builder.set_pubkey(&key)?;
            builder.set_not_before(&year(self.years.0))?;
            builder.set_not_after(&year(self.years.1))?;
            if self.is_ca {
                builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
            }
            let context = builder.x509v3_context(None, None);
            let host = SubjectAlternativeName::new()
                .dns(self.host)
                .build(&context)?;
            builder.append_extension(host)?;
            builder.sign(ca.map_or(&key, |ca| &ca.key), MessageDigest::sha256())
        };
        set().expect("the fields are right");
        let certificate = builder.build();
        Identity { certificate, key }
    }
}

impl Identity {
    fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().expect("a certificate")
    }

    fn der(&self) -> CertificateDer<'static> {
        self.certificate.to_der().expect("a certificate").into()
    }
}

/// Serves a Vault over TLS, and returns its address. Clients need a certificate of `clients_of`.
async fn serve(server: &Server, identity: &Identity, clients_of: Option<&Identity>) -> String {
    let plain = server.serve().await;
    let plain: SocketAddr = plain["http://".len()..].parse().expect("an address");
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients_of {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(ca.der()).expect("a CA");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let key = identity.key.private_key_to_pkcs8().expect("a key");
    let key = PrivateKeyDer::Pkcs8(key.into());
    let config = builder.with_single_cert(vec![identity.der()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a certificate with its key")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Errors are clients that do not accept the certificate, or have disconnected.
                if let Ok(mut encrypted) = acceptor.accept(socket).await {
                    let mut plain = TcpStream::connect(plain).await.expect("it is served");
                    let _ = copy_bidirectional(&mut encrypted, &mut plain).await;
                }
            });
        }
    });
    format!("https://{HOST}:{port}")
}

/// Returns a connection that trusts what the file has. The HTTP client of the SDK trusts the system's CAs.
fn trusting(ca_file: &Path, address: String) -> Vault {
    plain(address).ca_file(ca_file)
}

fn plain(address: String) -> Vault {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let sdk = SdkConfig::builder().http_client(http).build();
    Vault::new(&sdk, address, Login::app_role("role", "secret"))
}

fn file(content: impl AsRef<[u8]>) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), content).expect("written");
    file
}

#[tokio::test]
async fn a_ca_file_makes_vaults_certificate_trusted() {
    let (server, ca) = (Server::new(), Draft::ca("ours").self_signed());
    let address = serve(&server, &Draft::server().signed_by(Some(&ca)), None).await;
    // One certificate of several, between lines of text.
    let other = Draft::ca("another").self_signed();
    let bundle = [&b"# of the company\n"[..], &other.pem(), b"\n", &ca.pem()].concat();
    let source = trusting(file(bundle).path(), address.clone()).aws_creds("up");
    first(&source).await.expect("minted");
    source.shutdown().await;
    assert!(server.leases().is_empty());

    let error = first(&plain(address).kv("app")).await.expect_err("unknown");
    assert!(error.to_string().contains("`Vault::ca_file`"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_says_what_to_change() {
    let ca = Draft::ca("ours").self_signed();
    let other = Draft::ca("another").self_signed();
    let renewed = Draft::ca("ours").self_signed();
    let own = Draft::ca("vault").self_signed();
    let server = |draft: Draft| draft.signed_by(Some(&ca));
    let elsewhere = Draft {
        host: "vault.test",
        ..Draft::server()
    };
    let of_years = |from, until| Draft {
        years: (from, until),
        ..Draft::server()
    };
    // The CA that is trusted, what the server has, whether it wants a certificate, and what the error says.
    let rows = [
        (
            &other,
            server(Draft::server()),
            false,
            "does not trust the CA",
        ),
        (
            &renewed,
            server(Draft::server()),
            false,
            "the trusted one of the same name",
        ),
        (&ca, server(elsewhere), false, "not valid for the host"),
        (&ca, server(of_years(2001, 2002)), false, "has expired"),
        (&ca, server(of_years(2998, 2999)), false, "not valid yet"),
        (
            &ca,
            server(Draft::server()),
            true,
            "wants a certificate of the client",
        ),
    ];
    for (trusted, identity, is_closed, says) in rows {
        rejects(trusted, &identity, is_closed.then_some(&ca), says).await;
    }
    rejects(&own, &own, None, "is that of a CA").await;
}

async fn rejects(trusted: &Identity, server: &Identity, clients_of: Option<&Identity>, says: &str) {
    let vault = Server::new();
    let address = serve(&vault, server, clients_of).await;
    let source = trusting(file(trusted.pem()).path(), address).kv("app");
    let error = first(&source).await.expect_err("not accepted");
    assert!(error.to_string().contains(says), "{says}: {error}");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(vault.calls().is_empty(), "{says}");
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_used_says_what_to_change() {
    let ca = Draft::ca("ours").self_signed();
    let der = ca.certificate.to_der().expect("a certificate");
    let pem = String::from_utf8(ca.pem()).expect("text");
    let key = ca.key.private_key_to_pem_pkcs8().expect("a key");
    let damaged = pem.replacen("MII", "AAA", 1);
    let cut_off = &pem[..pem.len() / 2];
    let rows = [
        (b" \n".to_vec(), "is empty"),
        (der, "openssl x509 -inform der"),
        (key, "no certificate"),
        (b"not a certificate".to_vec(), "no certificate"),
        (
            cut_off.as_bytes().to_vec(),
            "malformed PEM at certificate 1",
        ),
        (
            format!("{pem}{damaged}").into_bytes(),
            "malformed certificate, number 2",
        ),
    ];
    let nowhere = || "https://localhost:1".to_owned();
    for (content, says) in rows {
        let file = file(content);
        let error = first(&trusting(file.path(), nowhere()).kv("app")).await;
        let error = error.expect_err("not usable");
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        let path = file.path().display().to_string();
        let text = error.to_string();
        assert!(
            text.contains(says) && text.contains(&path),
            "{says}: {text}"
        );
    }
    let missing = first(&trusting(Path::new("/does/not/exist"), nowhere()).kv("app")).await;
    let error = missing.expect_err("missing");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("check the path"), "{error}");
}

#[tokio::test]
async fn a_ca_file_is_read_when_a_source_is_made() {
    let (server, ca) = (Server::new(), Draft::ca("ours").self_signed());
    let address = serve(&server, &Draft::server().signed_by(Some(&ca)), None).await;
    let file = file(ca.pem());
    let vault = trusting(file.path(), address);
    let before = vault.aws_creds("up");
    let other = Draft::ca("another").self_signed();
    std::fs::write(file.path(), other.pem()).expect("replaced");
    first(&before).await.expect("it has the old one");
    let error = first(&vault.aws_creds("up")).await.expect_err("replaced");
    assert!(
        error.to_string().contains("does not trust the CA"),
        "{error}"
    );
}

#[tokio::test]
async fn a_listener_without_tls_is_named() {
    let (server, ca) = (Server::new(), Draft::ca("ours").self_signed());
    let address = server.serve().await.replace("http://", "https://");
    let source = trusting(file(ca.pem()).path(), address).kv("app");
    let error = first(&source).await.expect_err("no TLS");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("nobody speaks TLS"), "{error}");
}

#[tokio::test]
async fn a_listener_with_tls_is_named() {
    // What Go's HTTP server answers.
    let answer = "Client sent an HTTP request to an HTTPS server.\n";
    let sdk = crate::support::canned::answering(400, answer);
    let vault = Vault::new(&sdk, "http://vault.test:8200", Login::app_role("r", "s"));
    let error = first(&vault.kv("app")).await.expect_err("TLS only");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("https://"), "{error}");

    // It closes the connection before it has read the request: its text does not always arrive.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        socket.read_u8().await.expect("a request");
        let cut_off = b"HTTP/1.0 400 Bad Request\r\ncontent-length: 48\r\n\r\n";
        socket.write_all(cut_off).await.expect("written");
    });
    let vault = plain(format!("http://{address}")).attempts(1);
    let error = first(&vault.kv("app")).await.expect_err("TLS only");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("https://"), "{error}");
}
