//! Reads every stored object back and compares it.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::Client;
use futures::StreamExt;
use futures::stream;
use sha2::{Digest, Sha256};

use crate::sdk_error;
use crate::stats::StoredObject;

/// Returns a description of each object that is missing or differs from what was sent. Counts the compared objects in
/// `done`.
pub(crate) async fn lost(
    s3: &Client,
    bucket: &str,
    stored: &[StoredObject],
    concurrency: usize,
    done: &AtomicUsize,
) -> Vec<String> {
    stream::iter(stored)
        .map(|object| async move {
            let compared = compare(s3, bucket, object).await;
            done.fetch_add(1, Ordering::Relaxed);
            compared
                .err()
                .map(|fault| format!("`{}` {fault}", object.key))
        })
        .buffer_unordered(concurrency)
        .filter_map(std::future::ready)
        .collect()
        .await
}

async fn compare(s3: &Client, bucket: &str, object: &StoredObject) -> Result<(), String> {
    let get = s3.get_object().bucket(bucket).key(&object.key).send().await;
    let mut body = get
        .map_err(|error| format!("cannot be read: {}", sdk_error::describe(error)))?
        .body;
    let mut checksum = Sha256::new();
    while let Some(chunk) = body.next().await {
        checksum.update(chunk.map_err(|error| format!("cannot be read: {error}"))?);
    }
    if checksum.finalize()[..] == object.checksum {
        Ok(())
    } else {
        Err("differs from what was sent".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local_services::LocalServices;
    use aws_sdk_s3::primitives::ByteStream;

    #[tokio::test]
    async fn missing_and_changed_objects_are_named() {
        let services = LocalServices::start().await;
        let environment = services.environment(1).expect("an environment");
        let bucket = &environment.bucket;
        let s3 = Client::from_conf(environment.s3.clone().build());
        let mut stored = Vec::new();
        for (key, body) in [("kept", "bytes"), ("gone", "bytes"), ("changed", "other")] {
            let body = ByteStream::from_static(body.as_bytes());
            let put = s3.put_object().bucket(bucket).key(key).body(body);
            put.send().await.expect("the object is stored");
            stored.push(StoredObject {
                key: key.to_owned(),
                checksum: Sha256::digest(b"bytes").into(),
            });
        }
        let directory = services.cloud().bucket_directory(bucket);
        std::fs::remove_file(directory.join("gone")).expect("the object is removed");

        let done = AtomicUsize::new(0);
        let mut lost = lost(&s3, bucket, &stored, 2, &done).await;
        lost.sort();
        assert_eq!(done.into_inner(), 3);
        assert!(
            lost.len() == 2 && lost[0].starts_with("`changed`") && lost[1].starts_with("`gone`"),
            "{lost:?}"
        );
    }
}
