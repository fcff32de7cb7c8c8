//! Uploads while keys are minted, revoked by an administrator, and asked for by events.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::support::cloud_fixture::{BUCKET, CloudFixture};
use credswap::aws::AccessKeyConnector;
use credswap::aws::check::NoCheck;
use credswap::{RefreshableCredentials, refresh::Timeouts};
use futures::future::join_all;
use tokio::sync::watch;

const WORKERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn no_upload_fails_while_vault_replaces_the_key() {
    let fixture = CloudFixture::new().await;
    let server = Server::over(&fixture.cloud);
    let address = server.serve().await;
    let vault = Vault::new(&fixture.sdk(), address, Login::app_role("role", "secret"));
    let timeouts: Timeouts = CloudFixture::timeouts();
    let trigger = TestTrigger::new();
    let connector = AccessKeyConnector::checked_by(NoCheck);
    let credentials = RefreshableCredentials::builder(vault.aws_creds("up"), connector)
        .without_polling()
        .timeouts(timeouts)
        .trigger(trigger.clone());
    let credentials = credentials.start().await.expect("the first key");
    let s3 = fixture.s3(&credentials);

    let done = Arc::new(AtomicBool::new(false));
    let (uploads, mut uploaded) = watch::channel([0; WORKERS]);
    let workers = (0..WORKERS).map(|worker| {
        let (s3, done, uploads) = (s3.clone(), Arc::clone(&done), uploads.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let put = s3.put_object().bucket(BUCKET).key(format!("{worker}"));
                let put = put.body(vec![0; 512].into());
                put.send().await.expect("no upload fails");
                uploads.send_modify(|uploads| uploads[worker] += 1);
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    for generation in 1..=8 {
        if generation % 2 == 0 {
            trigger.event();
        } else {
            server.revoke_leases();
        }
        credentials.updates().newer_than(generation).await;
        // One request is replayed with a limited number of keys: each gets its chance before the next key dies.
        let before = *uploaded.borrow();
        let all =
            uploaded.wait_for(|now| now.iter().zip(before).all(|(now, before)| *now > before));
        all.await.expect("the uploads go on");
    }
    done.store(true, Ordering::Relaxed);
    for worker in join_all(workers).await {
        worker.expect("no upload failed");
    }
    assert!(server.minted() >= 9);
    let _ = credentials.shutdown(5 * SECOND).await;
    assert!(server.leases().is_empty(), "{:?}", server.leases());
}
