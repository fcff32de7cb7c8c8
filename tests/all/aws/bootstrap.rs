//! A secret that is read with the key it holds: the first key comes from elsewhere, each next from the one before.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use credswap::aws::check::NoCheck;
use credswap::aws::{self, BootstrapCredentials, LiveKey};
use credswap::source::SecretsManager;
use credswap::{ErrorKind, Refreshable};
use credswap_testkit::Service;

use crate::support::cloud_fixture::{SECRET, USER, World, tail};

const READ: &str = "secretsmanager:GetSecretValue";

/// A refreshable that begins with the administrator's key, and that key's tail.
async fn start(world: &World) -> (Refreshable<LiveKey>, BootstrapCredentials, String) {
    let first = world.cloud.root();
    let first_tail = first.access_key_id()[first.access_key_id().len() - 4..].to_owned();
    let (keys, handover) = start_with(world, first).await;
    (keys, handover, first_tail)
}

async fn start_with(
    world: &World,
    first: Credentials,
) -> (Refreshable<LiveKey>, BootstrapCredentials) {
    let handover = BootstrapCredentials::new(SharedCredentialsProvider::new(first));
    let config = aws_sdk_secretsmanager::config::Builder::from(&world.sdk());
    let client =
        aws_sdk_secretsmanager::Client::from_conf(credswap::configure!(handover, config).build());
    let source = SecretsManager::from_client(client, SECRET);
    let keys = Refreshable::builder(source, aws::credentials_checked_by(NoCheck))
        .start()
        .await
        .expect("the first key reads");
    handover.follow(&keys);
    (keys, handover)
}

#[tokio::test]
async fn the_first_read_is_made_with_the_given_key_and_the_next_with_the_live_one() {
    let world = World::new().await;
    let (keys, _handover, first) = start(&world).await;
    let new = world.rotate();
    keys.refresh().await.expect("swaps");
    keys.refresh().await.expect("unchanged");
    assert_eq!(
        world.signers(READ),
        [first.as_str(), tail(&world.key), tail(&new)]
    );
}

#[tokio::test]
async fn when_the_live_key_is_dead_the_given_one_reads_its_successor() {
    let world = World::new().await;
    let (keys, _handover, first) = start(&world).await;
    let new = world.rotate_rashly();
    keys.refresh().await.expect("swaps within the same look");
    assert_eq!(
        world.signers(READ),
        [first.as_str(), tail(&world.key), first.as_str()]
    );
    keys.refresh().await.expect("unchanged");
    assert_eq!(
        world.signers(READ).last().map(String::as_str),
        Some(tail(&new)),
        "the newer key is trusted again"
    );
}

#[tokio::test]
async fn a_live_key_that_may_not_read_leaves_the_reading_to_the_given_one() {
    let world = World::new().await;
    let (keys, _handover, first) = start(&world).await;
    world.cloud.deny(USER, READ);
    keys.refresh().await.expect("the given key may");
    keys.refresh().await.expect("the given key may");
    assert_eq!(
        world.signers(READ),
        [
            first.as_str(),
            tail(&world.key),
            first.as_str(),
            first.as_str()
        ]
    );
}

#[tokio::test]
async fn when_both_are_dead_the_error_says_so_and_nothing_hangs() {
    let world = World::new().await;
    let other = world.cloud.create_user("deployer").name;
    let deployed = world.cloud.create_access_key(&other);
    let (keys, _handover) = start_with(&world, deployed.credentials()).await;
    world.rotate_rashly();
    world.cloud.delete_key(deployed.id());
    let error = keys.refresh().await.expect_err("nobody may read");
    assert_eq!(
        error.kind(),
        ErrorKind::Unauthenticated,
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn a_live_key_that_was_too_new_reads_again_when_the_given_one_is_dead() {
    let world = World::new().await;
    let other = world.cloud.create_user("deployer").name;
    let deployed = world.cloud.create_access_key(&other);
    let (keys, _handover) = start_with(&world, deployed.credentials()).await;
    world.cloud.delay_new_keys([Service::SecretsManager], 1);
    let new = world.rotate();
    keys.refresh()
        .await
        .expect("the old key reads its successor");
    world.cloud.delete_key(deployed.id());
    let error = keys.refresh().await.expect_err("not known yet");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    keys.refresh().await.expect("it is known now");
    assert_eq!(
        world.signers(READ).last().map(String::as_str),
        Some(tail(&new))
    );
}

#[tokio::test]
async fn the_source_does_not_keep_the_reloader_running() {
    let world = World::new().await;
    let (keys, handover, _) = start(&world).await;
    let mut status = keys.subscribe_status();
    drop(keys);
    let ended = async { while status.changed().await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), ended)
        .await
        .expect("the loop goes on without a handle");
    let shown = format!("{handover:?}");
    assert!(!shown.contains(world.key.secret()), "leaked");
}
