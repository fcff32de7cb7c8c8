//! How to log in, from what the secret says.

use sqlx::postgres::PgConnectOptions;

use crate::typed::DatabaseSecret;

/// Puts what `secret` says in the place of what `base` says: user and password, and the host, port and database that it names.
pub(super) fn with_secret(base: &PgConnectOptions, secret: &DatabaseSecret) -> PgConnectOptions {
    let mut options = base
        .clone()
        .username(&secret.username)
        .password(secret.password.expose());
    if let Some(host) = &secret.host {
        options = options.host(host);
    }
    if let Some(port) = secret.port {
        options = options.port(port);
    }
    if let Some(dbname) = &secret.dbname {
        options = options.database(dbname);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(rest: &str) -> DatabaseSecret {
        let json = format!(r#"{{"username": "app", "password": "swordfish"{rest}}}"#);
        serde_json::from_str(&json).expect("a database secret")
    }

    fn base() -> PgConnectOptions {
        let base = PgConnectOptions::new_without_pgpass().host("localhost");
        base.port(6432).database("reports").username("somebody")
    }

    #[test]
    fn the_secret_decides_what_it_names() {
        let full = secret(r#", "host": "db.internal", "port": 5433, "dbname": "orders""#);
        let options = with_secret(&base(), &full);
        assert_eq!(options.get_username(), "app");
        assert_eq!(options.get_host(), "db.internal");
        assert_eq!(options.get_port(), 5433);
        assert_eq!(options.get_database(), Some("orders"));
    }

    #[test]
    fn the_base_keeps_what_the_secret_leaves_out() {
        let options = with_secret(&base(), &secret(""));
        assert_eq!(options.get_username(), "app");
        assert_eq!(options.get_host(), "localhost");
        assert_eq!(options.get_port(), 6432);
        assert_eq!(options.get_database(), Some("reports"));
    }
}
