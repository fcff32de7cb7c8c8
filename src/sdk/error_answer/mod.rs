//! The code and the message of a service's error answer, wherever its protocol puts them.
//!
//! The SDK's own parser has read the answer already: what it found comes first. Its result is out of reach where the error is
//! type-erased and modelled, and empty where the service speaks another protocol; then the raw response is read: headers, and
//! a body in JSON, XML or CBOR.

mod cbor;
mod json;
mod xml;

#[cfg(feature = "aws")]
use std::error::Error as StdError;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::ErrorMetadata;

#[cfg(feature = "aws")]
use super::causes::find;

/// What a service answered instead of a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ErrorAnswer {
    /// Without its namespace; empty if there is none, or if it is not shaped like one.
    pub(crate) code: String,
    /// Empty if there is none.
    pub(crate) message: String,
}

impl ErrorAnswer {
    /// Returns what the SDK's parser found in `response`, completed by what the raw response says.
    pub(crate) fn of(response: &HttpResponse, parsed: Option<&ErrorMetadata>) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let parsed = Self {
            code: text(parsed.and_then(ErrorMetadata::code).and_then(bare_code)),
            message: text(parsed.and_then(ErrorMetadata::message)),
        };
        if !parsed.code.is_empty() && !parsed.message.is_empty() {
            return parsed;
        }
        // The SDK reads an error's body completely before it parses it. A body that is still a stream has no code for us.
        let body = response.body().bytes().unwrap_or_default();
        parsed.or(Self::of_raw(|name| response.headers().get(name), body))
    }

    /// Returns what a raw response says: the first of its headers that has a code, or its body.
    pub(crate) fn of_raw<'h>(header: impl Fn(&str) -> Option<&'h str>, body: &[u8]) -> Self {
        let text = |name| {
            header(name)
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned()
        };
        let in_header = CODE_HEADERS
            .iter()
            .find_map(|name| header(name).and_then(bare_code));
        let in_headers = Self {
            code: in_header.unwrap_or_default().to_owned(),
            message: MESSAGE_HEADERS
                .into_iter()
                .map(text)
                .find(|text| !text.is_empty())
                .unwrap_or_default(),
        };
        if body.is_empty() || body.len() > LONGEST_BODY {
            return in_headers;
        }
        let is_cbor = header("smithy-protocol") == Some("rpc-v2-cbor")
            || header("content-type").is_some_and(|kind| kind.contains("cbor"));
        in_headers.or(match is_cbor {
            true => cbor::read(body),
            false => of_text(body),
        })
    }

    /// Returns the answer with what it lacks taken from `other`.
    fn or(self, other: Self) -> Self {
        let first = |a: String, b: String| if a.is_empty() { b } else { a };
        Self {
            code: first(self.code, other.code),
            message: first(self.message, other.message),
        }
    }

    /// Creates an answer of what a body's fields say.
    fn new(code: Option<&str>, message: Option<&str>) -> Self {
        Self {
            code: code.and_then(bare_code).unwrap_or_default().to_owned(),
            message: message.unwrap_or_default().to_owned(),
        }
    }
}

/// Reads a body of an unnamed format: the first byte tells XML from JSON.
fn of_text(body: &[u8]) -> ErrorAnswer {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match body.trim_ascii_start().first() {
        Some(b'<') => xml::read(&String::from_utf8_lossy(body)),
        Some(b'{') => json::read(body),
        // A map, with or without its length.
        Some(0xa0..=0xbf) => cbor::read(body),
        _ => ErrorAnswer::default(),
    }
}

/// Returns what the SDK's parser found, if it is among the causes of a type-erased error: an operation's error has it as its
/// cause unless the service's model names that error.
#[cfg(feature = "aws")]
pub(crate) fn metadata<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e ErrorMetadata> {
    find(error)
}

/// Headers with a code: of REST services in JSON, of JSON services that once spoke the query protocol, of S3's website
/// endpoints, and of MinIO.
const CODE_HEADERS: [&str; 4] = [
    "x-amzn-errortype",
    "x-amzn-query-error",
    "x-amz-error-code",
    "x-minio-error-code",
];
const MESSAGE_HEADERS: [&str; 2] = ["x-amz-error-message", "x-minio-error-desc"];

/// No service explains an error at greater length.
const LONGEST_BODY: usize = 64 * 1024;
const LONGEST_CODE: usize = 128;

/// Returns the code without its decoration: `com.amazonaws.kms#Code`, `Code:http://…` and `Code;Sender` are all `Code`.
fn bare_code(code: &str) -> Option<&str> {
    let code = code.split([':', ';', ',']).next().unwrap_or(code);
    let code = code.rsplit('#').next().unwrap_or(code).trim();
    let is_code_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (!code.is_empty() && code.len() <= LONGEST_CODE && code.bytes().all(is_code_byte))
        .then_some(code)
}

#[cfg(test)]
mod tests;
