//! The password of the SASL user, read anew for every connection attempt of a new client.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The SASL password, or where to read it.
///
/// On MSK it is a secret that rotates as well: with [`Password::file`] or [`Password::from_fn`] a login that is
/// refused, or a lost connection, makes it read again. It is never printed, and its memory here is
/// wiped; librdkafka keeps a copy of its own while the client lives.
#[derive(Clone)]
pub struct Password(Arc<dyn Fn() -> Result<SecretString, BoxError> + Send + Sync>);

impl Password {
    /// Reads the password with a closure, each time a new client is made.
    ///
    /// It is called on a thread of its own and may block; its error's text is shown in health and errors.
    pub fn from_fn<F, E>(read: F) -> Self
    where
        F: Fn() -> Result<SecretString, E> + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move || read().map_err(Into::into)))
    }

    /// Reads the password from a file, without the line ending at its end, each time a new client is made.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::from_fn(move || {
            let mut text = std::fs::read_to_string(&path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            let password = SecretString::from(text.trim_end_matches(['\r', '\n']));
            text.zeroize();
            Ok::<_, String>(password)
        })
    }

    /// Reads it now.
    pub(crate) fn read(&self) -> Result<SecretString, String> {
        let password = (self.0)().map_err(|error| error.to_string())?;
        if password.expose_secret().is_empty() {
            return Err("it is empty".to_owned());
        }
        Ok(password)
    }
}

impl From<SecretString> for Password {
    fn from(password: SecretString) -> Self {
        Self::from_fn(move || Ok::<_, BoxError>(password.clone()))
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        SecretString::from(password).into()
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        SecretString::from(password).into()
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
    fn a_file_is_read_anew_and_loses_only_its_line_ending() {
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
        assert!(password.read().is_err(), "an empty password is refused");
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?}", Password::from("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
