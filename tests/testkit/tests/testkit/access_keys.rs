//! IAM and STS: keys are created, used, deactivated and deleted as on AWS.

use aws_sdk_iam::types::StatusType;
use credswap_testkit::KeyStatus;

use crate::clients::{clients, cloud, error_of, forged, service_error};

#[tokio::test]
async fn a_key_created_through_iam_works_at_once_and_has_its_user() {
    let (cloud, _) = cloud().await;
    let iam = clients(&cloud, cloud.root()).iam;
    let user = iam
        .create_user()
        .user_name("second")
        .send()
        .await
        .unwrap()
        .user
        .unwrap();
    let key = iam
        .create_access_key()
        .user_name("second")
        .send()
        .await
        .unwrap()
        .access_key
        .unwrap();
    let credentials = aws_sdk_s3::config::Credentials::new(
        key.access_key_id(),
        key.secret_access_key(),
        None,
        None,
        "test",
    );
    let sdk = clients(&cloud, credentials);
    let identity = sdk.sts.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some(user.arn()));
    assert_eq!(identity.user_id(), Some(user.user_id()));
    assert_eq!(identity.account(), Some("123456789012"));
    sdk.s3.head_bucket().bucket("uploads").send().await.unwrap();
    assert_eq!(
        iam.get_user()
            .user_name("second")
            .send()
            .await
            .unwrap()
            .user
            .unwrap(),
        user
    );
}

#[tokio::test]
async fn a_third_key_exceeds_the_limit() {
    let (cloud, _) = cloud().await;
    let iam = clients(&cloud, cloud.root()).iam;
    let create = || iam.create_access_key().user_name("uploader").send();
    create().await.unwrap();
    assert_eq!(
        error_of(create().await),
        service_error(409, "LimitExceeded")
    );
    assert!(
        iam.create_access_key()
            .user_name("uploader")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_limit_exceeded_exception()
    );
    // An inactive key counts, a deleted one does not.
    let first = cloud.keys("uploader")[0].id.clone();
    cloud.set_key_status(&first, KeyStatus::Inactive);
    assert_eq!(
        error_of(create().await),
        service_error(409, "LimitExceeded")
    );
    iam.delete_access_key()
        .user_name("uploader")
        .access_key_id(first)
        .send()
        .await
        .unwrap();
    create().await.unwrap();
}

#[tokio::test]
async fn keys_are_listed_with_their_status_oldest_first() {
    let (cloud, old) = cloud().await;
    let iam = clients(&cloud, cloud.root()).iam;
    let new = cloud.create_access_key("uploader");
    let update = iam
        .update_access_key()
        .user_name("uploader")
        .access_key_id(old.id());
    update.status(StatusType::Inactive).send().await.unwrap();
    let listed = iam
        .list_access_keys()
        .user_name("uploader")
        .send()
        .await
        .unwrap()
        .access_key_metadata;
    let listed: Vec<_> = listed
        .iter()
        .map(|k| (k.access_key_id().unwrap(), k.status().unwrap().as_str()))
        .collect();
    assert_eq!(listed, [(old.id(), "Inactive"), (new.id(), "Active")]);
}

#[tokio::test]
async fn calls_without_a_user_name_concern_the_caller() {
    let (cloud, key) = cloud().await;
    let iam = clients(&cloud, key.credentials()).iam;
    let listed = iam.list_access_keys().send().await.unwrap();
    assert_eq!(
        listed.access_key_metadata()[0].access_key_id(),
        Some(key.id())
    );
    assert_eq!(
        iam.get_user()
            .send()
            .await
            .unwrap()
            .user()
            .unwrap()
            .user_name(),
        "uploader"
    );
}

#[tokio::test]
async fn the_last_use_of_a_key_is_recorded() {
    let (cloud, key) = cloud().await;
    let iam = clients(&cloud, cloud.root()).iam;
    let last_used = async || {
        let answer = iam
            .get_access_key_last_used()
            .access_key_id(key.id())
            .send()
            .await
            .unwrap();
        let used = answer.access_key_last_used().unwrap();
        (
            used.service_name().to_owned(),
            used.last_used_date().is_some(),
        )
    };
    assert_eq!(last_used().await, ("N/A".to_owned(), false));
    clients(&cloud, key.credentials())
        .s3
        .list_buckets()
        .send()
        .await
        .unwrap();
    assert_eq!(last_used().await, ("s3".to_owned(), true));
    clients(&cloud, key.credentials())
        .sts
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(last_used().await, ("sts".to_owned(), true));
}

#[tokio::test]
async fn missing_users_and_keys_are_no_such_entity() {
    let (cloud, key) = cloud().await;
    cloud.create_user("second");
    let iam = clients(&cloud, cloud.root()).iam;
    let no_such = service_error(404, "NoSuchEntity");
    assert_eq!(
        error_of(iam.get_user().user_name("nobody").send().await),
        no_such
    );
    assert_eq!(
        error_of(iam.create_access_key().user_name("nobody").send().await),
        no_such
    );
    assert_eq!(
        error_of(iam.list_access_keys().user_name("nobody").send().await),
        no_such
    );
    assert_eq!(
        error_of(
            iam.get_access_key_last_used()
                .access_key_id("AKIANOBODYSKEYATALL0")
                .send()
                .await
        ),
        no_such
    );
    // Another user's key is not this user's.
    let delete = iam
        .delete_access_key()
        .user_name("second")
        .access_key_id(key.id())
        .send()
        .await;
    assert_eq!(error_of(delete), no_such);
    assert_eq!(cloud.keys("uploader").len(), 1);
    assert_eq!(
        error_of(iam.create_user().user_name("second").send().await),
        service_error(409, "EntityAlreadyExists")
    );
}

#[tokio::test]
async fn an_unknown_or_inactive_key_is_an_invalid_client_token_id() {
    let (cloud, key) = cloud().await;
    let sdk = clients(&cloud, key.credentials());
    sdk.sts.get_caller_identity().send().await.unwrap();
    cloud.set_key_status(key.id(), KeyStatus::Inactive);
    assert_eq!(
        error_of(sdk.sts.get_caller_identity().send().await),
        service_error(403, "InvalidClientTokenId")
    );
    cloud.delete_key(key.id());
    assert_eq!(
        error_of(sdk.sts.get_caller_identity().send().await),
        service_error(403, "InvalidClientTokenId")
    );
    assert_eq!(
        error_of(sdk.iam.get_user().send().await),
        service_error(403, "InvalidClientTokenId")
    );
}

#[tokio::test]
async fn a_wrong_secret_is_a_signature_that_does_not_match() {
    let (cloud, key) = cloud().await;
    let sdk = clients(&cloud, forged(&key));
    assert_eq!(
        error_of(sdk.sts.get_caller_identity().send().await),
        service_error(403, "SignatureDoesNotMatch")
    );
    assert_eq!(
        error_of(sdk.iam.get_user().send().await),
        service_error(403, "SignatureDoesNotMatch")
    );
}

#[tokio::test]
async fn a_denied_action_is_an_access_denied() {
    let (cloud, key) = cloud().await;
    let sdk = clients(&cloud, key.credentials());
    cloud.deny("uploader", "iam:*");
    cloud.deny("uploader", "sts:GetCallerIdentity");
    assert_eq!(
        error_of(sdk.iam.get_user().send().await),
        service_error(403, "AccessDenied")
    );
    assert_eq!(
        error_of(sdk.sts.get_caller_identity().send().await),
        service_error(403, "AccessDenied")
    );
    cloud.allow("uploader", "sts:GetCallerIdentity");
    sdk.sts.get_caller_identity().send().await.unwrap();
}
