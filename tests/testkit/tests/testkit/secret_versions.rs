//! Secrets Manager: versions, staging labels and errors.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::describe_secret::builders::DescribeSecretFluentBuilder;
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use aws_sdk_secretsmanager::operation::put_secret_value::builders::PutSecretValueFluentBuilder;
use aws_sdk_secretsmanager::primitives::Blob;
use credswap_testkit::{Cloud, KeyStatus, SecretContent};

use crate::clients::{clients, cloud, error_of, forged, service_error};

const NAME: &str = "prod/uploader";
const OTHER: &str = "22222222-2222-2222-2222-222222222222";
const UNKNOWN: &str = "33333333-3333-3333-3333-333333333333";
const TOKEN: &str = "11111111-1111-1111-1111-111111111111";

async fn secret() -> (Cloud, Client, String) {
    let (cloud, key) = cloud().await;
    let version = cloud.create_secret(NAME, "one");
    let secrets = clients(&cloud, key.credentials()).secrets;
    (cloud, secrets, version)
}

/// Reads the secret; by default the current version.
fn get(secrets: &Client) -> GetSecretValueFluentBuilder {
    secrets.get_secret_value().secret_id(NAME)
}

fn put(secrets: &Client) -> PutSecretValueFluentBuilder {
    secrets.put_secret_value().secret_id(NAME)
}

fn describe(secrets: &Client) -> DescribeSecretFluentBuilder {
    secrets.describe_secret().secret_id(NAME)
}

async fn text(secrets: &Client, stage: &str) -> String {
    let value = get(secrets).version_stage(stage).send().await.unwrap();
    value.secret_string.unwrap()
}

#[tokio::test]
async fn a_secret_is_found_by_name_and_by_arn() {
    let (cloud, secrets, version) = secret().await;
    let arn = cloud.secret_arn(NAME);
    for id in [NAME, &arn, &arn[..arn.len() - 7]] {
        let value = secrets
            .get_secret_value()
            .secret_id(id)
            .send()
            .await
            .unwrap();
        assert_eq!(value.secret_string(), Some("one"));
        assert_eq!(value.version_id(), Some(version.as_str()));
        assert_eq!(value.version_stages(), ["AWSCURRENT"]);
        assert_eq!(value.arn(), Some(arn.as_str()));
        assert!(value.created_date().is_some());
    }
}

#[tokio::test]
async fn a_binary_secret_stays_binary() {
    let (cloud, secrets, _) = secret().await;
    cloud.put_secret(NAME, vec![0, 159, 255]);
    let value = get(&secrets).send().await.unwrap();
    assert_eq!(
        (value.secret_string(), value.secret_binary()),
        (None, Some(&Blob::new([0, 159, 255])))
    );
    put(&secrets)
        .secret_binary(Blob::new([1, 2]))
        .send()
        .await
        .unwrap();
    assert_eq!(
        cloud.current_secret(NAME),
        SecretContent::Binary(vec![1, 2])
    );
}

#[tokio::test]
async fn the_four_steps_leave_new_current_and_old_previous() {
    let (cloud, secrets, first) = secret().await;
    let put = put(&secrets)
        .client_request_token(TOKEN)
        .secret_string("two")
        .version_stages("AWSPENDING")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (put.version_id(), put.version_stages()),
        (Some(TOKEN), &["AWSPENDING".to_owned()][..])
    );
    assert_eq!(text(&secrets, "AWSCURRENT").await, "one");
    assert_eq!(text(&secrets, "AWSPENDING").await, "two");

    let finish = secrets.update_secret_version_stage().secret_id(NAME);
    finish
        .version_stage("AWSCURRENT")
        .move_to_version_id(TOKEN)
        .remove_from_version_id(&first)
        .send()
        .await
        .unwrap();
    assert_eq!(text(&secrets, "AWSCURRENT").await, "two");
    assert_eq!(text(&secrets, "AWSPREVIOUS").await, "one");

    let described = describe(&secrets).send().await.unwrap();
    let stages = described.version_ids_to_stages().unwrap();
    assert_eq!(stages[&first], ["AWSPREVIOUS"]);
    assert_eq!(stages[TOKEN], ["AWSCURRENT", "AWSPENDING"]);
    assert_eq!(cloud.staged(NAME, "AWSPENDING").as_deref(), Some(TOKEN));
}

