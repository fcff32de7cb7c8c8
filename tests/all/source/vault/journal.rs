//! What a killed process has left is revoked by the next one, and nothing else is.
//!
//! A source that is dropped without a shutdown stands for a process that was killed: the locks of its files are released.

use super::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

impl Fixture {
    fn journaling(&self, directory: impl AsRef<Path>) -> Vault {
        self.connection().journal(directory.as_ref())
    }

    /// Leaves a key behind, as a process does that is killed.
    async fn leave_key(&self, vault: &Vault) {
        let killed = vault.aws_creds("up");
        first(&killed).await.expect("minted");
        killed_now().await;
    }

    /// Leaves a key and a database user behind, of two processes that lived at the same time.
    async fn leave_two(&self, vault: &Vault) {
        let killed = (vault.aws_creds("up"), vault.database_creds("up"));
        first(&killed.0).await.expect("minted");
        first(&killed.1).await.expect("minted");
        killed_now().await;
    }

    /// Starts a process that mints a key and revokes what others have left.
    async fn start_next(&self, vault: &Vault) -> LeasedSecret {
        let source = vault.aws_creds("up");
        first(&source).await.expect("minted");
        source
    }

    /// Waits until these leases are the only ones, and have the only files.
    async fn until_left(&self, directory: &TempDir, leases: &[&str]) {
        let left = || self.server.leases() == leases && recorded(directory) == leases;
        until(&format!("{leases:?}"), left).await;
    }
}

/// Lets what runs in the background come to its end, which a process that is killed would take along.
async fn killed_now() {
    tokio::time::sleep(SECOND).await;
}

/// Returns the names in a directory, sorted.
fn names(directory: &TempDir) -> Vec<String> {
    let files = fs::read_dir(directory.path()).expect("readable");
    let names = files.map(|file| file.expect("a file").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("text"))
        .collect();
    names.sort();
    names
}

/// Returns what the files say.
fn records(directory: &TempDir) -> Vec<Value> {
    let read = |name: &String| {
        let text = fs::read_to_string(directory.path().join(name)).expect("readable");
        serde_json::from_str(&text).expect("JSON")
    };
    names(directory).iter().map(read).collect()
}

