//! Secrets in objects of S3: versions, unchanged objects, and errors that say what to change.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use credswap::source::{FetchRequest, S3Object, Source};
use credswap::{Error, ErrorKind, Secret};
use credswap_testkit::Cloud;

use super::contract::{Authority, keeps};
use crate::support::canned::{reach, s3_config};

const BUCKET: &str = "configuration";
const KEY: &str = "prod/uploader.json";

/// A store that answers as the test says, and remembers the `If-None-Match` of each request.
#[derive(Debug, Clone)]
struct Store(Arc<Mutex<(Object, Vec<Option<String>>)>>);

#[derive(Debug, Clone)]
struct Object {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

fn object(headers: &[(&'static str, &'static str)], body: &'static str) -> Object {
    let headers = headers.to_vec();
    Object {
        status: 200,
        headers,
        body,
    }
}

impl Store {
    fn has(object: Object) -> Self {
        Self(Arc::new(Mutex::new((object, Vec::new()))))
    }

    fn put(&self, object: Object) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = object;
    }

    fn conditions(&self) -> Vec<Option<String>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .clone()
    }

    fn source(&self) -> S3Object {
        let store = self.clone();
        let credentials = Credentials::new("AKIDEXAMPLE", "none", None, None, "test");
        let sdk = reach("http://127.0.0.1:1", credentials)
            .http_client(http_client_fn(move |_, _| {
                SharedHttpConnector::new(store.clone())
            }))
            .build();
        S3Object::new(&sdk, BUCKET, KEY).attempts(1)
    }
}

