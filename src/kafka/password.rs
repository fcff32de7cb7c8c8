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
/// ```
/// use credswap::kafka::Password;
/// let mounted = Password::file("/run/secrets/msk-password");
/// let variable = Password::from_fn(|| std::env::var("MSK_PASSWORD"));
/// let fixed = Password::from("only for local work");
/// ```
#[derive(Clone)]
pub struct Password(Arc<dyn Fn() -> Result<SecretString, BoxError> + Send + Sync>);

impl Password {
    /// Reads the password with a closure, each time a client is created.
    ///
    /// The closure runs on a thread of its own and may block. The text of its error is shown in health and errors.
    pub fn from_fn<F, E>(read: F) -> Self
    where
        F: Fn() -> Result<String, E> + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move || {
            read().map(into_secret).map_err(Into::into)
        }))
    }

    /// Reads the password from a file, without the line ending at its end, each time a client is created.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self(Arc::new(move || {
            let text = std::fs::read_to_string(&path)
                .map(Zeroizing::new)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
        }))
    }

    /// Reads the password now.
    pub(crate) fn read(&self) -> Result<SecretString, String> {
        let password = (self.0)().map_err(|error| error.to_string())?;
        if password.expose_secret().is_empty() {
            return Err("it is empty".to_owned());
        }
        Ok(password)
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
    fn a_file_is_read_anew_without_its_line_ending() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("password");
        let password = Password::file(&path);
        let error = password.read().expect_err("no file yet");
        assert!(error.contains("password"), "names the file: {error}");

        for (content, expected) in [("one\n", "one"), (" two \r\n", " two "), ("three", "three")] {
            std::fs::write(&path, content).expect("written");
            assert_eq!(password.read().expect("read").expose_secret(), expected);
        }
        std::fs::write(&path, "\n").expect("written");
        assert!(password.read().is_err(), "an empty password is an error");
    }

    #[test]
    fn each_constructor_keeps_the_password() {
        for password in [
            Password::from("hunter2"),
            Password::from("hunter2".to_owned()),
            Password::from_fn(|| Ok::<_, String>("hunter2".to_owned())),
        ] {
            assert_eq!(password.read().expect("read").expose_secret(), "hunter2");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?}", Password::from("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
