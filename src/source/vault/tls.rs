//! Why a TLS connection to Vault failed, and what to change.
//!
//! The HTTP client may be the user's, and with it the TLS library: its errors are known by their texts, those of rustls here.

use std::error::Error as StdError;

use crate::sdk::causes::causes;

/// Returns what is wrong between the client and Vault's certificate, and what to change; `None` if `error` has another cause.
/// The text follows the name of the call.
pub(super) fn fault(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    causes(error).find_map(|cause| {
        let text = cause.to_string();
        let (_, fault) = FAULTS.iter().find(|(mark, _)| text.contains(mark))?;
        Some(*fault)
    })
}

/// What the text of an error contains, and what that means. The first that fits counts.
const FAULTS: [(&str, &str); 9] = [
    (
        "UnknownIssuer",
        "failed because the HTTP client does not trust the CA of Vault's certificate; name that CA with `Vault::ca_file` \
         (feature `vault-ca-file`), and let Vault send its intermediate certificates",
    ),
    (
        "BadSignature",
        "failed because Vault's certificate is signed by another CA than the trusted one of the same name; replace the CA file",
    ),
    (
        "CaUsedAsEndEntity",
        "failed because Vault's certificate is that of a CA, which rustls does not accept from a server; issue one for the \
         server, signed by that CA",
    ),
    (
        "not valid for name",
        "failed because Vault's certificate is not valid for the host of the address; use an address that its subjectAltName \
         lists, or list this one there (the common name does not count)",
    ),
    (
        "certificate expired",
        "failed because Vault's certificate, or its CA's, has expired; renew it, or set this machine's clock",
    ),
    (
        "certificate not valid yet",
        "failed because Vault's certificate, or its CA's, is not valid yet; set this machine's clock",
    ),
    (
        "CertificateRequired",
        "failed because Vault's listener wants a certificate of the client, which is not supported; use a listener without \
         `tls_require_and_verify_client_cert`",
    ),
    (
        "InvalidContentType",
        "failed because nobody speaks TLS at Vault's address; use the port of a listener with TLS",
    ),
    (
        "invalid peer certificate",
        "failed because Vault's certificate was not accepted; correct it",
    ),
];