#[tokio::test]
async fn a_version_without_labels_is_deprecated_and_still_readable_by_id() {
    let (cloud, secrets, first) = secret().await;
    cloud.put_secret(NAME, "two");
    cloud.put_secret(NAME, "three");
    assert_eq!(cloud.stages(NAME)[&first], Vec::<String>::new());
    let described = describe(&secrets).send().await.unwrap();
    assert_eq!(described.version_ids_to_stages().unwrap().len(), 2);
    let value = get(&secrets).version_id(&first).send().await.unwrap();
    assert_eq!(value.secret_string(), Some("one"));
    let list = |deprecated| {
        secrets
            .list_secret_version_ids()
            .secret_id(NAME)
            .include_deprecated(deprecated)
            .send()
    };
    assert_eq!(list(false).await.unwrap().versions().len(), 2);
    assert_eq!(list(true).await.unwrap().versions().len(), 3);
}

#[tokio::test]
async fn a_move_must_name_the_version_that_loses_the_label() {
    let (cloud, secrets, first) = secret().await;
    cloud.put_secret_version(NAME, TOKEN, "two", &["AWSPENDING"]);
    let update = || {
        secrets
            .update_secret_version_stage()
            .secret_id(NAME)
            .version_stage("AWSCURRENT")
    };
    let invalid = service_error(400, "InvalidParameterException");
    assert_eq!(
        error_of(update().move_to_version_id(TOKEN).send().await),
        invalid
    );
    let wrong = update()
        .move_to_version_id(TOKEN)
        .remove_from_version_id(TOKEN);
    cloud.put_secret_version(NAME, OTHER, "three", &[]);
    let elsewhere = update()
        .move_to_version_id(TOKEN)
        .remove_from_version_id(OTHER);
    assert_eq!(error_of(wrong.send().await), invalid);
    assert_eq!(error_of(elsewhere.send().await), invalid);
    assert_eq!(
        error_of(update().remove_from_version_id(&first).send().await),
        invalid
    );
    let unknown = update()
        .move_to_version_id(UNKNOWN)
        .remove_from_version_id(&first);
    assert_eq!(
        error_of(unknown.send().await),
        service_error(400, "ResourceNotFoundException")
    );
    // A retry of finishSecret: the label is on that version already.
    update().move_to_version_id(&first).send().await.unwrap();
    assert_eq!(cloud.staged(NAME, "AWSCURRENT"), Some(first));
    assert_eq!(cloud.staged(NAME, "AWSPREVIOUS"), None);
}

#[tokio::test]
async fn a_label_can_be_removed() {
    let (cloud, secrets, _) = secret().await;
    cloud.put_secret_version(NAME, TOKEN, "two", &["AWSPENDING"]);
    let update = secrets
        .update_secret_version_stage()
        .secret_id(NAME)
        .version_stage("AWSPENDING");
    update.remove_from_version_id(TOKEN).send().await.unwrap();
    assert_eq!(cloud.staged(NAME, "AWSPENDING"), None);
}

#[tokio::test]
async fn a_repeated_token_is_a_retry() {
    let (cloud, secrets, _) = secret().await;
    let retry = |value: &str| {
        put(&secrets)
            .client_request_token(TOKEN)
            .secret_string(value)
            .send()
    };
    retry("two").await.unwrap();
    cloud.put_secret(NAME, "three");
    // A late retry adds no version and moves no label back.
    retry("two").await.unwrap();
    assert_eq!(text(&secrets, "AWSCURRENT").await, "three");
    assert_eq!(cloud.stages(NAME).len(), 3);
    assert_eq!(
        error_of(retry("other").await),
        service_error(400, "ResourceExistsException")
    );
    let short = put(&secrets)
        .client_request_token("short")
        .secret_string("x")
        .send();
    assert_eq!(
        error_of(short.await),
        service_error(400, "InvalidParameterException")
    );
}

#[tokio::test]
async fn a_secret_is_created_once() {
    let (_cloud, secrets, _) = secret().await;
    let create = |name: &str, value: &str| {
        secrets
            .create_secret()
            .name(name)
            .client_request_token(TOKEN)
            .secret_string(value)
            .send()
    };
    assert_eq!(
        error_of(create(NAME, "one").await),
        service_error(400, "ResourceExistsException")
    );
    let created = create("new", "value").await.unwrap();
    assert_eq!(created.version_id(), Some(TOKEN));
    assert_eq!(create("new", "value").await.unwrap().arn(), created.arn());
    assert_eq!(
        error_of(create("new", "other").await),
        service_error(400, "ResourceExistsException")
    );
}

