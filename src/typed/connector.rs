//! From a secret to a value of a type that the service defines.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::node::Node;
use crate::connect::Connect;
use crate::error::{Error, ErrorKind};
use crate::hot::DrainToken;
use crate::refresh::{Builder, Refreshable};
use crate::secret::Secret;
use crate::source::Source;

impl<T: DeserializeOwned + Send + Sync + 'static> Refreshable<T> {
    /// Configures a refreshable of any type that serde can deserialize: see [`TypedConnector`].
    ///
    /// ```
    /// use credswap::typed::SecretText;
    /// use credswap::{Error, Refreshable, Secret};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Bot {
    ///     channel: String,
    ///     token: SecretText,
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    /// # let source = || async {
    /// #     Ok::<_, Error>(Secret::new(r##"{"channel": "#ops", "token": "xoxb-1"}"##, "1"))
    /// # };
    /// let bot: Refreshable<Bot> = Refreshable::typed(source).start().await?;
    /// assert_eq!(bot.lease().channel, "#ops");
    /// # assert_eq!(bot.lease().token.expose(), "xoxb-1");
    /// # Ok(()) }
    /// ```
    pub fn typed<S: Source>(source: S) -> Builder<S, TypedConnector<T>> {
        Self::builder(source, TypedConnector::new())
    }
}

type Complete<T> = Box<dyn Fn(&mut T) + Send + Sync>;
type Validate<T> = Box<dyn Fn(&T) -> Result<(), String> + Send + Sync>;

/// Turns a secret into a value of type `T` with serde.
///
/// A secret that begins with `{`, `[` or `"` is JSON; any other is one text, without the line break at its end: a `String`,
/// a [`SecretText`](super::SecretText) or a newtype of one. A byte order mark at the beginning is skipped.
///
/// # Errors
/// [`ErrorKind::Malformed`], and the last good value stays live. The message names the field that is missing, unknown (where
/// `T` has `#[serde(deny_unknown_fields)]`) or of another type. It never has a value: what `T`'s own implementation of
/// `Deserialize` (or its `#[serde(try_from = "…")]`) says about one is left out, because it may quote it.
///
/// ```
/// use credswap::typed::{DatabaseSecret, TypedConnector};
/// let connector = TypedConnector::<DatabaseSecret>::new()
///     .complete(|db| {
///         db.port.get_or_insert(5432);
///     })
///     .validate(|db| match db.host {
///         Some(_) => Ok(()),
///         None => Err("the host is missing".to_owned()),
///     });
/// # let _ = connector;
/// ```
pub struct TypedConnector<T> {
    complete: Vec<Complete<T>>,
    validate: Vec<Validate<T>>,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> TypedConnector<T> {
    /// Creates a connector that accepts what `T` accepts.
    pub fn new() -> Self {
        Self {
            complete: Vec::new(),
            validate: Vec::new(),
            value: PhantomData,
        }
    }

    /// Changes each value before it is validated: sets what the secret may leave out, say.
    #[must_use]
    pub fn complete(mut self, complete: impl Fn(&mut T) + Send + Sync + 'static) -> Self {
        self.complete.push(Box::new(complete));
        self
    }

    /// Refuses values: one for which `validate` returns an error never goes live. The error becomes part of the refresh's
    /// error and is logged, so it must be free of secret material.
    #[must_use]
    pub fn validate(
        mut self,
        validate: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.validate.push(Box::new(validate));
        self
    }

    fn parse(&self, secret: &Secret) -> Result<T, Error> {
        let malformed = |fault: String| {
            let message = format!("secret version {}: {fault}", secret.version());
            Error::new(ErrorKind::Malformed, message)
        };
        let text = secret.expose_str()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let node = if text.trim_start().starts_with(['{', '[', '"']) {
            // Its message is not passed on: it may have a part of the secret.
            Node::new(serde_json::from_str(text).map_err(|error| {
                malformed(format!(
                    "malformed JSON at line {}, column {}",
                    error.line(),
                    error.column()
                ))
            })?)
        } else {
            Node::new(Value::String(
                text.trim_end_matches(['\r', '\n']).to_owned(),
            ))
        };
        let mut value = T::deserialize(node).map_err(|error| malformed(error.to_string()))?;
        for complete in &self.complete {
            complete(&mut value);
        }
        for validate in &self.validate {
            validate(&value).map_err(malformed)?;
        }
        Ok(value)
    }
}

impl<T: DeserializeOwned> Default for TypedConnector<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Connect for TypedConnector<T> {
    type Value = T;

    async fn connect(&self, secret: &Secret, _: &DrainToken) -> Result<T, Error> {
        self.parse(secret)
    }
}

impl<T> fmt::Debug for TypedConnector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedConnector")
            .field("value", &std::any::type_name::<T>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
