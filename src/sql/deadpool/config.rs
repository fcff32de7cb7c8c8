//! How to log in, from what the secret says.

use deadpool_postgres::tokio_postgres::Config;

use crate::typed::DatabaseSecret;

/// Adds to `base` the user and password of `secret`, and what `base` leaves out of host, port and database.
pub(super) fn with_secret(base: &Config, secret: &DatabaseSecret) -> Config {
    let mut config = base.clone();
    config
        .user(secret.username.as_str())
        .password(secret.password.expose());
    if base.get_hosts().is_empty()
        && base.get_hostaddrs().is_empty()
        && let Some(host) = &secret.host
    {
        config.host(host);
    }
    if base.get_ports().is_empty()
        && let Some(port) = secret.port
    {
        config.port(port);
    }
    if base.get_dbname().is_none()
        && let Some(dbname) = &secret.dbname
    {
        config.dbname(dbname.as_str());
    }
    config
}

#[cfg(test)]
mod tests {
    use deadpool_postgres::tokio_postgres::config::Host;

    use super::*;

    fn secret(rest: &str) -> DatabaseSecret {
        let json = format!(r#"{{"username": "app", "password": "swordfish"{rest}}}"#);
        serde_json::from_str(&json).expect("a database secret")
    }

    #[test]
    fn the_secret_fills_in_what_the_base_leaves_out() {
        let full = secret(r#", "host": "db.internal", "port": 5433, "dbname": "orders""#);
        let config = with_secret(&Config::new(), &full);
        assert_eq!(config.get_user(), Some("app"));
        assert_eq!(config.get_password(), Some(&b"swordfish"[..]));
        assert_eq!(config.get_hosts(), [Host::Tcp("db.internal".into())]);
        assert_eq!(config.get_ports(), [5433]);
        assert_eq!(config.get_dbname(), Some("orders"));
    }

    #[test]
    fn the_base_decides_where_to_connect_and_the_secret_as_whom() {
        let mut base = Config::new();
        base.host("replica.internal").port(6432).dbname("reports");
        base.user("somebody").password("else");
        let full = secret(r#", "host": "db.internal", "port": 5433, "dbname": "orders""#);
        let config = with_secret(&base, &full);
        assert_eq!(config.get_user(), Some("app"));
        assert_eq!(config.get_password(), Some(&b"swordfish"[..]));
        assert_eq!(config.get_hosts(), [Host::Tcp("replica.internal".into())]);
        assert_eq!(config.get_ports(), [6432]);
        assert_eq!(config.get_dbname(), Some("reports"));
    }

    #[test]
    fn what_neither_names_stays_open() {
        let config = with_secret(&Config::new(), &secret(""));
        assert!(config.get_hosts().is_empty() && config.get_ports().is_empty());
        assert_eq!(config.get_dbname(), None);
    }
}
