//! Each fault occurs when it should, as often as it should, and is recorded.

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::SdkError;
use credswap_testkit::{Action, Cloud, Outcome, Service};

use crate::clients::{Clients, clients, cloud, error_of, put_hello, service_error, with_retries};
use crate::s3_uploads::stream;

const NAME: &str = "prod/uploader";

async fn set_up() -> (Cloud, Clients) {
    let (cloud, key) = cloud().await;
    cloud.create_secret(NAME, "one");
    let clients = clients(&cloud, key.credentials());
    (cloud, clients)
}

async fn read(sdk: &Clients) -> String {
    sdk.secrets
        .get_secret_value()
        .secret_id(NAME)
        .send()
        .await
        .unwrap()
        .secret_string
        .unwrap()
}

#[tokio::test]
async fn a_held_key_is_rejected_by_the_chosen_services() {
    let (cloud, _) = cloud().await;
    cloud.hold_new_keys([Service::S3, Service::SecretsManager]);
    let key = cloud.create_access_key("uploader");
    let sdk = clients(&cloud, key.credentials());
    for _ in 0..3 {
        assert_eq!(
            error_of(sdk.s3.list_buckets().send().await),
            service_error(403, "InvalidAccessKeyId")
        );
    }
    let list = sdk.secrets.describe_secret().secret_id(NAME).send().await;
    assert_eq!(
        error_of(list),
        service_error(400, "UnrecognizedClientException")
    );
    sdk.sts.get_caller_identity().send().await.unwrap();
    cloud.release_key(key.id());
    sdk.s3.list_buckets().send().await.unwrap();
}

#[tokio::test]
async fn a_delayed_key_is_accepted_after_a_number_of_checks() {
    let (cloud, old) = cloud().await;
    cloud.delay_new_keys([Service::S3, Service::Sts], 2);
    let key = cloud.create_access_key("uploader");
    let sdk = clients(&cloud, key.credentials());
    for _ in 0..2 {
        assert_eq!(
            error_of(sdk.sts.get_caller_identity().send().await),
            service_error(403, "InvalidClientTokenId")
        );
    }
    sdk.sts.get_caller_identity().send().await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            error_of(sdk.s3.list_buckets().send().await),
            service_error(403, "InvalidAccessKeyId")
        );
    }
    sdk.s3.list_buckets().send().await.unwrap();
    clients(&cloud, old.credentials())
        .s3
        .list_buckets()
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn reads_after_a_move_are_stale_as_often_as_configured() {
    let (cloud, sdk) = set_up().await;
    cloud.stale_reads(NAME, 2);
    assert_eq!(read(&sdk).await, "one");
    cloud.put_secret(NAME, "two");
    assert_eq!(
        [read(&sdk).await, read(&sdk).await, read(&sdk).await],
        ["one", "one", "two"]
    );
    cloud.put_secret(NAME, "three");
    assert_eq!(
        [read(&sdk).await, read(&sdk).await, read(&sdk).await],
        ["two", "two", "three"]
    );
}

#[tokio::test]
async fn throttling_has_each_services_code_and_is_retried() {
    let (cloud, key) = cloud().await;
    cloud.create_secret(NAME, "one");
    let sdk = clients(&cloud, key.credentials());
    cloud.throttle("*", 4);
    assert_eq!(
        error_of(sdk.s3.list_buckets().send().await),
        service_error(503, "SlowDown")
    );
    assert_eq!(
        error_of(sdk.sts.get_caller_identity().send().await),
        service_error(400, "Throttling")
    );
    assert_eq!(
        error_of(sdk.iam.get_user().send().await),
        service_error(400, "Throttling")
    );
    let get = sdk.secrets.get_secret_value().secret_id(NAME).send().await;
    assert_eq!(error_of(get), service_error(400, "ThrottlingException"));
    assert_eq!(read(&sdk).await, "one");

    let quick = RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1));
    let retrying = with_retries(&cloud, key.credentials(), quick);
    cloud.clear_calls();
    cloud.throttle("secretsmanager:GetSecretValue", 1);
    cloud.break_down("secretsmanager:*", 1);
    assert_eq!(read(&retrying).await, "one");
    assert_eq!(cloud.count("secretsmanager:GetSecretValue"), 3);
}

#[tokio::test]
async fn a_break_down_is_a_500_as_often_as_configured() {
    let (cloud, sdk) = set_up().await;
    cloud.break_down("s3:PutObject", 1);
    let put = || put_hello(&sdk.s3, "a").send();
    assert_eq!(error_of(put().await), service_error(500, "InternalError"));
    put().await.unwrap();
    cloud.break_down("sts:*", 1);
    assert_eq!(error_of(sdk.sts.get_caller_identity().send().await).0, 500);
}

