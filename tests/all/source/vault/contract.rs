//! Vault's sources keep the contract of all sources.

use super::*;
use crate::source::contract::{Authority, Mint, keeps, keeps_minting};
use serde_json::json;

fn connection(fixture: &Fixture) -> Vault {
    fixture.connection().attempts(1)
}

/// A secret of KV version 2.
struct InKv(Server);

const PATH: &str = "prod/uploader";

fn written(mark: &str) -> String {
    json!({"token": mark}).to_string()
}

impl Authority for InKv {
    fn rotate(&mut self, material: &str) {
        self.0.seal(false);
        let data = serde_json::from_str(material).expect("JSON");
        self.0.put(PATH, data);
    }

    fn remove(&mut self) -> ErrorKind {
        self.0.delete(PATH);
        ErrorKind::NotFound
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.0.seal(true);
        Some(ErrorKind::Unavailable)
    }
}

#[tokio::test(start_paused = true)]
async fn kv() {
    let fixture = Fixture::new();
    let source = connection(&fixture).kv(PATH);
    keeps(source, InKv(fixture.server), written).await;
}

/// A role whose key or password Vault rotates. Which secret is current, Vault decides: the first is version 1.
struct Static(Server);

impl Authority for Static {
    fn rotate(&mut self, _: &str) {
        self.0.seal(false);
        self.0.rotate_static();
    }

    fn remove(&mut self) -> ErrorKind {
        self.0.fail("static-creds", 1, 400, "unknown role: up");
        ErrorKind::NotFound
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.0.seal(true);
        Some(ErrorKind::Unavailable)
    }
}

/// Returns Vault's number of what the contract calls `hunter1`, `hunter2` and so on.
fn number(mark: &str) -> u32 {
    mark["hunter".len()..].parse::<u32>().expect("a number") + 1
}

#[tokio::test(start_paused = true)]
async fn static_keys() {
    let fixture = Fixture::new();
    let source = connection(&fixture).aws_static_creds("up");
    let materials = |mark: &str| {
        let number = number(mark);
        json!({"access_key": format!("AKIASTATIC{number}"), "secret_key": format!("static-secret-{number}")}).to_string()
    };
    keeps(source, Static(fixture.server), materials).await;
}

#[tokio::test(start_paused = true)]
async fn static_passwords() {
    let fixture = Fixture::new();
    let source = connection(&fixture).database_static_creds("up");
    let materials = |mark: &str| {
        let number = number(mark);
        let rotated = format!("2026-01-31T12:00:{number:02}.123456789Z");
        json!({"username": "up", "password": format!("password {number}"), "rotation_period": 600, "ttl": 300,
            "last_vault_rotation": rotated})
        .to_string()
    };
    keeps(source, Static(fixture.server), materials).await;
}

impl Mint for Server {
    fn alive(&self) -> Vec<String> {
        self.leases()
    }

    fn fail(&mut self) -> ErrorKind {
        self.seal(true);
        ErrorKind::Unavailable
    }

    fn recover(&mut self) {
        self.seal(false);
    }

    fn remove(&mut self) -> ErrorKind {
        Server::fail(self, "/up", 1, 400, "Role \"up\" not found");
        ErrorKind::NotFound
    }
}

#[tokio::test(start_paused = true)]
async fn minted_keys() {
    let fixture = Fixture::new();
    let source = connection(&fixture).aws_creds("up");
    keeps_minting(source, fixture.server, "hidden-key").await;
}

#[tokio::test(start_paused = true)]
async fn minted_sessions() {
    let fixture = Fixture::new();
    let options = StsOptions::default().ttl(MINUTE);
    let source = connection(&fixture).aws_sts("up", options);
    keeps_minting(source, fixture.server, "hidden-key").await;
}

#[tokio::test(start_paused = true)]
async fn minted_database_users() {
    let fixture = Fixture::new();
    let source = connection(&fixture).database_creds("up");
    keeps_minting(source, fixture.server, "password ").await;
}
