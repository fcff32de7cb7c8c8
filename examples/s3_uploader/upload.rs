//! The uploads: many at once, small files whole or as a stream, large files in parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::environment::Environment;
use crate::files::{Files, Item, PART, Reader};
use crate::sdk_error;
use crate::stats::{Stats, StoredObject};
use crate::strategy::Strategy;

/// One small file in this many is sent as a stream.
const STREAM_EVERY: u64 = 4;
/// The size of a stream's frames.
const FRAME: usize = 16 << 10;

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Uploads<S> {
    pub(crate) strategy: Arc<S>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) files: Arc<Files>,
    pub(crate) stats: Arc<Stats>,
}

impl<S: Strategy> Uploads<S> {
    /// Uploads one file after the other, with `concurrency` workers, until the stats are over. Uploads that have started
    /// are finished.
    pub(crate) async fn run(self: &Arc<Self>, concurrency: u16) {
        let next = Arc::new(AtomicU64::new(0));
        let mut workers = JoinSet::new();
        for worker in 0..concurrency {
            workers.spawn(Arc::clone(self).work(worker, Arc::clone(&next)));
        }
        workers.join_all().await;
    }

    async fn work(self: Arc<Self>, worker: u16, next: Arc<AtomicU64>) {
        while !self.stats.is_over() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let item = self.files.nth(number);
            let name = format!("{}/{number:06}", item.name);
            let key = self.environment.object(&name);
            if let Err(error) = self.upload(worker, number, item, &key).await {
                let failure = format!("reading `{}`: {error}", item.name);
                self.stats.failed(failure);
            }
        }
    }

    async fn upload(
        &self,
        worker: u16,
        number: u64,
        item: &Item,
        key: &str,
    ) -> std::io::Result<()> {
        let mut reader = item.open().await?;
        let first = reader.part().await?;
        let s3 = self.strategy.s3(worker).await;
        if first.len() == PART {
            return self.upload_in_parts(&s3, key, first, reader).await;
        }
        let length = first.len();
        let checksum = Sha256::digest(&first).into();
        let put = s3.put_object().bucket(&self.environment.bucket).key(key);
        let put = if number % STREAM_EVERY == STREAM_EVERY - 1 {
            // The SDK cannot know the length of a stream.
            put.content_length(length as i64).body(stream(first))
        } else {
            put.body(first.into())
        };
        let answer = async { put.send().await.map_err(sdk_error::describe) };
        if self.stats.request(answer).await.is_some() {
            let key = key.to_owned();
            let object = StoredObject { key, checksum };
            self.stats.stored(object, length as u64);
        }
        Ok(())
    }

    async fn upload_in_parts(
        &self,
        s3: &Client,
        key: &str,
        first: Bytes,
        reader: Reader,
    ) -> std::io::Result<()> {
        let bucket = &self.environment.bucket;
        let create = s3.create_multipart_upload().bucket(bucket).key(key);
        let create = async { create.send().await.map_err(sdk_error::describe) };
        let Some(upload) = self.stats.request(create).await else {
            return Ok(());
        };
        let id = upload.upload_id.unwrap_or_default();
        let sent = self.send_parts(s3, key, &id, first, reader).await;
        if !matches!(sent, Ok(Some(()))) {
            // Parts that are left behind cost money. The upload has failed already, whether this succeeds or not.
            let abort = s3.abort_multipart_upload().bucket(bucket).key(key);
            let _ = abort.upload_id(id).send().await;
        }
        sent.map(drop)
    }

    /// Returns `None` if a request failed.
    async fn send_parts(
        &self,
        s3: &Client,
        key: &str,
        id: &str,
        first: Bytes,
        mut reader: Reader,
    ) -> std::io::Result<Option<()>> {
        let bucket = &self.environment.bucket;
        let mut checksum = Sha256::new();
        let mut length = 0;
        let mut completed = CompletedMultipartUpload::builder();
        let mut part = first;
        for number in 1.. {
            if part.is_empty() {
                break;
            }
            checksum.update(&part);
            length += part.len() as u64;
            let send = s3.upload_part().bucket(bucket).key(key).upload_id(id);
            let send = send.part_number(number).body(part.into());
            let send = async { send.send().await.map_err(sdk_error::describe) };
            let Some(sent) = self.stats.request(send).await else {
                return Ok(None);
            };
            completed = completed.parts(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(sent.e_tag)
                    .set_checksum_crc32(sent.checksum_crc32)
                    .build(),
            );
            part = reader.part().await?;
        }
        let complete = s3.complete_multipart_upload().bucket(bucket).key(key);
        let complete = complete.upload_id(id).multipart_upload(completed.build());
        let complete = async { complete.send().await.map_err(sdk_error::describe) };
        if self.stats.request(complete).await.is_none() {
            return Ok(None);
        }
        let object = StoredObject {
            key: key.to_owned(),
            checksum: checksum.finalize().into(),
        };
        self.stats.stored(object, length);
        Ok(Some(()))
    }
}

/// Returns a body that can be read only once, so that no request with it can be replayed.
fn stream(mut bytes: Bytes) -> ByteStream {
    let frames = std::iter::from_fn(move || {
        let frame = bytes.split_to(FRAME.min(bytes.len()));
        (!frame.is_empty()).then(|| Ok::<_, std::io::Error>(Frame::data(frame)))
    });
    ByteStream::new(SdkBody::from_body_1_x(StreamBody::new(
        futures::stream::iter(frames),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_carries_all_bytes_and_cannot_be_cloned() {
        let bytes: Bytes = (0..=255).cycle().take(3 * FRAME + 1).collect();
        let body = stream(bytes.clone()).into_inner();
        assert!(body.try_clone().is_none());
        let read = ByteStream::new(body).collect().await.expect("a body");
        assert_eq!(read.into_bytes(), bytes);
    }
}