#[tokio::test]
async fn a_failed_streaming_upload_is_answered_and_stores_nothing() {
    let (cloud, sdk) = set_up().await;
    cloud.inject("s3:PutObject", Action::Fail(403, "InvalidAccessKeyId"), 1);
    let put = sdk
        .s3
        .put_object()
        .bucket("uploads")
        .key("large")
        .content_length(64 << 18)
        .body(stream(64, 1 << 18));
    assert_eq!(
        error_of(put.send().await),
        service_error(403, "InvalidAccessKeyId")
    );
    assert!(!cloud.bucket_directory("uploads").join("large").exists());
}

#[tokio::test]
async fn a_disconnected_call_is_not_processed() {
    let (cloud, sdk) = set_up().await;
    cloud.inject("iam:CreateAccessKey", Action::Disconnect, 1);
    let create = sdk.iam.create_access_key().send().await;
    assert!(
        matches!(create, Err(SdkError::DispatchFailure(_))),
        "{create:?}"
    );
    assert_eq!(cloud.keys("uploader").len(), 1);
    cloud.inject("s3:PutObject", Action::Disconnect, 1);
    let put = put_hello(&sdk.s3, "a").send().await;
    assert!(matches!(put, Err(SdkError::DispatchFailure(_))));
    assert!(!cloud.bucket_directory("uploads").join("a").exists());
    assert_eq!(cloud.calls()[0].outcome, Outcome::Disconnected);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_processed() {
    let (cloud, sdk) = set_up().await;
    cloud.on_call(
        |call| match (call.action.as_str(), call.resource.as_deref()) {
            ("PutSecretValue", Some(NAME)) | ("PutObject", Some("/uploads/a")) => {
                Action::LoseAnswer
            }
            _ => Action::Pass,
        },
    );
    let put = sdk
        .secrets
        .put_secret_value()
        .secret_id(NAME)
        .secret_string("two")
        .send()
        .await;
    assert!(matches!(put, Err(SdkError::DispatchFailure(_))));
    assert_eq!(read(&sdk).await, "two");
    let put = put_hello(&sdk.s3, "a").send().await;
    assert!(matches!(put, Err(SdkError::DispatchFailure(_))));
    assert_eq!(
        std::fs::read(cloud.bucket_directory("uploads").join("a")).unwrap(),
        b"hello"
    );
    assert_eq!(cloud.calls()[0].outcome, Outcome::AnswerLost);
}

#[tokio::test]
async fn a_hanging_call_waits_until_it_is_released() {
    let (cloud, sdk) = set_up().await;
    cloud.inject("sts:GetCallerIdentity", Action::Hang, 1);
    let call = tokio::spawn(sdk.sts.get_caller_identity().send());
    cloud.called("sts:GetCallerIdentity", 1).await;
    assert_eq!(read(&sdk).await, "one");
    assert!(!call.is_finished());
    cloud.release();
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_hook_may_use_the_cloud_and_sees_every_service() {
    let (cloud, sdk) = set_up().await;
    let hook = cloud.clone();
    cloud.on_call(move |call| {
        if call.name() == "s3:ListBuckets" {
            hook.delete_key(call.access_key_id().unwrap());
        }
        Action::Pass
    });
    sdk.sts.get_caller_identity().send().await.unwrap();
    assert_eq!(
        error_of(sdk.s3.list_buckets().send().await),
        service_error(403, "InvalidAccessKeyId")
    );
    cloud.clear_faults();
}

#[tokio::test]
async fn the_record_shows_only_the_last_characters_of_a_key() {
    let (cloud, key) = cloud().await;
    clients(&cloud, key.credentials())
        .s3
        .list_buckets()
        .send()
        .await
        .unwrap();
    let record = cloud.calls().remove(0);
    assert_eq!(
        (record.call.service, record.call.action.as_str()),
        (Service::S3, "ListBuckets")
    );
    assert_eq!(record.outcome, Outcome::Done);
    let suffix = &key.id()[16..];
    assert_eq!(record.call.key_suffix(), suffix);
    let printed = format!("{record:?} {key:?} {cloud:?}");
    assert!(printed.contains(suffix));
    assert!(!printed.contains(key.id()) && !printed.contains(key.secret()));
}

#[tokio::test]
async fn a_cloud_stops_with_its_last_clone() {
    let (cloud, sdk) = set_up().await;
    let clone = cloud.clone();
    drop(cloud);
    sdk.sts.get_caller_identity().send().await.unwrap();
    let objects = clone.bucket_directory("uploads");
    drop(clone);
    let call = sdk.sts.get_caller_identity().send().await;
    assert!(matches!(call, Err(SdkError::DispatchFailure(_))));
    assert!(!objects.exists());
}

#[tokio::test(start_paused = true)]
async fn a_callers_paused_clock_does_not_stop_the_servers() {
    let (cloud, sdk) = set_up().await;
    cloud.inject("sts:GetCallerIdentity", Action::Hang, 1);
    let call = tokio::spawn(sdk.sts.get_caller_identity().send());
    cloud.called("sts:GetCallerIdentity", 1).await;
    cloud.release();
    call.await.unwrap().unwrap();
}
