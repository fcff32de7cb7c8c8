//! A dead key, in the words of every service: recognised, refreshed and replayed, or at least not mistaken.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_smithy_types::retry::RetrySpec;
use credswap::RefreshableCredentials;

use super::{BUCKETS, scripted_s3};
use crate::support::cloud_fixture::{CloudFixture, eventually};
use crate::support::scripted::{Scripted, signer};

const CBOR: &[u8] =
    b"\xa2f__typex4com.amazon.coral.service#UnrecognizedClientExceptiongmessagex6The \
    security token included in the request is invalid.";

/// What services answer to a key that they do not know.
fn dead() -> Vec<(&'static str, Scripted)> {
    let json = |body: &'static str| Scripted::new(400, body);
    let cbor = |status| {
        Scripted::new(status, CBOR)
            .header("smithy-protocol", "rpc-v2-cbor")
            .header("content-type", "application/cbor")
    };
    vec![
        ("S3", Scripted::s3(403, "InvalidAccessKeyId", "")),
        ("R2", Scripted::s3(401, "Unauthorized", "Unauthorized")),
        (
            "Garage",
            Scripted::s3(403, "AccessDenied", "Forbidden: No such key: GKAAAA"),
        ),
        (
            "versitygw, wrong secret",
            Scripted::s3(403, "AccessDenied", "Forbidden: Invalid signature"),
        ),
        (
            "EC2",
            Scripted::new(
                401,
                "<Response><Errors><Error><Code>AuthFailure</Code><Message>AWS was not able to \
            validate the provided access credentials</Message></Error></Errors></Response>",
            ),
        ),
        (
            "JSON, Code",
            json(r#"{"Code":"UnrecognizedClientException","Message":"m"}"#),
        ),
        (
            "JSON, namespace",
            json(
                r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"m"}"#,
            ),
        ),
        (
            "JSON, once a query service",
            json(r#"{"__type":"com.amazonaws.x#UnrecognizedClientException"}"#)
                .header("x-amzn-query-error", "InvalidClientTokenId;Sender"),
        ),
        (
            "REST, header",
            Scripted::new(403, "{}")
                .header("x-amzn-errortype", "UnrecognizedClientException:http://x/"),
        ),
        (
            "MinIO, HEAD",
            Scripted::new(403, "").header("x-minio-error-code", "InvalidAccessKeyId"),
        ),
        (
            "XML, prefix",
            Scripted::new(
                403,
                "<ns:Error xmlns:ns=\"u\"><ns:Code>InvalidAccessKeyId</ns:Code></ns:Error>",
            ),
        ),
        (
            "XML, comment",
            Scripted::new(
                403,
                "<Error><!-- x --><Code>InvalidAccessKeyId</Code></Error>",
            ),
        ),
        ("CBOR, 400", cbor(400)),
        ("CBOR, 403", cbor(403)),
    ]
}

/// Starts credentials, and a client of a service that answers all but the first key.
async fn start(answer: Scripted) -> (CloudFixture, RefreshableCredentials, Client) {
    let fixture = CloudFixture::new().await;
    let dead = fixture.key.id().to_owned();
    let credentials = fixture.builder().start().await.expect("starts");
    let s3 = scripted_s3(&fixture, &credentials, move |request| {
        match signer(request) == dead {
            true => answer.clone(),
            false => Scripted::new(200, BUCKETS),
        }
    });
    (fixture, credentials, s3)
}

#[tokio::test]
async fn a_dead_key_is_recognised_in_the_words_of_every_service() {
    for (name, answer) in dead() {
        let (fixture, credentials, s3) = start(answer).await;
        fixture.rotate();
        if let Err(error) = s3.list_buckets().send().await {
            panic!("{name}: {error:?}");
        }
        assert_eq!(credentials.generation(), 2, "{name}");
    }
}

#[tokio::test]
async fn denials_and_the_requests_own_faults_leave_a_good_key_alone() {
    let ec2 = "<Response><Errors><Error><Code>AuthFailure</Code><Message>Not authorized for images: [ami-1]</Message>\
        </Error></Errors></Response>";
    for (code, answer) in [
        (Some("AuthFailure"), Scripted::new(403, ec2)),
        (
            Some("AccessDenied"),
            Scripted::s3(
                403,
                "AccessDenied",
                "User: arn:aws:iam::1:user/u is not authorized to perform: s3:X",
            ),
        ),
        (
            Some("SignatureDoesNotMatch"),
            Scripted::s3(
                403,
                "SignatureDoesNotMatch",
                "Credential should be scoped to a valid region",
            ),
        ),
        (
            Some("InvalidObjectState"),
            Scripted::s3(403, "InvalidObjectState", "archived"),
        ),
    ] {
        let (fixture, credentials, s3) = start(answer).await;
        let before = fixture.fetches();
        for _ in 0..20 {
            let denied = s3.list_buckets().send().await.expect_err("denied");
            if let Some(code) = code {
                assert!(format!("{denied:?}").contains(code), "{denied:?}");
            }
        }
        assert_eq!(fixture.fetches(), before, "{code:?}");
        assert!(credentials.status().rejected.is_empty(), "{code:?}");
    }
}

#[tokio::test]
async fn a_run_of_unexplained_denials_leads_to_one_refresh() {
    for answer in [
        Scripted::s3(403, "AccessDenied", "Access Denied"),
        Scripted::new(403, ""),
        Scripted::s3(401, "NotLoggedIn", ""),
    ] {
        let (fixture, credentials, s3) = start(answer).await;
        fixture.rotate();
        for _ in 0..5 {
            // It fails with the service's own error until the refresh has found the new key.
            let _ = s3.list_buckets().send().await;
        }
        eventually("the new key", || credentials.generation() == 2).await;
        s3.list_buckets()
            .send()
            .await
            .expect("signed with the new key");
        assert!(credentials.status().rejected.is_empty());
        assert!(fixture.fetches() <= 3, "{} fetches", fixture.fetches());
    }
}

#[tokio::test]
async fn a_missing_permission_costs_one_refresh_in_a_minute() {
    let (fixture, _credentials, s3) =
        start(Scripted::s3(403, "AccessDenied", "Access Denied")).await;
    let before = fixture.fetches();
    for _ in 0..200 {
        let denied = s3.list_buckets().send().await.expect_err("denied");
        assert_eq!(denied.code(), Some("AccessDenied"));
    }
    assert!(
        fixture.fetches() - before <= 1,
        "{}",
        fixture.fetches() - before
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_asks_for_a_delay_is_replayed_without_one() {
    for spec in [None, Some(RetrySpec::v2_1())] {
        let dead = Scripted::s3(403, "InvalidAccessKeyId", "").header("x-amz-retry-after", "5000");
        let fixture = CloudFixture::new().await;
        let (id, credentials) = (
            fixture.key.id().to_owned(),
            fixture.builder().start().await.expect("starts"),
        );
        let (http, _) =
            crate::support::scripted::service(move |request| match signer(request) == id {
                true => dead.clone(),
                false => Scripted::new(200, BUCKETS),
            });
        let mut retries = RetryConfig::standard();
        if let Some(spec) = spec {
            retries = retries.with_retry_spec(spec);
        }
        let config = fixture.s3_config().http_client(http).retry_config(retries);
        let s3 = Client::from_conf(credswap::configure!(credentials, config).build());
        // The old key signs, the new one is live when the answer comes.
        fixture.rotate();
        let begun = tokio::time::Instant::now();
        s3.list_buckets().send().await.expect("replayed");
        assert!(begun.elapsed().as_secs() < 1, "{:?}", begun.elapsed());
    }
}
