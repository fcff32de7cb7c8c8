//! The password of the SASL user, read anew for each new client.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The SASL password, or where to read it.
///
/// On MSK it is a secret that rotates as well: [`Password::file`] and [`Password::from_fn`] read it anew after a rejected
/// login or a lost connection. It is never printed, and its memory is zeroized here; librdkafka keeps a copy while the
/// client lives.
///
/// The whole secret of MSK, `{"username": …, "password": …}`, is understood: its `password` is used, and its `username` must
/// be the login's, if it is there. A byte order mark, and blanks and line endings at the end, do not belong to a password.
///
/// ```
/// use credswap::kafka::Password;
/// let mounted = Password::file("/run/secrets/msk-password");
/// let variable = Password::from_fn(|| std::env::var("MSK_PASSWORD").map_err(|_| "MSK_PASSWORD is not set, or not UTF-8"));
/// let fixed = Password::from("only for local work");
/// ```
#[derive(Clone)]
pub struct Password(Arc<dyn Fn() -> Result<SecretString, BoxError> + Send + Sync>);

impl Password {
    /// Reads the password with a closure, each time a client is created.
    ///
    /// The closure runs on a thread of its own and may block. The text of its error is shown in health and errors, so it must not
    /// contain the password: that of [`std::env::VarError`] does if the variable is not UTF-8.
    pub fn from_fn<F, E>(read: F) -> Self
    where
        F: Fn() -> Result<String, E> + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move || {
            read().map(into_secret).map_err(Into::into)
        }))
    }

    /// Reads the password from a file each time a client is created.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self(Arc::new(move || {
            let text = std::fs::read_to_string(&path)
                .map(Zeroizing::new)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(SecretString::from(text.as_str()))
        }))
    }

    /// Reads the password of `username` now.
    pub(crate) fn read(&self, username: &str) -> Result<SecretString, String> {
        let text = (self.0)().map_err(|error| error.to_string())?;
        let password = text
            .expose_secret()
            .trim_start_matches('\u{feff}')
            .trim_end();
        let password = match of_secret(password, username)? {
            Some(password) => password,
            None => SecretString::from(password),
        };
        if password.expose_secret().is_empty() {
            return Err("it is empty".to_owned());
        }
        Ok(password)
    }
}

/// What a secret of MSK contains. Other fields are skipped.
#[derive(serde::Deserialize)]
struct MskSecret {
    username: Option<String>,
    password: Option<String>,
}

/// Returns the password if `text` is a whole secret, `None` if it is a password itself.
fn of_secret(text: &str, username: &str) -> Result<Option<SecretString>, String> {
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let secret: MskSecret = match serde_json::from_str(text) {
        Ok(secret) => secret,
        // The error is not shown: it may quote the password.
        Err(error) if error.is_data() => {
            return Err(
                "it is JSON, and its `username` and `password` are not texts, once each".to_owned(),
            );
        }
        Err(_) => return Ok(None),
    };
    if secret.username.is_some_and(|of| of != username) {
        return Err(format!(
            "it is the secret of another user than `{username}`: log in as that user, or read that secret"
        ));
    }
    match secret.password {
        Some(password) => Ok(Some(into_secret(password))),
        None => Err("it is JSON without the field `password`".to_owned()),
    }
}

/// Copies the text into memory of its exact size and zeroizes the original: shrinking a `String` may move it, and leaves the
/// old memory behind as it was.
fn into_secret(text: String) -> SecretString {
    SecretString::from(Zeroizing::new(text).as_str())
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        let password = into_secret(password);
        Self(Arc::new(move || Ok(password.clone())))
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        let password = SecretString::from(password);
        Self(Arc::new(move || Ok(password.clone())))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("** redacted **")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_anew_and_named_if_it_cannot_be_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("password");
        let password = Password::file(&path);
        let error = password.read("u").expect_err("no file yet");
        assert!(error.contains("password"), "names the file: {error}");

        for content in ["one", "two"] {
            std::fs::write(&path, format!("{content}\n")).expect("written");
            assert_eq!(password.read("u").expect("read").expose_secret(), content);
        }
        std::fs::write(&path, "\n").expect("written");
        assert!(password.read("u").is_err(), "an empty password is an error");
    }

    #[test]
    fn a_password_is_found_in_what_people_store() {
        for (content, expected) in [
            ("hunter2", "hunter2"),
            ("hunter2\r\n", "hunter2"),
            ("hunter2 \t\n\n", "hunter2"),
            (" leading", " leading"),
            ("two words", "two words"),
            ("\u{feff}hunter2\n", "hunter2"),
            ("{not json", "{not json"),
            ("{}}", "{}}"),
            (r#"{"username": "u", "password": "hunter2"}"#, "hunter2"),
            (
                "\u{feff}\n {\"password\":\"hunter2\", \"more\":[1]}\n",
                "hunter2",
            ),
            (r#"{"password": "hunter2 "}"#, "hunter2 "),
        ] {
            let password = Password::from(content).read("u").expect("a password");
            assert_eq!(password.expose_secret(), expected, "{content:?}");
        }
    }

    #[test]
    fn a_secret_that_cannot_be_used_says_why_without_its_content() {
        for (content, expected) in [
            (
                r#"{"username": "hunter1", "password": "hunter2"}"#,
                "another user than `u`",
            ),
            (r#"{"username": "u", "passwort": "hunter2"}"#, "`password`"),
            (r#"{"password": 17}"#, "not texts"),
            (
                r#"{"password": "hunter2", "password": "hunter3"}"#,
                "once each",
            ),
            ("{}", "`password`"),
            (r#"{"password": ""}"#, "empty"),
            (" \n", "empty"),
        ] {
            let error = Password::from(content).read("u").expect_err("no password");
            assert!(error.contains(expected), "{content:?}: {error}");
            assert!(
                !error.contains("hunter") && !error.contains("17"),
                "{error}"
            );
        }
    }

    #[test]
    fn each_constructor_keeps_the_password() {
        for password in [
            Password::from("hunter2"),
            Password::from("hunter2".to_owned()),
            Password::from_fn(|| Ok::<_, String>("hunter2".to_owned())),
        ] {
            assert_eq!(password.read("u").expect("read").expose_secret(), "hunter2");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?}", Password::from("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
