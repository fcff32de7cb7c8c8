//! The policies for Vault allow what the sources call, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use aws_types::SdkConfig;
use credswap::source::vault::{LeasedSecret, Login, StoredSecret, StsOptions, Vault};
use credswap::source::{FetchRequest, Source};
use credswap::trigger::Reason;
use credswap_testkit::Vault as Server;
use tokio::time::sleep;

use super::page::section;

/// The capabilities of each path.
type Policy = BTreeMap<String, BTreeSet<String>>;

/// Reads `path "…" { capabilities = ["…"] }`, wherever it stands.
fn policy(text: &str) -> Policy {
    let mut policy = Policy::new();
    for line in text.split("path \"").skip(1) {
        let (path, rest) = line.split_once('"').expect("a path");
        let list = rest.split(['[', ']']).nth(1).expect("capabilities");
        let capabilities = list.split('"').skip(1).step_by(2).map(str::to_owned);
        policy
            .entry(path.to_owned())
            .or_default()
            .extend(capabilities);
    }
    policy
}

/// All lines of the section: those of the sources, and those of the policy `default`.
fn all_lines() -> Policy {
    let section = section("Vault and OpenBao");
    let blocks = section.blocks("hcl").into_iter();
    let cells = section.rows.iter().flatten().map(String::as_str);
    policy(&blocks.chain(cells).collect::<Vec<_>>().join("\n"))
}

struct Fixture {
    server: Server,
    vault: Vault,
}

impl Fixture {
    fn new(login: impl Fn(&Server) -> Login) -> Self {
        let server = Server::new();
        server.set_lease(60, 3600);
        server.set_token(90, 0);
        server.put("prod/app", serde_json::json!({"token": "one"}));
        let sdk = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .http_client(server.http_client())
            .build();
        let vault = Vault::new(&sdk, "http://vault.test:8200", login(&server))
            .clock(|| SystemTime::UNIX_EPOCH);
        Self { server, vault }
    }

    /// Fetches, waits until lease and token were renewed, fetches for a reason, and gives everything back.
    async fn live(&self, source: impl Source) {
        let first = source.fetch(&FetchRequest::new(Reason::Start)).await;
        let first = first.expect("it is there");
        sleep(Duration::from_secs(70)).await;
        let request = FetchRequest::new(Reason::Rejected).live(first.version().clone());
        source.fetch(&request).await.expect("it is there");
        source.drained(first.version()).await;
        source.shutdown().await;
    }

    /// Returns what was called, as paths with the capabilities that Vault demands.
    fn demanded(&self) -> Policy {
        let mut demanded = Policy::new();
        for call in self.server.calls() {
            let (method, path) = call.name.split_once(' ').expect("method and path");
            if path.ends_with("/login") {
                assert_eq!(call.token, None, "a login needs no policy");
                continue;
            }
            let capability = match method {
                "GET" => "read",
                "POST" => "update",
                other => panic!("what does {other} demand?"),
            };
            demanded
                .entry(path.to_owned())
                .or_default()
                .insert(capability.to_owned());
        }
        demanded
    }
}

fn leased(vault: &Vault) -> [LeasedSecret; 4] {
    let options = StsOptions::default().session_name("uploader");
    [
        vault.aws_creds("uploader"),
        vault.aws_sts("uploader", StsOptions::default()),
        vault.aws_sts("uploader", options),
        vault.database_creds("app"),
    ]
}

fn stored(vault: &Vault) -> [StoredSecret; 3] {
    [
        vault.aws_static_creds("uploader"),
        vault.database_static_creds("app"),
        vault.kv("prod/app"),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_call_is_allowed_and_every_line_is_used() {
    let by_login = Fixture::new(|_| Login::app_role("role", "hidden"));
    for source in leased(&by_login.vault) {
        by_login.live(source).await;
    }
    for source in stored(&by_login.vault) {
        by_login.live(source).await;
    }
    let by_token = Fixture::new(|server| Login::token(server.create_token(3600)));
    by_token.live(by_token.vault.aws_creds("uploader")).await;

    let mut demanded = by_login.demanded();
    for (path, capabilities) in by_token.demanded() {
        demanded.entry(path).or_default().extend(capabilities);
    }
    assert_eq!(demanded, all_lines());
}

#[tokio::test(start_paused = true)]
async fn two_lines_and_the_default_policy_are_enough_for_leased_keys() {
    let fixture = Fixture::new(|_| Login::app_role("role", "hidden"));
    fixture.live(fixture.vault.aws_creds("uploader")).await;
    let section = section("Vault and OpenBao");
    let allowed = policy(&section.blocks("hcl").join("\n"));
    for (path, capabilities) in fixture.demanded() {
        let allowed = allowed.get(&path);
        assert!(
            allowed.is_some_and(|allowed| capabilities.is_subset(allowed)),
            "{path} is not allowed"
        );
    }
}

/// The same lines are given to the example that runs against a real server.
#[test]
fn the_policy_is_that_of_the_test_with_a_real_server() {
    let script = include_str!("../../real/vault.sh");
    let quoted = |mark: &str| {
        let (_, line) = script.split_once(mark).expect("a line of the policy");
        line.split('\'').next().expect("its text").to_owned()
    };
    let real = [quoted("{ echo '"), quoted("policy <<<'")].join("\n");
    let section = section("Vault and OpenBao");
    let on_page = section.blocks("hcl")[0].replace("creds/uploader", "creds/up");
    assert_eq!(policy(&on_page), policy(&real));
}
