//! The uploads: each object is written once and compared at the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::strategies::Uploader;
use crate::common;
use crate::common::cloud::BUCKET;

/// How long one upload may take: far longer than any takes, so that an upload without an answer counts as failed instead of
/// blocking the bench.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// The results of uploads.
pub(crate) struct Uploads {
    pub(crate) done: Vec<(usize, usize)>,
    /// How often each error occurred.
    pub(crate) errors: BTreeMap<String, usize>,
    /// How many failed whose body can be read only once.
    pub(crate) once_failed: usize,
    /// Of all requests, including failed ones.
    pub(crate) latency: Histogram<u64>,
    /// Confirmed by the server, and missing or incomplete at the end.
    pub(crate) lost: usize,
}

/// Uploads in progress.
pub(crate) struct Running(JoinSet<Uploads>);

/// Starts `tasks` tasks, each of which makes one upload after the other.
pub(crate) fn start(uploader: &Arc<dyn Uploader>, tasks: usize, until: Instant) -> Running {
    let mut running = JoinSet::new();
    for task in 0..tasks {
        running.spawn(upload(Arc::clone(uploader), task, until));
    }
    Running(running)
}

async fn upload(uploader: Arc<dyn Uploader>, task: usize, until: Instant) -> Uploads {
    let mut uploads = Uploads::default();
    for number in 0.. {
        let begun = Instant::now();
        if begun >= until {
            break;
        }
        let put = uploader
            .client()
            .put_object()
            .bucket(BUCKET)
            .key(name(task, number))
            .body(body(content(task, number), is_once(number)))
            .send();
        let answer = timeout(TIMEOUT, put).await;
        common::record(&mut uploads.latency, begun.elapsed());
        let error = match answer {
            Ok(Ok(_)) => {
                uploads.done.push((task, number));
                continue;
            }
            Ok(Err(error)) => match error.code() {
                Some(code) => code.to_owned(),
                None => aws_sdk_s3::error::DisplayErrorContext(&error).to_string(),
            },
            Err(_) => format!("no answer within {TIMEOUT:?}"),
        };
        *uploads.errors.entry(error).or_default() += 1;
        uploads.once_failed += usize::from(is_once(number));
    }
    uploads
}

/// Returns whether the body of this object can be read only once.
fn is_once(number: usize) -> bool {
    number % 8 == 7
}

fn body(content: Bytes, once: bool) -> ByteStream {
    if !once {
        return content.into();
    }
    ByteStream::new(SdkBody::from_body_1_x(Full::new(content)))
}

fn name(task: usize, number: usize) -> String {
    format!("{task}-{number}")
}

/// Returns 1 to 8 KiB that differ from every other object.
fn content(task: usize, number: usize) -> Bytes {
    let line = format!("object {number} of task {task}\n");
    let length = 1024 * (1 + (task + number) % 8);
    line.bytes().cycle().take(length).collect()
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            done: Vec::new(),
            errors: BTreeMap::new(),
            once_failed: 0,
            latency: common::nanoseconds(),
            lost: 0,
        }
    }
}

impl Uploads {
    pub(crate) fn add(&mut self, more: Self) {
        self.done.extend(more.done);
        for (error, times) in more.errors {
            *self.errors.entry(error).or_default() += times;
        }
        self.once_failed += more.once_failed;
        self.latency += more.latency;
        self.lost += more.lost;
    }

    pub(crate) fn failed(&self) -> usize {
        self.errors.values().sum()
    }

    pub(crate) fn requests(&self) -> usize {
        self.done.len() + self.failed()
    }

    /// Compares what the server stored with what was sent.
    pub(crate) fn read_back(&mut self, bucket: &Path) {
        let is_stored = |&(task, number): &(usize, usize)| {
            std::fs::read(bucket.join(name(task, number)))
                .is_ok_and(|stored| stored == content(task, number))
        };
        self.lost = self.done.iter().filter(|object| !is_stored(object)).count();
    }
}

impl Running {
    pub(crate) async fn finish(mut self) -> Uploads {
        let mut all = Uploads::default();
        while let Some(one) = self.0.join_next().await {
            all.add(one.expect("the upload does not panic"));
        }
        all
    }
}
