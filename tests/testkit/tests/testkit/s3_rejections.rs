//! S3 rejects invalid requests, and the client receives the error.

use credswap_testkit::{KeyStatus, Outcome};

use crate::clients::{clients, cloud, error_of, forged, service_error};
use crate::s3_uploads::{stalled_after, stream};

#[tokio::test]
async fn an_unknown_inactive_or_deleted_key_is_an_invalid_access_key_id() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, key.credentials()).s3;
    let list = || s3.list_objects_v2().bucket("uploads").send();
    list().await.unwrap();
    cloud.set_key_status(key.id(), KeyStatus::Inactive);
    assert_eq!(
        error_of(list().await),
        service_error(403, "InvalidAccessKeyId")
    );
    cloud.set_key_status(key.id(), KeyStatus::Active);
    list().await.unwrap();
    cloud.delete_key(key.id());
    assert_eq!(
        error_of(list().await),
        service_error(403, "InvalidAccessKeyId")
    );
}

#[tokio::test]
async fn a_wrong_secret_is_a_signature_that_does_not_match() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, forged(&key)).s3;
    let list = s3.list_objects_v2().bucket("uploads").send().await;
    assert_eq!(error_of(list), service_error(403, "SignatureDoesNotMatch"));
    assert_eq!(cloud.keys("uploader")[0].last_used, None);
}

#[tokio::test]
async fn a_rejected_streaming_upload_receives_403_and_keeps_its_connection() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, key.credentials()).s3;
    cloud.delete_key(key.id());
    for _ in 0..5 {
        let put = s3
            .put_object()
            .bucket("uploads")
            .key("large")
            .content_length(64 << 18)
            .body(stream(64, 1 << 18));
        assert_eq!(
            error_of(put.send().await),
            service_error(403, "InvalidAccessKeyId")
        );
    }
    assert_eq!(cloud.s3_connections_opened(), 1);
    assert_eq!(
        cloud.calls()[0].outcome,
        Outcome::Rejected(403, "InvalidAccessKeyId".to_owned())
    );
    assert!(!cloud.bucket_directory("uploads").join("large").exists());
}

#[tokio::test]
async fn a_rejected_upload_from_memory_receives_403() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, forged(&key)).s3;
    let put = s3
        .put_object()
        .bucket("uploads")
        .key("large")
        .body(vec![7; 16 << 20].into());
    assert_eq!(
        error_of(put.send().await),
        service_error(403, "SignatureDoesNotMatch")
    );
}

#[tokio::test]
async fn a_denied_action_is_an_access_denied() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, key.credentials()).s3;
    cloud.deny("uploader", "s3:PutObject");
    let put = || {
        s3.put_object()
            .bucket("uploads")
            .key("a")
            .body(vec![7; 1 << 20].into())
            .send()
    };
    assert_eq!(error_of(put().await), service_error(403, "AccessDenied"));
    let multipart = s3
        .create_multipart_upload()
        .bucket("uploads")
        .key("a")
        .send()
        .await;
    assert_eq!(error_of(multipart), service_error(403, "AccessDenied"));
    s3.list_objects_v2().bucket("uploads").send().await.unwrap();
    cloud.allow("uploader", "s3:PutObject");
    put().await.unwrap();
}

#[tokio::test]
async fn a_missing_bucket_is_no_such_bucket() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, key.credentials()).s3;
    let put = s3
        .put_object()
        .bucket("elsewhere")
        .key("a")
        .body(b"hello".to_vec().into())
        .send()
        .await;
    assert_eq!(error_of(put), service_error(404, "NoSuchBucket"));
    assert_eq!(
        error_of(s3.head_bucket().bucket("elsewhere").send().await).0,
        404
    );
}

#[tokio::test]
async fn a_rejected_upload_that_stalls_receives_403() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, key.credentials()).s3;
    cloud.delete_key(key.id());
    let put = s3.put_object().bucket("uploads").key("large");
    let put = put.content_length(8 << 20).body(stalled_after(1 << 18));
    assert_eq!(
        error_of(put.send().await),
        service_error(403, "InvalidAccessKeyId")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_403_is_lost_when_many_uploads_are_rejected_at_once() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, key.credentials()).s3;
    cloud.delete_key(key.id());
    let uploads = (0..64).map(|n| {
        let put = s3.put_object().bucket("uploads").key(format!("{n}"));
        tokio::spawn(put.content_length(8 << 18).body(stream(8, 1 << 18)).send())
    });
    for upload in uploads.collect::<Vec<_>>() {
        assert_eq!(
            error_of(upload.await.unwrap()),
            service_error(403, "InvalidAccessKeyId")
        );
    }
}
