use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::typed::{DatabaseSecret, SecretText};

fn parse<T: DeserializeOwned>(material: &str) -> Result<T, String> {
    let secret = Secret::new(material, "v1");
    let parsed = TypedConnector::<T>::new().parse(&secret);
    parsed.map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(std::error::Error::source(&error).is_none());
        error.to_string()
    })
}

#[derive(Debug, PartialEq, Deserialize)]
struct Token(String);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    user: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    tls: Tls,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    pair: Option<(u8, u8)>,
    #[serde(default)]
    even: Option<Even>,
    #[serde(default)]
    inner: Option<Box<Login>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tls {
    #[default]
    On,
    Off,
    Pinned {
        key: String,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "u32")]
struct Even(u32);

impl TryFrom<u32> for Even {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number % 2 {
            0 => Ok(Self(number)),
            _ => Err(format!("{number} is odd")),
        }
    }
}

#[test]
fn json_becomes_any_type_of_serde() {
    let json = r#"{"user": "a", "port": 5432, "tls": {"pinned": {"key": "k"}}, "hosts": ["x", "y"], "pair": [1, 2],
        "even": 4, "inner": {"user": "b", "port": null, "tls": "off"}}"#;
    let login: Login = parse(json).expect("it is valid");
    assert_eq!(login.port, Some(5432));
    assert_eq!(login.tls, Tls::Pinned { key: "k".into() });
    assert_eq!(login.hosts, ["x", "y"]);
    assert_eq!((login.pair, login.even), (Some((1, 2)), Some(Even(4))));
    assert_eq!(login.inner.expect("it is there").tls, Tls::Off);

    let map: BTreeMap<String, f64> = parse(r#" {"a": -1, "b": 2.5}"#).expect("a map");
    assert_eq!(map, BTreeMap::from([("a".into(), -1.0), ("b".into(), 2.5)]));
    let list: Vec<bool> = parse("[true,false]").expect("a list");
    assert_eq!(list, [true, false]);
    assert_eq!(
        parse::<serde_json::Value>(r#"{"a":[null]}"#),
        Ok(serde_json::json!({"a": [null]}))
    );
}

#[test]
fn what_is_not_json_is_one_text() {
    for (material, text) in [
        ("xoxb-1", "xoxb-1"),
        ("xoxb-1\n", "xoxb-1"),
        ("\u{feff}xoxb-1\r\n", "xoxb-1"),
        ("12345", "12345"),
        ("true", "true"),
        (" a b ", " a b "),
        ("", ""),
        (r#""quoted""#, "quoted"),
    ] {
        assert_eq!(
            parse::<Token>(material),
            Ok(Token(text.into())),
            "{material:?}"
        );
        assert_eq!(parse::<String>(material).as_deref(), Ok(text));
        assert_eq!(
            parse::<SecretText>(material).expect("a text").expose(),
            text
        );
    }
}

#[test]
fn errors_name_the_field_and_what_is_expected() {
    for (material, fault) in [
        (r#"{"port": 1}"#, "field `user` is missing"),
        (
            r#"{"user": "a", "inner": {}}"#,
            "field `inner.user` is missing",
        ),
        (
            r#"{"user": 7}"#,
            "field `user` is a number; expected a string",
        ),
        (
            r#"{"user": null}"#,
            "field `user` is null; expected a string",
        ),
        (
            r#"{"user": "a", "port": "hunter2"}"#,
            "field `port` is a text; expected u16",
        ),
        (
            r#"{"user": "a", "port": 65536}"#,
            "field `port` is out of range; expected u16",
        ),
        (
            r#"{"user": "a", "hosts": ["x", {}]}"#,
            "field `hosts.1` is an object; expected a string",
        ),
        (
            r#"{"user": "a", "pair": [1]}"#,
            "field `pair` has 1 elements; expected a tuple of size 2",
        ),
        (
            r#"{"user": "a", "tls": "hunter2"}"#,
            "field `tls` is unknown; expected one of `on`, `off`, `pinned`",
        ),
        (
            r#"{"user": "a", "passwort": "hunter2"}"#,
            "field `passwort` is unknown; expected one of `user`, `port`, `tls`, `hosts`, `pair`, `even`, `inner`",
        ),
        (r#"{"user": "a", "even": 3}"#, "field `even` is not valid"),
        ("hunter2", "the secret is a text; expected struct Login"),
        ("[", "malformed JSON at line 1, column 1"),
        (
            r#"{"user": "hunter2"#,
            "malformed JSON at line 1, column 17",
        ),
        (
            r#"{"user": "a"} hunter2"#,
            "malformed JSON at line 1, column 15",
        ),
    ] {
        let error = parse::<Login>(material).expect_err(material);
        assert_eq!(error, format!("secret version v1: {fault}"));
    }
    let binary = TypedConnector::<Token>::new().parse(&Secret::new(vec![0xff], "v1"));
    assert_eq!(binary.expect_err("not text").kind(), ErrorKind::Malformed);
}

#[test]
fn names_are_shown_escaped_and_not_at_any_length() {
    let long = "x".repeat(1000);
    for name in [r"a\n\u001b[31mb", &long] {
        let error =
            parse::<Login>(&format!(r#"{{"user": "a", "{name}": 1}}"#)).expect_err("unknown");
        assert!(
            !error.contains(['\n', '\u{1b}']) && error.len() < 300,
            "{error}"
        );
    }
}

#[test]
fn a_value_is_completed_and_then_validated() {
    let connector = TypedConnector::<DatabaseSecret>::new()
        .complete(|db| {
            db.port.get_or_insert(5432);
        })
        .validate(|db| match db.port {
            Some(5432) => Ok(()),
            _ => Err("the port is not 5432".to_owned()),
        });
    let parse = |json: &str| connector.parse(&Secret::new(json, "v1"));
    let completed = parse(r#"{"username": "a", "password": "b"}"#).expect("valid");
    assert_eq!(completed.port, Some(5432));
    let refused = parse(r#"{"username": "a", "password": "b", "port": 1}"#).expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "secret version v1: the port is not 5432"
    );
}

#[test]
fn the_secret_of_a_database_has_the_fields_of_rds() {
    let rds = r#"{"engine": "postgres", "host": "db.example", "username": "app", "password": "p", "dbname": "orders",
        "port": 5433, "dbClusterIdentifier": "c", "masterarn": "arn:aws:secretsmanager:…", "more": {"a": 1}}"#;
    let secret: DatabaseSecret = parse(rds).expect("valid");
    assert_eq!(
        (secret.host.as_deref(), secret.port),
        (Some("db.example"), Some(5433))
    );
    assert_eq!(
        (secret.dbname.as_deref(), secret.cluster.as_deref()),
        (Some("orders"), Some("c"))
    );
    assert!(secret.engine.is_some() && secret.master_arn.is_some());
    assert!(!format!("{secret:?}").contains("\"p\""));

    for (port, expected) in [
        (r#""5432""#, Ok(Some(5432))),
        (r#"" 5432 ""#, Ok(Some(5432))),
        (r#""""#, Ok(None)),
        ("null", Ok(None)),
        (
            "0",
            Err("field `port` is out of range; expected a port from 1 to 65535"),
        ),
        (
            r#""65536""#,
            Err("field `port` is out of range; expected a port from 1 to 65535"),
        ),
        (
            r#""hunter2""#,
            Err("field `port` is a text; expected a port from 1 to 65535"),
        ),
        (
            "-1",
            Err("field `port` is a number; expected a port from 1 to 65535"),
        ),
    ] {
        let secret = parse::<DatabaseSecret>(&format!(
            r#"{{"username": "a", "password": "b", "port": {port}}}"#
        ));
        let parsed = secret.map(|secret| secret.port);
        let expected = expected.map_err(|fault| format!("secret version v1: {fault}"));
        assert_eq!(parsed, expected, "{port}");
    }
    let missing = parse::<DatabaseSecret>(r#"{"username": "a"}"#).expect_err("no password");
    assert_eq!(missing, "secret version v1: field `password` is missing");
}

proptest! {
    /// Every value has a mark that no name has.
    #[test]
    fn no_error_has_a_value(json in any_json(4)) {
        for error in [
            parse::<Login>(&json).err(),
            parse::<DatabaseSecret>(&json).err(),
            parse::<BTreeMap<String, Tls>>(&json).err(),
            parse::<Vec<Even>>(&json).err(),
            parse::<Token>(&json).err(),
        ].into_iter().flatten() {
            prop_assert!(!error.contains("hunter") && !error.contains("4242"), "{}", error);
        }
    }
}

fn any_json(depth: u32) -> impl Strategy<Value = String> {
    let names = [
        "user", "port", "tls", "hosts", "pair", "even", "inner", "username", "password", "pinned",
        "other",
    ];
    let leaf = prop::sample::select(vec![
        r#""hunter2""#,
        "4242",
        "-4242",
        "4242.5",
        "null",
        "true",
        r#""off""#,
        "\"hunter2",
        "hunter2",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(depth, 64, 6, move |inner| {
            let field = (prop::sample::select(names.to_vec()), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(field, 0..6).prop_map(|fields| {
                    let fields: Vec<_> = fields
                        .iter()
                        .map(|(name, value)| format!("{name:?}:{value}"))
                        .collect();
                    format!("{{{}}}", fields.join(","))
                }),
            ]
        })
}
