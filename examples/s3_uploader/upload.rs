//! The work: many uploads at once, small files whole or as a stream, large ones in parts.

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

use crate::board::{Board, Stored};
use crate::files::{Files, Item, PART, Reader};
use crate::site::Site;
use crate::way::{Way, failure};

/// Each fourth small file is a stream.
const STREAM_EACH: u64 = 4;
/// The frames of a stream.
const CHUNK: usize = 16 << 10;

/// What all uploads share.
#[derive(Debug)]
pub(crate) struct Work<W> {
    pub(crate) way: Arc<W>,
    pub(crate) site: Arc<Site>,
    pub(crate) files: Arc<Files>,
    pub(crate) board: Arc<Board>,
}

impl<W: Way> Work<W> {
    /// Uploads one file after the other, `concurrency` at a time, until the board says that it is over. What was begun
    /// is finished.
    pub(crate) async fn upload(self: &Arc<Self>, concurrency: u16) {
        let next = Arc::new(AtomicU64::new(0));
        let mut lanes = JoinSet::new();
        for lane in 0..concurrency {
            lanes.spawn(Arc::clone(self).lane(lane, Arc::clone(&next)));
        }
        lanes.join_all().await;
    }

    async fn lane(self: Arc<Self>, lane: u16, next: Arc<AtomicU64>) {
        while !self.board.is_over() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let item = self.files.nth(number);
            let key = self.site.object(&format!("{}/{number:06}", item.name));
            if let Err(error) = self.file(lane, number, item, &key).await {
                self.board
                    .failed(format!("reading `{}`: {error}", item.name));
            }
        }
    }

    async fn file(&self, lane: u16, number: u64, item: &Item, key: &str) -> std::io::Result<()> {
        let mut reader = item.open().await?;
        let first = reader.part().await?;
        let s3 = self.way.s3(lane).await;
        if first.len() == PART {
            return self.in_parts(&s3, key, first, reader).await;
        }
        let length = first.len();
        let checksum = Sha256::digest(&first).into();
        let put = s3.put_object().bucket(&self.site.bucket).key(key);
        let put = if number % STREAM_EACH == STREAM_EACH - 1 {
            // Of a stream the SDK can only know the length if it is told.
            put.content_length(length as i64).body(stream(first))
        } else {
            put.body(first.into())
        };
        let answer = async { put.send().await.map_err(failure) };
        if self.board.request(answer).await.is_some() {
            let key = key.to_owned();
            self.board.stored(Stored { key, checksum }, length as u64);
        }
        Ok(())
    }

    async fn in_parts(
        &self,
        s3: &Client,
        key: &str,
        first: Bytes,
        reader: Reader,
    ) -> std::io::Result<()> {
        let create = s3
            .create_multipart_upload()
            .bucket(&self.site.bucket)
            .key(key);
        let create = async { create.send().await.map_err(failure) };
        let Some(upload) = self.board.request(create).await else {
            return Ok(());
        };
        let id = upload.upload_id.unwrap_or_default();
        let sent = self.parts(s3, key, &id, first, reader).await;
        if !matches!(sent, Ok(Some(()))) {
            // What is left of it would be paid for. It has failed already, whatever this says.
            let abort = s3
                .abort_multipart_upload()
                .bucket(&self.site.bucket)
                .key(key);
            let _ = abort.upload_id(id).send().await;
        }
        sent.map(drop)
    }

    async fn parts(
        &self,
        s3: &Client,
        key: &str,
        id: &str,
        first: Bytes,
        mut reader: Reader,
    ) -> std::io::Result<Option<()>> {
        let mut checksum = Sha256::new();
        let mut length = 0;
        let mut done = CompletedMultipartUpload::builder();
        let mut part = first;
        for number in 1.. {
            if part.is_empty() {
                break;
            }
            checksum.update(&part);
            length += part.len() as u64;
            let send = s3
                .upload_part()
                .bucket(&self.site.bucket)
                .key(key)
                .upload_id(id);
            let send = send.part_number(number).body(part.into());
            let send = async { send.send().await.map_err(failure) };
            let Some(sent) = self.board.request(send).await else {
                return Ok(None);
            };
            done = done.parts(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(sent.e_tag)
                    .set_checksum_crc32(sent.checksum_crc32)
                    .build(),
            );
            part = reader.part().await?;
        }
        let complete = s3
            .complete_multipart_upload()
            .bucket(&self.site.bucket)
            .key(key);
        let complete = complete.upload_id(id).multipart_upload(done.build());
        let complete = async { complete.send().await.map_err(failure) };
        if self.board.request(complete).await.is_none() {
            return Ok(None);
        }
        let checksum = checksum.finalize().into();
        let key = key.to_owned();
        self.board.stored(Stored { key, checksum }, length);
        Ok(Some(()))
    }
}

/// A body that can be read once: neither the SDK nor anybody else can send it a second time.
fn stream(mut bytes: Bytes) -> ByteStream {
    let frames = std::iter::from_fn(move || {
        let frame = bytes.split_to(CHUNK.min(bytes.len()));
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
    async fn a_stream_carries_everything_and_cannot_be_replayed() {
        let bytes: Bytes = (0..=255).cycle().take(3 * CHUNK + 1).collect();
        let body = stream(bytes.clone()).into_inner();
        assert!(body.try_clone().is_none());
        assert_eq!(
            ByteStream::new(body)
                .collect()
                .await
                .expect("read")
                .into_bytes(),
            bytes
        );
    }
}
