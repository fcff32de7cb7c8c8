//! The content of a secret, which is never printed.

use std::fmt;

/// The content of a version.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretContent {
    /// `SecretString`.
    Text(String),
    /// `SecretBinary`.
    Binary(Vec<u8>),
}

impl From<&str> for SecretContent {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for SecretContent {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for SecretContent {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&serde_json::Value> for SecretContent {
    fn from(json: &serde_json::Value) -> Self {
        Self::Text(json.to_string())
    }
}

impl From<&[u8]> for SecretContent {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.to_vec())
    }
}

impl From<Vec<u8>> for SecretContent {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl fmt::Debug for SecretContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretContent(..)")
    }
}
