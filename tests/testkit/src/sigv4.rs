//! Signature Version 4: verified by signing the request again.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::request::Parts;
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::clock;

/// How far a client's clock may be off; the same as on AWS.
const SKEW: Duration = Duration::from_secs(15 * 60);

/// The signer that a request claims to have; not verified.
pub(crate) struct Claim {
    pub(crate) access_key_id: String,
    pub(crate) region: String,
    pub(crate) service: String,
    signed_headers: Vec<String>,
    signature: String,
}

impl Claim {
    /// Reads the claim from the `Authorization` header.
    pub(crate) fn from_headers(parts: &Parts) -> Option<Self> {
        let header = parts.headers.get("authorization")?.to_str().ok()?;
        let fields = header.strip_prefix("AWS4-HMAC-SHA256")?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        Self::new(
            field("Credential")?,
            field("SignedHeaders")?
                .split(';')
                .map(str::to_owned)
                .collect(),
            field("Signature")?,
        )
    }

    /// Reads the claim from the query of a presigned URL.
    pub(crate) fn from_query(parts: &Parts) -> Option<Self> {
        let mut query = form_urlencoded::parse(parts.uri.query()?.as_bytes());
        let (_, credential) = query.find(|(name, _)| name == "X-Amz-Credential")?;
        Self::new(&credential, Vec::new(), "")
    }

    fn new(credential: &str, signed_headers: Vec<String>, signature: &str) -> Option<Self> {
        let [access_key_id, _date, region, service, "aws4_request"] =
            credential.split('/').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        Some(Self {
            access_key_id: access_key_id.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers,
            signature: signature.to_owned(),
        })
    }

    /// Returns whether this secret gives this request its signature, and the signature is recent.
    pub(crate) fn is_signed_with(&self, secret: &str, parts: &Parts, body: &[u8]) -> bool {
        match request_time(parts) {
            Some(at) if is_recent(at) => {
                self.sign_again(secret, parts, body, at).as_ref() == Some(&self.signature)
            }
            _ => false,
        }
    }

    fn sign_again(
        &self,
        secret: &str,
        parts: &Parts,
        body: &[u8],
        at: SystemTime,
    ) -> Option<String> {
        // The signer adds these from the URI and the time; listed here, they would be signed twice.
        let added = ["host", "x-amz-date"];
        let headers = self
            .signed_headers
            .iter()
            .filter(|name| !added.contains(&name.as_str()))
            .filter_map(|name| Some((name.as_str(), parts.headers.get(name)?.to_str().ok()?)));
        let host = parts.headers.get("host")?.to_str().ok()?;
        let uri = format!("http://{host}{}", parts.uri);
        let request = SignableRequest::new(
            parts.method.as_str(),
            uri,
            headers,
            SignableBody::Bytes(body),
        )
        .ok()?;
        let identity = Credentials::new(&self.access_key_id, secret, None, None, "verify").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(at)
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        Some(sign(request, &params).ok()?.signature().to_owned())
    }
}

fn request_time(parts: &Parts) -> Option<SystemTime> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let text = parts.headers.get("x-amz-date")?.to_str().ok()?;
    Some(
        PrimitiveDateTime::parse(text, format)
            .ok()?
            .assume_utc()
            .into(),
    )
}

fn is_recent(at: SystemTime) -> bool {
    let now = clock::now();
    let skew = now
        .duration_since(at)
        .or_else(|_| at.duration_since(now))
        .unwrap_or_default();
    skew <= SKEW
}