impl HttpConnector for Store {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let condition = request.headers().get("if-none-match").map(str::to_owned);
        let etag = shared.0.headers.iter().find(|(name, _)| *name == "etag");
        let is_unchanged =
            condition.is_some() && condition.as_deref() == etag.map(|(_, value)| *value);
        shared.1.push(condition);
        let (status, body) = match is_unchanged {
            true => (304, ""),
            false => (shared.0.status, shared.0.body),
        };
        let mut response =
            HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
        for (name, value) in &shared.0.headers {
            response.headers_mut().insert(*name, *value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

async fn fetch(source: &S3Object) -> Result<Secret, Error> {
    source.fetch(&FetchRequest::default()).await
}

#[tokio::test]
async fn the_version_is_that_of_the_object_or_hides_its_etag() {
    let versioned = Store::has(object(
        &[("etag", "\"tag-1\""), ("x-amz-version-id", "V1")],
        "hunter2",
    ));
    let secret = fetch(&versioned.source()).await.expect("an object");
    assert_eq!(
        (secret.version().as_str(), secret.expose()),
        ("V1", &b"hunter2"[..])
    );

    for headers in [
        &[("etag", "\"tag-1\"")][..],
        &[("etag", "\"tag-1\""), ("x-amz-version-id", "null")],
    ] {
        let store = Store::has(object(headers, "hunter2"));
        let source = store.source();
        let first = fetch(&source).await.expect("an object").version().clone();
        assert_eq!(fetch(&source).await.expect("an object").version(), &first);
        assert!(first.as_str().starts_with("object-") && !first.as_str().contains("tag-1"));
        store.put(object(&[("etag", "\"tag-2\"")], "hunter3"));
        assert_ne!(fetch(&source).await.expect("an object").version(), &first);
    }
    let neither = Store::has(object(&[], "hunter2"));
    let error = fetch(&neither.source()).await.expect_err("no version");
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn an_object_that_is_live_is_not_read_again() {
    let store = Store::has(object(
        &[("etag", "\"e1\""), ("x-amz-version-id", "V1")],
        "hunter2",
    ));
    let source = store.source();
    fetch(&source).await.expect("an object");
    let live = FetchRequest::default().live("V1");
    let unchanged = source.fetch(&live).await.expect("unchanged");
    assert_eq!(
        (unchanged.version().as_str(), unchanged.expose()),
        ("V1", &b""[..])
    );

    // A version that was fetched and did not go live is read whole again.
    let other = FetchRequest::default().live("V0");
    let again = source.fetch(&other).await.expect("an object");
    assert_eq!(again.expose(), b"hunter2");
    assert_eq!(store.conditions(), [None, Some("\"e1\"".to_owned()), None]);

    store.put(object(
        &[("etag", "\"e2\""), ("x-amz-version-id", "V2")],
        "hunter3",
    ));
    let second = source.fetch(&live).await.expect("an object");
    assert_eq!(
        (second.version().as_str(), second.expose()),
        ("V2", &b"hunter3"[..])
    );
}

#[tokio::test]
async fn each_fault_says_what_to_change() {
    let large: &'static str = Box::leak("x".repeat((1 << 20) + 1).into_boxed_str());
    for (status, body, kind, part) in [
        (
            404,
            "<Error><Code>NoSuchKey</Code></Error>",
            ErrorKind::NotFound,
            "object `prod/uploader.json` of bucket `configuration` does not exist",
        ),
        (
            404,
            "<Error><Code>NoSuchBucket</Code></Error>",
            ErrorKind::NotFound,
            "bucket `configuration` does not exist",
        ),
        (
            301,
            "<Error><Code>PermanentRedirect</Code></Error>",
            ErrorKind::Config,
            "another region",
        ),
        (
            403,
            "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            ErrorKind::PermissionDenied,
            "`s3:GetObject`",
        ),
        (
            403,
            "<Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: kms:Decrypt on this resource</Message></Error>",
            ErrorKind::PermissionDenied,
            "`kms:Decrypt`",
        ),
        (
            400,
            "<Error><Code>KMS.DisabledException</Code></Error>",
            ErrorKind::PermissionDenied,
            "`kms:Decrypt`",
        ),
        (
            403,
            "<Error><Code>InvalidAccessKeyId</Code></Error>",
            ErrorKind::Unauthenticated,
            "does not accept the key",
        ),
        (
            400,
            "<Error><Code>InvalidRequest</Code></Error>",
            ErrorKind::Config,
            "does not accept the request",
        ),
        (
            503,
            "<Error><Code>SlowDown</Code></Error>",
            ErrorKind::Unavailable,
            "throttled",
        ),
        (
            500,
            "<Error><Code>InternalError</Code></Error>",
            ErrorKind::Unavailable,
            "failed at the service",
        ),
        (200, "", ErrorKind::Malformed, "is empty"),
        (200, " \n", ErrorKind::Malformed, "is empty"),
        (200, large, ErrorKind::Malformed, "larger than"),
    ] {
        let headers = vec![("etag", "\"e1\"")];
        let store = Store::has(Object {
            status,
            headers,
            body,
        });
        let error = fetch(&store.source()).await.expect_err(part);
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(error.to_string().contains(part), "{}", error.report());
    }
}

struct InBucket {
    cloud: Cloud,
}

impl Authority for InBucket {
    fn rotate(&mut self, material: &str) {
        self.cloud.clear_faults();
        let path = self.cloud.bucket_directory(BUCKET).join(KEY);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("created");
        std::fs::write(path, material).expect("written");
    }

    fn remove(&mut self) -> ErrorKind {
        std::fs::remove_file(self.cloud.bucket_directory(BUCKET).join(KEY)).expect("removed");
        ErrorKind::NotFound
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.cloud.break_down("s3:GetObject", usize::MAX);
        Some(ErrorKind::Unavailable)
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let cloud = Cloud::start().await;
    cloud.create_bucket(BUCKET);
    let sdk = s3_config(&cloud, cloud.root());
    let client = Client::from_conf(Builder::from(&sdk).force_path_style(true).build());
    let source = S3Object::from_client(client, BUCKET, KEY).attempts(1);
    keeps(source, InBucket { cloud }, str::to_owned).await;
}
