//! S3 Express directory buckets: requests are signed with a session that the SDK makes from the live key.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use credswap::{ErrorKind, RefreshableCredentials};

use crate::support::cloud_fixture::{CloudFixture, error_kind};
use crate::support::scripted::{Scripted, service, signer};

const BUCKET: &str = "uploads--use1-az4--x-s3";

/// Returns a client of directory buckets to which the keys in `dead` are unknown, and the ids that signed its requests. A
/// session's id is that of its key with `-session`.
fn express(
    credentials: &RefreshableCredentials,
    dead: &Arc<Mutex<Vec<String>>>,
) -> (Client, Arc<Mutex<Vec<String>>>) {
    let dead = Arc::clone(dead);
    let (http, signers) = service(move |request| {
        let key = signer(request);
        if !request.uri().contains("?session") {
            return Scripted::new(200, "");
        }
        match dead
            .lock()
            .expect("not poisoned")
            .iter()
            .any(|id| id == key)
        {
            true => Scripted::s3(403, "InvalidAccessKeyId", "no such key"),
            false => Scripted::new(200, session(key)),
        }
    });
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new("us-east-1"))
        .http_client(http);
    let config = credswap::configure!(credentials, config).build();
    (Client::from_conf(config), signers)
}

fn session(key: &str) -> String {
    let expires = DateTime::from_secs(4_000_000_000);
    let expires = expires.fmt(Format::DateTime).expect("a time");
    format!(
        "<CreateSessionResult><Credentials><SessionToken>token</SessionToken>\
         <SecretAccessKey>secret</SecretAccessKey><AccessKeyId>{key}-session</AccessKeyId>\
         <Expiration>{expires}</Expiration></Credentials></CreateSessionResult>"
    )
}

async fn put(s3: &Client) -> Result<(), SdkError<PutObjectError>> {
    let put = s3.put_object().bucket(BUCKET).key("name");
    let body = ByteStream::from_static(b"content");
    put.body(body).send().await.map(drop)
}

#[tokio::test]
async fn a_rejected_session_call_is_made_again_with_a_newer_key() {
    let fixture = CloudFixture::new().await;
    let credentials = fixture.builder().start().await.expect("starts");
    let dead = Arc::<Mutex<Vec<String>>>::default();
    let (s3, signers) = express(&credentials, &dead);
    dead.lock()
        .expect("not poisoned")
        .push(fixture.key.id().to_owned());
    let new = fixture.rotate();
    put(&s3).await.expect("replayed");
    let session = format!("{}-session", new.id());
    let signers = signers.lock().expect("not poisoned").clone();
    assert_eq!(signers, [fixture.key.id(), new.id(), &session]);
    assert_eq!(credentials.generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_no_newer_key_comes_the_error_has_the_services_answer() {
    let fixture = CloudFixture::new().await;
    let timeouts = CloudFixture::timeouts().propagation(Duration::ZERO);
    let builder = fixture.builder().timeouts(timeouts);
    let credentials = builder.start().await.expect("starts");
    let dead = Arc::new(Mutex::new(vec![fixture.key.id().to_owned()]));
    let (s3, _) = express(&credentials, &dead);
    let error = put(&s3).await.expect_err("dead");
    assert_eq!(error_kind(&error), Some(ErrorKind::NoNewerKey));
    let text = aws_smithy_types::error::display::DisplayErrorContext(&error).to_string();
    assert!(
        text.contains("403 InvalidAccessKeyId: no such key"),
        "{text}"
    );
    assert_eq!(credentials.status().rejected.len(), 1);
}

#[tokio::test]
async fn a_cached_session_keeps_no_key_in_use() {
    let fixture = CloudFixture::new().await;
    let credentials = fixture.builder().start().await.expect("starts");
    let (s3, signers) = express(&credentials, &Arc::default());
    put(&s3).await.expect("with a session");
    let old = credentials.status().version;
    let new = fixture.rotate();
    credentials.refresh().await.expect("swaps");
    credentials.drained(&old).await.expect("replaced");
    put(&s3).await.expect("with a session of the new key");
    let last = signers.lock().expect("not poisoned").last().cloned();
    assert_eq!(last, Some(format!("{}-session", new.id())));
}
