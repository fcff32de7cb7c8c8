//! The secret of a database, as Amazon RDS and its rotation functions write it.

use std::fmt;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

use super::secret_text::SecretText;

/// The secret of a database user: the fields of AWS's page "JSON structure of AWS Secrets Manager database credential
/// secrets".
///
/// A secret that RDS manages itself has a user name and a password, and may have nothing else: set the rest with
/// [`TypedConnector::complete`](super::TypedConnector::complete). Other fields are skipped.
///
/// ```
/// # async fn example(source: impl credswap::source::Source) -> Result<(), credswap::Error> {
/// use credswap::Refreshable;
/// use credswap::typed::DatabaseSecret;
/// let database: Refreshable<DatabaseSecret> = Refreshable::typed(source).start().await?;
/// let current = database.lease();
/// let login = (&current.username, current.password.expose());
/// # let _ = login; Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct DatabaseSecret {
    /// `postgres`, `mysql`, `mariadb`, …
    #[serde(default)]
    pub engine: Option<String>,
    /// The host name.
    #[serde(default)]
    pub host: Option<String>,
    /// The port: a number, or a text that holds one.
    #[serde(default, deserialize_with = "port")]
    pub port: Option<u16>,
    /// The user. With alternating users it changes at each rotation.
    pub username: String,
    /// The password.
    pub password: SecretText,
    /// The name of the database; `dbname`, `dbName` or `database` in the secret.
    #[serde(default, alias = "dbName", alias = "database")]
    pub dbname: Option<String>,
    /// The cluster; `dbClusterIdentifier` in the secret.
    #[serde(default, rename = "dbClusterIdentifier")]
    pub cluster: Option<String>,
    /// The secret of the superuser who changes the password; `masterarn` in the secret.
    #[serde(default, rename = "masterarn")]
    pub master_arn: Option<String>,
}

fn port<'de, D: Deserializer<'de>>(field: D) -> Result<Option<u16>, D::Error> {
    struct Port;

    impl<'de> Visitor<'de> for Port {
        type Value = Option<u16>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a port from 1 to 65535")
        }

        fn visit_u64<E: Error>(self, port: u64) -> Result<Self::Value, E> {
            match u16::try_from(port) {
                Ok(port) if port > 0 => Ok(Some(port)),
                _ => Err(E::invalid_value(Unexpected::Unsigned(port), &self)),
            }
        }

        fn visit_str<E: Error>(self, port: &str) -> Result<Self::Value, E> {
            match port.trim().parse() {
                Ok(port) => self.visit_u64(port),
                Err(_) if port.trim().is_empty() => Ok(None),
                Err(_) => Err(E::invalid_type(Unexpected::Str(port), &self)),
            }
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    field.deserialize_any(Port)
}
