//! What Vault answers: a lease, data, a login.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

/// The body of a successful answer. Fields that are absent or null count as empty.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    #[serde(deserialize_with = "null_is_default")]
    pub(super) lease_id: String,
    #[serde(deserialize_with = "null_is_default")]
    lease_duration: u64,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) renewable: bool,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) data: Data,
    pub(super) auth: Option<Auth>,
}

/// A login, or the renewal of its token.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Auth {
    #[serde(deserialize_with = "secret_text")]
    pub(super) client_token: Zeroizing<String>,
    #[serde(deserialize_with = "null_is_default")]
    lease_duration: u64,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) renewable: bool,
}

impl Answer {
    /// Parses a body; an empty one is an empty answer. `None` if it is not Vault's.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        if body.is_empty() {
            return Some(Self::default());
        }
        serde_json::from_slice(body).ok()
    }

    /// Returns how long the lease lasts.
    pub(super) fn ttl(&self) -> Duration {
        Duration::from_secs(self.lease_duration)
    }
}

impl Auth {
    /// Returns how long the token lasts; zero for one that does not end.
    pub(super) fn ttl(&self) -> Duration {
        Duration::from_secs(self.lease_duration)
    }
}

/// The data of an answer. Its texts are zeroized on drop.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Data(Map<String, Value>);

impl Data {
    /// Returns the text in `field`, if there is a text that is not empty.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        let text = self.0.get(field)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// Returns the whole number in `field`.
    pub(super) fn number(&self, field: &str) -> Option<u64> {
        self.0.get(field)?.as_u64()
    }

    /// Returns whether `field` is true.
    pub(super) fn is(&self, field: &str) -> bool {
        self.0.get(field).and_then(Value::as_bool) == Some(true)
    }

    /// Takes the object in `field`; `None` if there is none, or it is null.
    pub(super) fn take(&mut self, field: &str) -> Option<Self> {
        match self.0.remove(field)? {
            Value::Object(object) => Some(Self(object)),
            mut other => {
                wipe(&mut other);
                None
            }
        }
    }

    /// Returns the data as JSON: the material of a secret.
    pub(super) fn to_json(&self) -> Vec<u8> {
        // A map of JSON values can always be written.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("lease_id", &self.lease_id)
            .field("lease_duration", &self.lease_duration)
            .field("renewable", &self.renewable)
            .finish_non_exhaustive()
    }
}

/// Zeroizes the texts in a value.
pub(super) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(object) => object.values_mut().for_each(wipe),
        _ => {}
    }
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn secret_text<'de, D>(deserializer: D) -> Result<Zeroizing<String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    null_is_default(deserializer).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leased_key_is_read_with_its_nulls() {
        let body = br#"{"request_id": "r", "lease_id": "aws/creds/up/1", "lease_duration": 3600, "renewable": true,
            "data": {"access_key": "AKIA1", "secret_key": "hidden", "security_token": null}, "wrap_info": null,
            "warnings": null, "auth": null}"#;
        let answer = Answer::parse(body).expect("Vault's");
        assert_eq!(answer.lease_id, "aws/creds/up/1");
        assert_eq!(
            (answer.ttl(), answer.renewable),
            (Duration::from_secs(3600), true)
        );
        assert_eq!(answer.data.text("access_key"), Some("AKIA1"));
        assert_eq!(answer.data.text("security_token"), None);
        assert!(answer.auth.is_none());
        assert!(!format!("{answer:?}").contains("hidden"));
    }

    #[test]
    fn a_login_an_empty_body_and_null_data_are_answers() {
        let login = br#"{"lease_id": "", "data": null, "auth": {"client_token": "t", "lease_duration": 0, "renewable": false}}"#;
        let auth = Answer::parse(login)
            .and_then(|answer| answer.auth)
            .expect("a login");
        assert_eq!(
            (auth.client_token.as_str(), auth.ttl()),
            ("t", Duration::ZERO)
        );
        assert!(Answer::parse(b"").expect("empty").data.is_empty());
    }

    #[test]
    fn what_is_not_vaults_answer_is_none() {
        for body in [
            "<html>",
            "\"text\"",
            r#"{"lease_duration": "1h"}"#,
            r#"{"data": 1}"#,
        ] {
            assert!(Answer::parse(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn nested_data_is_taken_and_null_is_none() {
        let body = br#"{"data": {"data": {"password": "p"}, "metadata": {"version": 3, "destroyed": false}, "none": null}}"#;
        let mut data = Answer::parse(body).expect("Vault's").data;
        assert_eq!(
            data.take("data").expect("there").to_json(),
            br#"{"password":"p"}"#
        );
        let metadata = data.take("metadata").expect("there");
        assert_eq!(
            (metadata.number("version"), metadata.is("destroyed")),
            (Some(3), false)
        );
        assert!(data.take("none").is_none());
    }
}
