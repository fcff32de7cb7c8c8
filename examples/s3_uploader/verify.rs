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
        .map(async |object| {
            let found = check(s3, bucket, object).await;
            done.fetch_add(1, Ordering::Relaxed);
            found.err().map(|fault| format!("`{}` {fault}", object.key))
        })
        .buffer_unordered(concurrency)
        .filter_map(async |fault| fault)
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