#[tokio::test]
async fn missing_secrets_and_versions_are_resource_not_found() {
    let (_cloud, secrets, first) = secret().await;
    let not_found = service_error(400, "ResourceNotFoundException");
    let missing = secrets
        .get_secret_value()
        .secret_id("prod/other")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(missing.is_resource_not_found_exception());
    assert_eq!(
        missing.message(),
        Some("Secrets Manager can't find the specified secret.")
    );
    assert_eq!(
        error_of(get(&secrets).version_stage("AWSPENDING").send().await),
        not_found
    );
    assert_eq!(
        error_of(get(&secrets).version_id(TOKEN).send().await),
        not_found
    );
    let mismatch = get(&secrets)
        .version_id(first)
        .version_stage("AWSPREVIOUS")
        .send()
        .await;
    assert_eq!(
        error_of(mismatch),
        service_error(400, "InvalidRequestException")
    );
}

#[tokio::test]
async fn a_secret_scheduled_for_deletion_is_unusable_until_restored() {
    let (cloud, secrets, _) = secret().await;
    secrets
        .delete_secret()
        .secret_id(NAME)
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    let error = get(&secrets).send().await.unwrap_err().into_service_error();
    assert!(error.is_invalid_request_exception());
    assert!(error.message().unwrap().contains("marked for deletion"));
    let put = put(&secrets).secret_string("two").send().await;
    assert_eq!(error_of(put), service_error(400, "InvalidRequestException"));
    let create = secrets
        .create_secret()
        .name(NAME)
        .secret_string("two")
        .send()
        .await;
    assert_eq!(
        error_of(create),
        service_error(400, "InvalidRequestException")
    );
    let described = describe(&secrets).send().await.unwrap();
    assert!(described.deleted_date().is_some());

    secrets
        .restore_secret()
        .secret_id(NAME)
        .send()
        .await
        .unwrap();
    assert_eq!(text(&secrets, "AWSCURRENT").await, "one");
    cloud.delete_secret(NAME);
    cloud.restore_secret(NAME);
    assert_eq!(text(&secrets, "AWSCURRENT").await, "one");
    secrets
        .delete_secret()
        .secret_id(NAME)
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    let gone = describe(&secrets).send().await;
    assert_eq!(
        error_of(gone),
        service_error(400, "ResourceNotFoundException")
    );
}

#[tokio::test]
async fn an_unknown_key_is_an_unrecognized_client() {
    let (cloud, key) = cloud().await;
    cloud.create_secret(NAME, "one");
    let secrets = clients(&cloud, key.credentials()).secrets;
    cloud.set_key_status(key.id(), KeyStatus::Inactive);
    assert_eq!(
        error_of(get(&secrets).send().await),
        service_error(400, "UnrecognizedClientException")
    );
    cloud.delete_key(key.id());
    assert_eq!(
        error_of(get(&secrets).send().await),
        service_error(400, "UnrecognizedClientException")
    );
}

#[tokio::test]
async fn a_wrong_secret_key_is_an_invalid_signature() {
    let (cloud, key) = cloud().await;
    cloud.create_secret(NAME, "one");
    let secrets = clients(&cloud, forged(&key)).secrets;
    let signed_wrong = get(&secrets).send().await;
    assert_eq!(
        error_of(signed_wrong),
        service_error(400, "InvalidSignatureException")
    );
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let (cloud, secrets, _) = secret().await;
    let denied = async || {
        let error = get(&secrets).send().await.unwrap_err();
        let error = error.into_service_error();
        (
            error.code().unwrap().to_owned(),
            error.message().unwrap().to_owned(),
        )
    };
    cloud.deny("uploader", "kms:Decrypt");
    let (code, message) = denied().await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("AccessDeniedException", "Access to KMS is not allowed")
    );
    cloud.deny("uploader", "secretsmanager:GetSecretValue");
    let (code, message) = denied().await;
    assert_eq!(code, "AccessDeniedException");
    assert!(
        message
            .contains("user/uploader is not authorized to perform: secretsmanager:GetSecretValue")
    );
    cloud.allow("uploader", "kms:Decrypt");
    cloud.allow("uploader", "secretsmanager:GetSecretValue");
    assert_eq!(text(&secrets, "AWSCURRENT").await, "one");
}
