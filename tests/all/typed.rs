//! Typed secrets in the refresh loop: what goes live, what does not, and what the fleet hears of it.

use std::time::Duration;

use credswap::fleet::{Report, Reporter};
use credswap::test_util::TestSource;
use credswap::typed::{DatabaseSecret, SecretText, TypedConnector};
use credswap::{ErrorKind, Refreshable};
use tokio::sync::mpsc;
use tokio::time::timeout;

fn secret(user: &str) -> String {
    format!(r#"{{"username": "{user}", "password": "swordfish", "port": "5432"}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_typed_secret_is_swapped_and_drained() {
    let source = TestSource::new(secret("app"), "v1");
    let database: Refreshable<DatabaseSecret> = Refreshable::typed(source.clone())
        .start()
        .await
        .expect("the secret is valid");
    let lease = database.lease();
    assert_eq!((lease.username.as_str(), lease.port), ("app", Some(5432)));

    source.rotate(secret("app_clone"), "v2");
    database.refresh().await.expect("the next one is valid");
    assert_eq!(database.lease().username, "app_clone");
    assert_eq!(lease.username, "app", "what is leased stays");
    assert!(database.status().uses(&"v1".into()));
    drop(lease);
    database.drained(&"v1".into()).await.expect("it drains");
}

#[tokio::test(start_paused = true)]
async fn what_is_malformed_or_refused_never_goes_live() {
    let source = TestSource::new(secret("app"), "v1");
    let connector =
        TypedConnector::<DatabaseSecret>::new().validate(|db| match db.username.as_str() {
            "root" => Err("`username` must not be the superuser".to_owned()),
            _ => Ok(()),
        });
    let database = Refreshable::builder(source.clone(), connector)
        .start()
        .await
        .expect("the secret is valid");
    for (material, version, fault) in [
        (
            secret("root"),
            "v2",
            "secret version v2: `username` must not be the superuser",
        ),
        (
            r#"{"username": "app"}"#.to_owned(),
            "v3",
            "secret version v3: field `password` is missing",
        ),
        (
            "swordfish".to_owned(),
            "v4",
            "secret version v4: the secret is a text; expected struct DatabaseSecret",
        ),
    ] {
        source.rotate(material, version);
        let error = database.refresh().await.expect_err(version);
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Malformed, fault)
        );
        assert_eq!(database.status().version, "v1".into());
        assert_eq!(database.lease().username, "app");
    }
}

#[tokio::test(start_paused = true)]
async fn the_fleet_hears_of_typed_secrets() {
    let source = TestSource::new("token one\n", "v1");
    let token: Refreshable<SecretText> = Refreshable::typed(source.clone())
        .secret_id("prod/bot")
        .start()
        .await
        .expect("any text is valid");
    let (sent, mut reports) = mpsc::unbounded_channel();
    let sink = move |key: String, value: Vec<u8>| {
        let report = Report::decode(key.as_bytes(), &value).expect("a report");
        let _ = sent.send(report);
        async { Ok(()) }
    };
    let _reporter = Reporter::builder(&token, sink)
        .start()
        .expect("the secret has a name");
    let lease = token.lease();
    source.rotate("token two\n", "v2");
    token.refresh().await.expect("swapped");
    assert_eq!(token.lease().expose(), "token two");
    let drains = async {
        loop {
            let report = reports.recv().await.expect("the reporter runs");
            if report
                .draining
                .iter()
                .any(|draining| draining.version == "v1".into())
            {
                return report;
            }
        }
    };
    let report = timeout(Duration::from_secs(60), drains)
        .await
        .expect("reported");
    assert_eq!(report.secret_id.as_str(), "prod/bot");
    drop(lease);
}
