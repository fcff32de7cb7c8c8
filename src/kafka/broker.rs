//! Which broker a message of librdkafka is about. Pure.

use std::fmt;
use std::sync::Arc;

/// A broker's address, `host:port`, as the configuration or the cluster gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broker(Arc<str>);

impl Broker {
    /// Finds the broker at the beginning of a message or log line: `[thrd:…]: ssl://host:port/1: Connect to … failed`.
    pub(crate) fn named_in(line: &str) -> Option<Self> {
        let line = match line.strip_prefix("[thrd:") {
            Some(rest) => rest.split_once("]: ")?.1,
            None => line,
        };
        let (name, _) = line.split_once(": ")?;
        let name = name.split_once("://").map_or(name, |(_, name)| name);
        let (address, id) = name.rsplit_once('/')?;
        let is_id = id == "bootstrap" || id.parse::<u32>().is_ok();
        (is_id && is_address(address)).then(|| Self(address.into()))
    }

    /// Returns whether `servers`, `host:port,host:port`, has this address.
    pub(crate) fn is_one_of(&self, servers: &str) -> bool {
        servers
            .split(',')
            .any(|server| server.trim().eq_ignore_ascii_case(&self.0))
    }

    /// Returns whether the address is an IPv6 address in brackets, as a configuration writes it.
    pub(crate) fn is_bracketed(&self) -> bool {
        self.0.starts_with('[')
    }
}

/// A cluster may advertise anything: only what an address consists of is shown.
fn is_address(address: &str) -> bool {
    (1..=255).contains(&address.len())
        && address
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte))
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_found_where_librdkafka_names_it() {
        for (line, expected) in [
            (
                "sasl_ssl://b-1.msk:9096/1: Connect to ipv4#10.0.0.1:9096 failed",
                Some("b-1.msk:9096"),
            ),
            (
                "localhost:9092/bootstrap: Connect to ipv6#[::1]:9092 failed",
                Some("localhost:9092"),
            ),
            (
                "[thrd:ssl://b:9/2]: ssl://b:9/2: Timed out 1 in-flight",
                Some("b:9"),
            ),
            (
                "[thrd:main]: b:9/7: 1 request(s) timed out: disconnect",
                Some("b:9"),
            ),
            (
                "ssl://[::1]:9096/bootstrap: SSL handshake failed",
                Some("[::1]:9096"),
            ),
            ("3/3 brokers are down", None),
            (
                "GroupCoordinator: b:9: Connect to ipv4#10.0.0.1:9 failed",
                None,
            ),
            ("\u{1b}[31mb:9/1: red", None),
            ("b 9/1: blank", None),
            ("", None),
        ] {
            let found = Broker::named_in(line).map(|broker| broker.to_string());
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }
}