/// Returns the ids of the leases that have a file, sorted.
fn recorded(directory: &TempDir) -> Vec<String> {
    let ids = records(directory).into_iter();
    let mut ids: Vec<_> = ids
        .map(|record| record["lease_id"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort();
    ids
}

const LEASE1: &str = "aws/creds/up/lease1";
const LEASE2: &str = "aws/creds/up/lease2";
const LEASE3: &str = "aws/creds/up/lease3";

#[tokio::test(start_paused = true)]
async fn a_lease_has_a_file_without_a_secret_while_it_lives() {
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory).namespace("team/storage");
    let source = vault.aws_creds("up");
    let secret = first(&source).await.expect("minted");
    let [record] = &records(&directory)[..] else {
        panic!("{:?}", names(&directory));
    };
    let expected = json!({
        "address": "http://vault.test:8200", "namespace": "team/storage", "path": "aws/creds/up", "lease_id": LEASE1,
        "ends": "2027-01-15T08:01:00.000Z",
    });
    assert_eq!(*record, expected);
    #[cfg(unix)]
    for name in names(&directory) {
        use std::os::unix::fs::PermissionsExt;
        let file = fs::metadata(directory.path().join(name)).expect("there");
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    source.drained(secret.version()).await;
    assert!(names(&directory).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_process_has_left_is_revoked_by_the_next() {
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory);
    fixture.leave_two(&vault).await;
    assert_eq!(fixture.server.leases().len(), 2);
    let source = fixture.start_next(&vault).await;
    fixture.until_left(&directory, &[LEASE3]).await;
    assert_eq!(fixture.server.count("leases/revoke"), 2);
    source.shutdown().await;
    fixture.until_left(&directory, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn processes_that_live_are_left_alone() {
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory);
    let one = fixture.start_next(&vault).await;
    let two = fixture.start_next(&vault).await;
    let three = fixture.start_next(&vault).await;
    tokio::time::sleep(10 * MINUTE).await;
    fixture
        .until_left(&directory, &[LEASE1, LEASE2, LEASE3])
        .await;
    assert_eq!(fixture.server.count("leases/revoke"), 0);
    drop((one, three));
    let four = fixture.start_next(&vault).await;
    fixture
        .until_left(&directory, &[LEASE2, "aws/creds/up/lease4"])
        .await;
    drop((two, four));
}

#[tokio::test(start_paused = true)]
async fn other_vaults_and_namespaces_are_left_alone() {
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(3600, 3600);
    let vault = fixture.journaling(&directory);
    fixture.leave_key(&vault.clone().namespace("another")).await;
    let login = Login::app_role("role", "secret");
    let elsewhere = Vault::new(&fixture.sdk(), "http://other.test:8200", login)
        .clock(fixture.clock())
        .journal(directory.path());
    fixture.leave_key(&elsewhere).await;
    let _source = fixture.start_next(&vault).await;
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(fixture.server.count("leases/revoke"), 0);
    assert_eq!(recorded(&directory), [LEASE1, LEASE2, LEASE3]);
    // The same Vault, written in another way.
    let same = fixture.journaling(&directory).namespace("another/");
    let _same = fixture.start_next(&same).await;
    until("the revocation", || {
        !fixture.server.leases().contains(&LEASE1.to_owned())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_file_of_a_lease_that_has_ended_is_deleted_after_one_attempt() {
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory);
    fixture.leave_key(&vault).await;
    tokio::time::sleep(61 * SECOND).await;
    // The clock alone does not decide: it may be wrong. But nothing is repeated, and nobody is warned.
    let fault = "failed to revoke: DeleteConflict: Cannot delete entity";
    fixture.server.fail("leases/revoke", 1000, 400, fault);
    let (log, _here) = Log::collect();
    let _source = fixture.start_next(&vault).await;
    fixture.until_left(&directory, &[LEASE2]).await;
    assert_eq!(fixture.server.count("leases/revoke"), 1);
    assert!(log.lines("WARN", "").is_empty(), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_moves_the_end_in_the_file() {
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory);
    let killed = fixture.start_next(&vault).await;
    tokio::time::sleep(30 * MINUTE).await;
    drop(killed);
    assert_eq!(fixture.server.leases(), [LEASE1]);
    let ends = records(&directory)[0]["ends"].to_string();
    assert!(ends.contains("T08:30:"), "{ends}");
    let _source = fixture.start_next(&vault).await;
    fixture.until_left(&directory, &[LEASE2]).await;
}

#[tokio::test(start_paused = true)]
async fn leases_that_cannot_be_revoked_are_named_in_one_warning() {
    let (log, _here) = Log::collect();
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(3600, 3600);
    let vault = fixture.journaling(&directory).revoke_for(MINUTE);
    fixture.leave_two(&vault).await;
    fixture
        .server
        .fail("leases/revoke", 1000, 403, "permission denied");
    let _source = fixture.start_next(&vault).await;
    let warned = || log.lines("WARN", "sys/leases/revoke");
    until("the warning", || !warned().is_empty()).await;
    tokio::time::sleep(10 * MINUTE).await;
    let [warning] = &warned()[..] else {
        panic!("{:?}", warned());
    };
    for lease in [LEASE1, "database/creds/up/lease2"] {
        let named = format!("{lease} (until 2027-01-15T09:00:00.000Z)");
        assert!(warning.contains(&named), "{warning}");
    }
    // They are still in the journal: the next process may be allowed to.
    assert_eq!(recorded(&directory).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_of_what_was_left_is_repeated() {
    let (log, _here) = Log::collect();
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(3600, 3600);
    let vault = fixture.journaling(&directory);
    fixture.leave_two(&vault).await;
    let conflict = "failed to revoke: DeleteConflict: Cannot delete entity";
    fixture.server.fail("leases/revoke", 4, 400, conflict);
    fixture
        .server
        .fail("leases/revoke", 4, 503, "Vault is sealed");
    let _source = fixture.start_next(&vault).await;
    fixture.until_left(&directory, &[LEASE3]).await;
    assert!(log.lines("WARN", "lease").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_its_engine_cannot_revoke_holds_up_no_other() {
    const USER2: &str = "database/creds/up/lease2";
    for (failing, other, answer) in [
        (
            "lease1",
            USER2,
            "failed to revoke entry: dial tcp: connection refused",
        ),
        ("lease2", LEASE1, "dial tcp: connection refused"),
        // These are no reason to believe that the lease is gone.
        ("lease1", USER2, "plugin not found in the catalog"),
        (
            "lease1",
            USER2,
            "AccessDenied: not authorized to perform: iam:DeleteUser",
        ),
        ("lease1", USER2, "unsupported path"),
    ] {
        let (fixture, directory) = (Fixture::new(), directory());
        fixture.server.set_lease(3600, 3600);
        let vault = fixture.journaling(&directory);
        fixture.leave_two(&vault).await;
        let call = format!("leases/revoke {failing}");
        fixture.server.fail(&call, 1000, 400, answer);
        let source = fixture.start_next(&vault).await;
        until(answer, || !recorded(&directory).contains(&other.to_owned())).await;
        assert!(!fixture.server.leases().contains(&other.to_owned()));
        let left = |id: &String| id.ends_with(failing);
        assert!(recorded(&directory).iter().any(left), "{answer}");
        source.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_may_not_revoke_is_not_taken_for_one_that_has_ended() {
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(3600, 3600);
    let vault = fixture.journaling(&directory);
    fixture.leave_two(&vault).await;
    // A token without the policy `default`.
    for call in ["leases/revoke", "lookup-self"] {
        fixture.server.fail(call, 1000, 403, "permission denied");
    }
    let logins = fixture.server.count("/login");
    let key = fixture.builder(vault.aws_creds("up")).start().await;
    let key = key.expect("the first key");
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(fixture.server.count("/login"), logins + 1);
    assert_eq!(key.generation(), 1, "its token is still good");
    assert_eq!(recorded(&directory).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_revoked_with_its_token_keeps_its_file() {
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(3600, 3600);
    let source = fixture.journaling(&directory).aws_creds("up");
    let old = first(&source).await.expect("minted");
    for call in ["leases/revoke", "lookup-self"] {
        fixture.server.fail(call, 1000, 403, "permission denied");
    }
    source.drained(old.version()).await;
    killed_now().await;
    assert_eq!(recorded(&directory), [LEASE1]);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_may_be_repeated_for_ever() {
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(3600, 3600);
    let vault = fixture.journaling(&directory).revoke_for(Duration::MAX);
    fixture.leave_key(&vault).await;
    fixture
        .server
        .fail("leases/revoke", 8, 400, "DeleteConflict");
    let source = fixture.start_next(&vault).await;
    fixture.until_left(&directory, &[LEASE2]).await;
    source.shutdown().await;
    fixture.until_left(&directory, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_is_complete_names_a_lease_to_revoke() {
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(3600, 3600);
    let vault = fixture.journaling(&directory);
    fixture.leave_key(&vault).await;
    let [name] = &names(&directory)[..] else {
        panic!("{:?}", names(&directory));
    };
    let at = |name: &str| directory.path().join(name);
    fs::rename(at(name), at(&format!(".{name}"))).expect("renamed");
    let _source = fixture.start_next(&vault).await;
    fixture.until_left(&directory, &[LEASE2]).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_names_what_others_left_and_is_not_revoked_yet() {
    let (log, _here) = Log::collect();
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory);
    fixture.leave_key(&vault).await;
    fixture.server.lose_answers("leases/revoke", 1);
    let source = fixture.start_next(&vault).await;
    fixture.server.called("leases/revoke", 1).await;
    source.shutdown().await;
    let warned = log.lines("WARN", LEASE1);
    assert_eq!(warned.len(), 1, "{}", log.text());
    assert_eq!(recorded(&directory), [LEASE1]);
    let _next = fixture.start_next(&vault).await;
    fixture.until_left(&directory, &[LEASE3]).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_end_cannot_revoke_is_left_to_the_next_process() {
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(3600, 3600);
    let vault = fixture.journaling(&directory);
    let source = fixture.start_next(&vault).await;
    fixture.server.seal(true);
    source.shutdown().await;
    drop(source);
    assert_eq!(recorded(&directory), [LEASE1]);
    // The process ends, and with it what it still tries.
    tokio::time::sleep(6 * MINUTE).await;
    fixture.server.seal(false);
    let _next = fixture.start_next(&vault).await;
    fixture.until_left(&directory, &[LEASE2]).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_left_to_vault_keeps_its_file_until_it_ends() {
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(600, 600);
    let vault = fixture.journaling(&directory).revoke_for(MINUTE);
    let source = vault.aws_creds("up");
    let old = first(&source).await.expect("minted");
    let new = fetch(&source, Reason::Event, &old).await.expect("minted");
    fixture
        .server
        .fail("leases/revoke", 1000, 400, "DeleteConflict");
    source.drained(old.version()).await;
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(recorded(&directory), [LEASE1, LEASE2]);
    tokio::time::sleep(5 * MINUTE).await;
    source.drained(new.version()).await;
    assert_eq!(recorded(&directory), [LEASE2]);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_used_is_an_error_of_the_start() {
    let (fixture, directory) = (Fixture::new(), directory());
    let file = directory.path().join("file");
    fs::write(&file, "").expect("written");
    let mut rows = vec![
        (directory.path().join("missing"), "create it"),
        (file, "is not a directory"),
    ];
    if cfg!(target_os = "linux") {
        rows.push(("/proc/self".into(), "cannot be written to"));
    }
    for (path, says) in rows {
        let source = fixture.journaling(&path).aws_creds("up");
        let error = fixture.builder(source).start().await.expect_err("unusable");
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        let named = format!("`{}`", path.display());
        assert!(text.contains(says) && text.contains(&named), "{text}");
    }
    assert_eq!(fixture.server.minted(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_goes_away_costs_a_warning_and_no_key() {
    let (log, _here) = Log::collect();
    let (fixture, directory) = (Fixture::new(), directory());
    let source = fixture.journaling(&directory).aws_creds("up");
    let live = first(&source).await.expect("minted");
    fs::remove_dir_all(directory.path()).expect("removed");
    fetch(&source, Reason::Event, &live).await.expect("minted");
    let warned = log.lines("WARN", "not in the journal");
    assert!(warned[0].contains(LEASE2), "{warned:?}");
    source.drained(live.version()).await;
    source.shutdown().await;
    assert!(fixture.server.leases().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_broken_is_named_and_left_alone() {
    let (log, _here) = Log::collect();
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory);
    fixture.leave_key(&vault).await;
    let good = fs::read_to_string(directory.path().join(&names(&directory)[0])).expect("there");
    let at = |name: &str| directory.path().join(name);
    let write = |name: &str, text: &str| fs::write(at(name), text).expect("written");
    write("cut.lease", &good[..good.len() / 2]);
    write("empty.lease", "");
    write("no-id.lease", &good.replace(LEASE1, ""));
    write("no-time.lease", &good.replace("2027-", "soon "));
    fs::create_dir(at("directory.lease")).expect("created");
    fs::write(at("binary.lease"), [0xff, 0xfe]).expect("written");
    let source = fixture.start_next(&vault).await;
    until("the revocation", || fixture.server.leases() == [LEASE2]).await;
    source.shutdown().await;
    for name in ["cut", "empty", "no-id", "no-time", "directory", "binary"] {
        let name = format!("{name}.lease");
        assert!(at(&name).exists(), "{name}");
        assert_eq!(log.lines("WARN", &name).len(), 1, "{name}");
    }
    assert_eq!(names(&directory).len(), 6);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn files_of_another_user_are_left_alone() {
    let (log, _here) = Log::collect();
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory);
    fixture.leave_key(&vault).await;
    let file = directory.path().join(&names(&directory)[0]);
    // Only root can give files away.
    if std::os::unix::fs::chown(&file, Some(12_345), None).is_err() {
        return;
    }
    let source = fixture.start_next(&vault).await;
    killed_now().await;
    source.shutdown().await;
    assert_eq!(fixture.server.leases(), [LEASE1]);
    assert_eq!(recorded(&directory), [LEASE1]);
    assert!(log.lines("WARN", "").is_empty(), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_draft_of_a_killed_process_is_deleted_and_other_files_are_not() {
    let (fixture, directory) = (Fixture::new(), directory());
    for name in [".1234.lease", "notes.txt", ".hidden"] {
        fs::write(directory.path().join(name), "half").expect("written");
    }
    let source = fixture.start_next(&fixture.journaling(&directory)).await;
    until("the search", || names(&directory).len() == 3).await;
    source.shutdown().await;
    assert_eq!(names(&directory), [".hidden", "notes.txt"]);
}

#[tokio::test(start_paused = true)]
async fn sessions_have_no_files() {
    let (fixture, directory) = (Fixture::new(), directory());
    let vault = fixture.journaling(&directory);
    let source = vault.aws_sts("up", StsOptions::default());
    first(&source).await.expect("minted");
    assert!(names(&directory).is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_file_is_left_after_many_rotations() {
    let (fixture, directory) = (Fixture::new(), directory());
    fixture.server.set_lease(60, 200);
    let source = fixture.journaling(&directory).aws_creds("up");
    let key = fixture.builder(source).start().await.expect("a key");
    for _ in 0..10 {
        fixture.watch(&key, 3 * MINUTE).await;
        assert_eq!(recorded(&directory), fixture.server.leases());
    }
    key.shutdown(SECOND).await.expect("nothing is in use");
    assert!(names(&directory).is_empty());
}
