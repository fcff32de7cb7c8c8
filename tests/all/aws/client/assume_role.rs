//! Sessions of a role that is assumed with the live key.

use aws_credential_types::provider::ProvideCredentials;
use credswap::ErrorKind;
use credswap::aws::AssumeRole;

use crate::support::cloud_fixture::{CloudFixture, USER, error_kind, id_suffix};

const ROLE: &str = "arn:aws:iam::123456789012:role/uploads";

#[tokio::test]
async fn a_session_is_made_with_the_live_key_and_outlives_it() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let role = AssumeRole::new(&fixture.sdk(), &credentials, ROLE)
        .session_name("uploader")
        .duration(std::time::Duration::from_secs(900));
    let config = fixture.s3_config().credentials_provider(role);
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    s3.list_buckets().send().await.expect("the role may");
    let old = credentials.status().version;
    fixture.rotate_and_delete_old();
    credentials.refresh().await.expect("swaps");
    credentials
        .drained(&old)
        .await
        .expect("a session keeps no key in use");
    s3.list_buckets().send().await.expect("the same session");
    assert_eq!(fixture.signers("sts:AssumeRole"), [id_suffix(&fixture.key)]);
}

#[tokio::test]
async fn a_base_key_that_was_deleted_is_replaced_and_the_call_replayed() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    let role = AssumeRole::new(&fixture.sdk(), &credentials, ROLE);
    let new = fixture.rotate_and_delete_old(); // no event announces the new one
    let session = role.provide_credentials().await.expect("replayed");
    assert!(session.expiry().is_some() && session.session_token().is_some());
    assert_eq!(
        fixture.signers("sts:AssumeRole"),
        [id_suffix(&fixture.key), id_suffix(&new)]
    );
    assert_eq!(credentials.generation(), 2);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let fixture = CloudFixture::new().await;
    let (credentials, _) = fixture.start().await;
    fixture.cloud.deny(USER, "sts:AssumeRole");
    let role = AssumeRole::new(&fixture.sdk(), &credentials, ROLE).external_id("partner");
    let error = role.provide_credentials().await.expect_err("denied");
    assert_eq!(error_kind(&error), Some(ErrorKind::PermissionDenied));
    let text = aws_smithy_types::error::display::DisplayErrorContext(&error).to_string();
    assert!(
        text.contains("`sts:AssumeRole`") && text.contains(ROLE),
        "{text}"
    );
    assert!(!format!("{role:?}{error:?}").contains("partner"));
}
