//! Uploads while keys are minted, revoked by an administrator, and replaced at their maximum.

use super::*;
use crate::support::cloud_fixture::{BUCKET, CloudFixture};
use credswap::aws::AccessKeyConnector;
use credswap::aws::check::NoCheck;
use credswap::{RefreshableCredentials, refresh::Timeouts};
use futures::future::join_all;

#[tokio::test(flavor = "multi_thread")]
async fn no_upload_fails_while_vault_replaces_the_key() {
    let fixture = CloudFixture::new().await;
    let server = Server::over(&fixture.cloud);
    server.set_lease(2, 4);
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

    let end = Instant::now() + 8 * SECOND;
    let workers = (0..8).map(|worker| {
        let s3 = s3.clone();
        tokio::spawn(async move {
            let mut uploads = 0;
            while Instant::now() < end {
                let put = s3
                    .put_object()
                    .bucket(BUCKET)
                    .key(format!("{worker}"))
                    .body(vec![0; 512].into());
                put.send().await.expect("no upload fails");
                uploads += 1;
            }
            uploads
        })
    });
    let workers: Vec<_> = workers.collect();
    for round in 0..6 {
        tokio::time::sleep(SECOND).await;
        if round % 2 == 0 {
            trigger.event();
        } else {
            server.revoke_leases();
        }
    }
    let uploads: usize = join_all(workers)
        .await
        .into_iter()
        .map(|done| done.expect("no panic"))
        .sum();
    assert!(
        uploads > 0 && credentials.status().generation >= 6,
        "{}",
        credentials.status().generation
    );
    let _ = credentials.shutdown(5 * SECOND).await;
    assert!(server.leases().is_empty(), "{:?}", server.leases());
}
