//! An HTTP client that trusts the certificates of one file.

use std::fs;
use std::path::Path;

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{Error, ErrorKind};

/// Reads the file and returns a client that trusts its certificates, and no others.
pub(super) fn http_client(path: &Path) -> Result<SharedHttpClient, Error> {
    // Small, local and seldom: not worth a thread.
    let pem = fs::read(path).map_err(|error| {
        let fault = format!(
            "Vault's CA file `{}` cannot be read; check the path and its permissions",
            path.display()
        );
        Error::new(ErrorKind::Config, fault).with_source(error)
    })?;
    check(&pem).map_err(|fault| {
        let fault = format!("Vault's CA file `{}` {fault}", path.display());
        Error::new(ErrorKind::Config, fault)
    })?;
    let trust = TrustStore::empty().with_pem_certificate(pem);
    let context = TlsContext::builder().with_trust_store(trust).build();
    let context = context.map_err(|error| {
        Error::new(
            ErrorKind::Config,
            "TLS to Vault cannot be configured with the CA file",
        )
        .with_source(error)
    })?;
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https())
}

/// Returns what is wrong with the content, and what to change. The SDK's client panics instead.
fn check(pem: &[u8]) -> Result<(), String> {
    if pem.trim_ascii().is_empty() {
        return Err("is empty; write the CA's certificate to it, as PEM".to_owned());
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let number = roots.len() + 1;
        let certificate = certificate.map_err(|error| {
            format!("is malformed PEM at certificate {number} ({error}); write it anew")
        })?;
        roots.add(certificate).map_err(|error| {
            format!("has a malformed certificate, number {number} ({error}); write it anew")
        })?;
    }
    match roots.is_empty() {
        true => Err(
            "has no certificate as PEM (`-----BEGIN CERTIFICATE-----`); if it is DER, convert it with \
             `openssl x509 -inform der -in … -out …`"
                .to_owned(),
        ),
        false => Ok(()),
    }
}
