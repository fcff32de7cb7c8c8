//! A text that is not shown.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroize;

/// A secret text as the field of a type of yours: not shown by `Debug`, zeroized when it is dropped.
///
/// ```
/// let password = credswap::typed::SecretText::from("swordfish".to_owned());
/// assert_eq!(password.expose(), "swordfish");
/// assert!(!format!("{password:?}").contains("swordfish"));
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Returns the text. Do not print or copy it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("** redacted **")
    }
}
