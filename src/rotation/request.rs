//! What the rotation is asked to do: an event of Secrets Manager, or of a schedule.

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::secret::VersionId;

/// A decoded event.
///
/// ```
/// use credswap::rotation::{Request, Step};
/// let event = br#"{"Step": "createSecret", "SecretId": "prod/uploader", "ClientRequestToken": "8f2b"}"#;
/// let Request::Step(request) = Request::from_json(event)? else { panic!("not a step") };
/// assert_eq!(request.step, Step::Create);
/// # Ok::<_, credswap::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Request {
    /// One of the four steps, as Secrets Manager sends it.
    Step(StepRequest),
    /// `{"Step": "retireSecret", "SecretId": "…"}`, from a schedule. It has no token.
    Retire {
        /// The secret's name or ARN.
        secret_id: String,
    },
}

/// One of the four steps of one rotation.
///
/// ```
/// use credswap::rotation::{Step, StepRequest};
/// let request = StepRequest::new(Step::Test, "prod/uploader", "8f2b…".into());
/// assert_eq!(request.step.to_string(), "testSecret");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepRequest {
    /// Which step.
    pub step: Step,
    /// The secret's name or ARN; Secrets Manager sends the ARN.
    pub secret_id: String,
    /// The `ClientRequestToken`: identifies the rotation, and is the id of the version that it creates.
    pub token: VersionId,
    /// Authorizes a function in another account to store the new version.
    pub rotation_token: Option<RotationToken>,
}

/// The four steps, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Creates the new credential and stores it as `AWSPENDING`.
    Create,
    /// Makes the service accept it.
    Set,
    /// Proves that it works.
    Test,
    /// Makes it `AWSCURRENT`, and announces it.
    Finish,
}

/// A `RotationToken`. Treated as a secret: redacted in `Debug`, zeroized on drop.
///
/// ```
/// let token = credswap::rotation::RotationToken::new("…");
/// assert_eq!(format!("{token:?}"), "RotationToken(** redacted **)");
/// ```
#[derive(Clone)]
pub struct RotationToken(Zeroizing<String>);

impl Request {
    /// Decodes `{"Step", "SecretId", "ClientRequestToken", "RotationToken"?}`. Both spellings of the steps
    /// (`createSecret`, `create_secret`) are accepted, other fields are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`], naming the field that is missing or not understood.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let event = serde_json::from_slice(json)
            .map_err(|_| invalid("the event is not JSON".to_owned()))?;
        Self::from_value(&event)
    }

    /// Decodes an event whose JSON was parsed already.
    ///
    /// # Errors
    /// As [`Request::from_json`].
    pub fn from_value(event: &Value) -> Result<Self, Error> {
        let event = event
            .as_object()
            .ok_or_else(|| invalid("the event is not a JSON object".to_owned()))?;
        let step = text(event, "Step")?;
        let secret_id = text(event, "SecretId")?.to_owned();
        let step = match step.replace('_', "").to_ascii_lowercase().as_str() {
            "createsecret" => Step::Create,
            "setsecret" => Step::Set,
            "testsecret" => Step::Test,
            "finishsecret" => Step::Finish,
            "retiresecret" => return Ok(Self::Retire { secret_id }),
            _ => {
                let shown: String = step.chars().take(32).flat_map(char::escape_debug).collect();
                return Err(invalid(format!(
                    "step `{shown}` is unknown: use createSecret, setSecret, testSecret, finishSecret or retireSecret"
                )));
            }
        };
        let rotation_token = match event.get("RotationToken") {
            None | Some(Value::Null) => None,
            Some(_) => Some(RotationToken::new(text(event, "RotationToken")?)),
        };
        let mut request =
            StepRequest::new(step, secret_id, text(event, "ClientRequestToken")?.into());
        request.rotation_token = rotation_token;
        Ok(Self::Step(request))
    }
}

