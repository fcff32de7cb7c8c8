//! Requests whose key changes meanwhile: none may fail, none may use the wrong key.

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use credswap::RefreshableCredentials;

use crate::support::cloud_fixture::{BUCKET, CloudFixture};
use crate::support::scripted::{Scripted, service};

mod answers;
mod assume_role;
mod drain;
mod express;
mod key;
mod own_reasons;
mod replay;
mod sdk_config;
mod two_sets;

async fn put(s3: &aws_sdk_s3::Client, name: &str) -> Result<(), aws_sdk_s3::Error> {
    s3.put_object()
        .bucket(BUCKET)
        .key(name)
        .body(ByteStream::from_static(b"content"))
        .send()
        .await?;
    Ok(())
}

/// The answer to `ListBuckets`.
const BUCKETS: &str = "<ListAllMyBucketsResult></ListAllMyBucketsResult>";

/// Returns an S3 client with these credentials whose requests are answered by `answer`.
fn scripted_s3(
    fixture: &CloudFixture,
    credentials: &RefreshableCredentials,
    answer: impl Fn(&HttpRequest) -> Scripted + Send + Sync + 'static,
) -> aws_sdk_s3::Client {
    let (http, _) = service(answer);
    let config = fixture.s3_config().http_client(http);
    aws_sdk_s3::Client::from_conf(credswap::configure!(credentials, config).build())
}
