//! Requests whose key changes meanwhile: none may fail, none may use the wrong key.

use aws_sdk_s3::primitives::ByteStream;

use crate::support::cloud_fixture::BUCKET;

mod drain;
mod key;
mod replay;
mod sdk_config;

async fn put(s3: &aws_sdk_s3::Client, name: &str) -> Result<(), aws_sdk_s3::Error> {
    s3.put_object()
        .bucket(BUCKET)
        .key(name)
        .body(ByteStream::from_static(b"content"))
        .send()
        .await?;
    Ok(())
}
