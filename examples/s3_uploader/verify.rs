//! Reads every object back.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::Client;
use futures::StreamExt;
use futures::stream;
use sha2::{Digest, Sha256};

use crate::board::Stored;
use crate::way::failure;

/// The objects that S3 said it has, and that are not there or not what was sent: each with what was found.
pub(crate) async fn lost(
    s3: &Client,
    bucket: &str,
    stored: &[Stored],
    concurrency: usize,
    done: &AtomicUsize,
) -> Vec<String> {
    stream::iter(stored)
        .map(|object| async move {
            let found = check(s3, bucket, object).await;
            done.fetch_add(1, Ordering::Relaxed);
            found.err().map(|fault| format!("`{}` {fault}", object.key))
        })
        .buffer_unordered(concurrency)
        .filter_map(std::future::ready)
        .collect()
        .await
}

async fn check(s3: &Client, bucket: &str, object: &Stored) -> Result<(), String> {
    let get = s3.get_object().bucket(bucket).key(&object.key).send().await;
    let mut body = get
        .map_err(|error| format!("cannot be read: {}", failure(error)))?
        .body;
    let mut checksum = Sha256::new();
    while let Some(chunk) = body.next().await {
        checksum.update(chunk.map_err(|error| format!("cannot be read: {error}"))?);
    }
    if checksum.finalize()[..] == object.checksum {
        Ok(())
    } else {
        Err("is not what was sent".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::World;
    use aws_sdk_s3::primitives::ByteStream;

    #[tokio::test]
    async fn what_is_gone_or_changed_is_lost_and_named() {
        let world = World::start().await;
        let site = world.site(1).expect("a site");
        let s3 = Client::from_conf(site.s3.clone().build());
        let mut stored = Vec::new();
        for (key, body) in [("kept", "bytes"), ("gone", "bytes"), ("changed", "other")] {
            let put = s3.put_object().bucket(&site.bucket).key(key);
            let body = ByteStream::from_static(body.as_bytes());
            put.body(body).send().await.expect("put");
            stored.push(Stored {
                key: key.to_owned(),
                checksum: Sha256::digest(b"bytes").into(),
            });
        }
        let directory = world.cloud().bucket_directory(&site.bucket);
        std::fs::remove_file(directory.join("gone")).expect("removed");

        let done = AtomicUsize::new(0);
        let mut lost = lost(&s3, &site.bucket, &stored, 2, &done).await;
        lost.sort();
        assert_eq!(done.into_inner(), 3);
        assert!(
            lost.len() == 2 && lost[0].starts_with("`changed`") && lost[1].starts_with("`gone`"),
            "{lost:?}"
        );
    }
}