impl StepRequest {
    /// Creates the request of one step.
    pub fn new(step: Step, secret_id: impl Into<String>, token: VersionId) -> Self {
        Self {
            step,
            secret_id: secret_id.into(),
            token,
            rotation_token: None,
        }
    }
}

impl Step {
    /// All four, in the order in which Secrets Manager calls them.
    pub const ALL: [Self; 4] = [Self::Create, Self::Set, Self::Test, Self::Finish];

    /// Returns the step's name in the events of Secrets Manager.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "createSecret",
            Self::Set => "setSecret",
            Self::Test => "testSecret",
            Self::Finish => "finishSecret",
        }
    }
}

impl RotationToken {
    /// Wraps a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Zeroizing::new(token.into()))
    }

    /// Returns the token. Do not print it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RotationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RotationToken(** redacted **)")
    }
}

fn text<'e>(event: &'e Map<String, Value>, field: &str) -> Result<&'e str, Error> {
    match event.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::String(_)) => Err(invalid(format!("the event's field `{field}` is empty"))),
        Some(_) => Err(invalid(format!(
            "the event's field `{field}` is not a string"
        ))),
        None => Err(invalid(format!("the event has no field `{field}`"))),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step_of(name: &str) -> Result<Request, Error> {
        let event = format!(
            r#"{{"Step":"{name}","SecretId":"arn:x","ClientRequestToken":"t","RotationToken":"redact-me","More":1}}"#
        );
        Request::from_json(event.as_bytes())
    }

    #[test]
    fn both_spellings_of_every_step_are_accepted() {
        for step in Step::ALL {
            let snake: String = step
                .as_str()
                .chars()
                .flat_map(|c| match c {
                    'S' => vec!['_', 's'],
                    c => vec![c],
                })
                .collect();
            for name in [step.as_str(), &snake] {
                let Ok(Request::Step(request)) = step_of(name) else {
                    panic!("{name} is not a step")
                };
                assert_eq!(
                    (request.step, request.secret_id.as_str()),
                    (step, "arn:x"),
                    "{name}"
                );
                assert_eq!(request.token.as_str(), "t");
                assert_eq!(
                    request
                        .rotation_token
                        .as_ref()
                        .map(|token| token.expose().to_owned()),
                    Some("redact-me".to_owned())
                );
                assert!(!format!("{request:?}").contains("redact-me"));
            }
        }
    }

    #[test]
    fn retire_needs_no_token() {
        for name in ["retireSecret", "retire_secret"] {
            let event = format!(r#"{{"Step":"{name}","SecretId":"prod/uploader"}}"#);
            let request = Request::from_json(event.as_bytes());
            assert!(
                matches!(request, Ok(Request::Retire { secret_id }) if secret_id == "prod/uploader")
            );
        }
    }

    #[test]
    fn the_error_names_what_is_missing_or_unknown() {
        for (event, expected) in [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            ("{}", "`Step`"),
            (r#"{"Step":"createSecret"}"#, "`SecretId`"),
            (r#"{"Step":"createSecret","SecretId":""}"#, "`SecretId`"),
            (
                r#"{"Step":"createSecret","SecretId":"s"}"#,
                "`ClientRequestToken`",
            ),
            (
                r#"{"Step":"createSecret","SecretId":"s","ClientRequestToken":7}"#,
                "not a string",
            ),
            (
                r#"{"Step":"dropSecret","SecretId":"s","ClientRequestToken":"t"}"#,
                "`dropSecret` is unknown",
            ),
        ] {
            let error = Request::from_json(event.as_bytes()).expect_err(event);
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(
                error.report().contains(expected),
                "{expected}: {}",
                error.report()
            );
        }
    }

    proptest! {
        #[test]
        fn arbitrary_input_never_panics(bytes: Vec<u8>, step in ".*") {
            let _ = Request::from_json(&bytes);
            let _ = Request::from_value(&serde_json::json!({"Step": step, "SecretId": "s"}));
        }
    }
}
