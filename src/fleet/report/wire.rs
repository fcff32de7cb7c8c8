//! Reports as records: key and JSON value. Input is untrusted: limited in size, and never quoted.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::instance::{Incarnation, InstanceId};
use super::usage_report::{DrainingVersion, LiveVersion, Report, VersionAge};
use crate::error::{Error, ErrorKind};
use crate::secret::{SecretId, VersionId};

/// Raised when an older reader would misunderstand a report, not when a field is added.
const VERSION: u32 = 1;
/// Full lists of the longest names fit in.
const MAX_BYTES: usize = 64 * 1024;
/// The longest ARN.
const MAX_SECRET_ID: usize = 2048;
const MAX_VERSION_ID: usize = 1024;
/// A hundred years: no plausible time is longer, and none of these overflows milliseconds.
const MAX_SECONDS: f64 = 100.0 * 365.0 * 86_400.0;

impl Report {
    /// Returns the record's key. A report replaces the earlier ones with the same key.
    ///
    /// The incarnation is part of it. Otherwise a restarted instance would overwrite its predecessor's last report, and
    /// the presigned URLs in that would be forgotten; and two processes with one name (by mistake, or for a moment) would
    /// overwrite each other.
    pub fn key(&self) -> String {
        RecordKey::format(&self.instance, self.incarnation, &self.secret_id)
    }

    /// Returns the record's value: JSON, version 1.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if a list or a name is longer than a reader accepts.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let wire = Wire::from(self);
        wire.check().map_err(|reason| {
            Error::new(ErrorKind::Config, format!("invalid usage report: {reason}"))
        })?;
        serde_json::to_vec(&wire).map_err(|_| {
            Error::new(
                ErrorKind::Config,
                "a usage report cannot be written as JSON",
            )
        })
    }

    /// Reads a record, which anybody may have written. Unknown fields are skipped.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`]. The error quotes nothing of the record.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Error> {
        if value.len() > MAX_BYTES {
            return Err(malformed("it is too long"));
        }
        // serde_json's error quotes its input, so it is dropped.
        let wire: Wire<'_> = serde_json::from_slice(value).map_err(|_| {
            malformed("malformed JSON, or a field is missing or has the wrong type")
        })?;
        wire.check().map_err(malformed)?;
        let has_its_key = wire.has_key(key);
        let report = wire.into_report()?;
        if !has_its_key {
            return Err(malformed("the record's key does not match the report"));
        }
        Ok(report)
    }
}

/// What a record's key identifies, for a record without a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordKey {
    pub(crate) instance: InstanceId,
    pub(crate) incarnation: Incarnation,
    pub(crate) secret_id: SecretId,
}

impl RecordKey {
    /// Parses what [`Report::key`] returns.
    pub(crate) fn parse(key: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(key).ok()?.splitn(3, '|');
        Some(Self {
            instance: InstanceId::parse(parts.next()?)?,
            incarnation: Incarnation::parse(parts.next()?)?,
            secret_id: parts.next()?.into(),
        })
    }

    fn format(instance: &InstanceId, incarnation: Incarnation, secret_id: &SecretId) -> String {
        // Neither of the first two can contain the separator.
        format!("{instance}|{incarnation}|{secret_id}")
    }
}

pub(crate) fn malformed(reason: &'static str) -> Error {
    Error::new(
        ErrorKind::Malformed,
        format!("invalid usage report: {reason}"),
    )
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    v: u32,
    kind: Kind,
    #[serde(borrow)]
    instance: Cow<'a, str>,
    #[serde(borrow)]
    incarnation: Cow<'a, str>,
    sequence: u64,
    #[serde(borrow)]
    secret: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    live: Option<WireAge<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    draining: Vec<WireDraining<'a>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    unlisted: u32,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    released: Vec<WireAge<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<WireAge<'a>>,
    ttl: f64,
}

#[derive(Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Alive,
    Final,
}

#[derive(Serialize, Deserialize)]
struct WireAge<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    age: f64,
}

#[derive(Serialize, Deserialize)]
struct WireDraining<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    outstanding: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pinned: Option<f64>,
}

impl<'a> From<&'a Report> for Wire<'a> {
    fn from(report: &'a Report) -> Self {
        let draining = report.draining.iter().map(|draining| WireDraining {
            version: draining.version.as_str().into(),
            outstanding: draining.outstanding,
            pinned: draining.pinned.map(seconds),
        });
        Self {
            v: VERSION,
            kind: if report.is_final() {
                Kind::Final
            } else {
                Kind::Alive
            },
            instance: report.instance.as_str().into(),
            incarnation: report.incarnation.to_string().into(),
            sequence: report.sequence,
            secret: report.secret_id.as_str().into(),
            live: report
                .live
                .as_ref()
                .map(|live| WireAge::new(&live.version, live.age)),
            draining: draining.collect(),
            unlisted: report.unlisted,
            released: report.released.iter().map(WireAge::from).collect(),
            rejected: report.rejected.iter().map(WireAge::from).collect(),
            ttl: seconds(report.ttl),
        }
    }
}

impl Wire<'_> {
    /// Checks what holds in both directions.
    fn check(&self) -> Result<(), &'static str> {
        let is_time = |seconds: f64| (0.0..=MAX_SECONDS).contains(&seconds);
        let is_version = |name: &str| {
            (1..=MAX_VERSION_ID).contains(&name.len()) && !name.contains(char::is_control)
        };
        if self.v != VERSION {
            return Err("its format version is unknown: update the reader");
        }
        if !(1..=MAX_SECRET_ID).contains(&self.secret.len()) {
            return Err("the secret's name is empty or too long");
        }
        if self.live.is_some() != (self.kind == Kind::Alive) {
            return Err("`kind` and `live` contradict each other");
        }
        if self.draining.len() > Report::MAX_DRAINING
            || self.released.len() > Report::MAX_RECENT
            || self.rejected.len() > Report::MAX_RECENT
        {
            return Err("a list is too long");
        }
        let ages = self.live.iter().chain(&self.released).chain(&self.rejected);
        let mut ages = ages.map(|entry| (&entry.version, Some(entry.age)));
        let mut draining = self
            .draining
            .iter()
            .map(|entry| (&entry.version, entry.pinned));
        let is_valid = |(version, time): (&Cow<'_, str>, Option<f64>)| {
            is_version(version) && time.is_none_or(is_time)
        };
        if is_time(self.ttl) && ages.all(is_valid) && draining.all(is_valid) {
            Ok(())
        } else {
            Err("a version's name is not valid, or a time is out of range")
        }
    }

    /// Returns whether `key` is what [`RecordKey::format`] writes. Neither of the first two parts can contain the separator in a
    /// valid report.
    fn has_key(&self, key: &[u8]) -> bool {
        let parts = [&self.instance, &self.incarnation, &self.secret];
        key.splitn(parts.len(), |&byte| byte == b'|')
            .eq(parts.map(|part| part.as_bytes()))
    }

    fn into_report(self) -> Result<Report, Error> {
        let (instance, incarnation) = InstanceId::parse(&self.instance)
            .zip(Incarnation::parse(&self.incarnation))
            .ok_or_else(|| malformed("instance or incarnation is malformed"))?;
        let draining = self.draining.into_iter().map(|draining| DrainingVersion {
            version: VersionId::from(draining.version),
            outstanding: draining.outstanding,
            pinned: draining.pinned.map(duration),
        });
        Ok(Report {
            instance,
            incarnation,
            sequence: self.sequence,
            secret_id: self.secret.into(),
            live: self
                .live
                .map(|live| LiveVersion::new(live.version, duration(live.age))),
            draining: draining.collect(),
            unlisted: self.unlisted,
            released: self.released.into_iter().map(VersionAge::from).collect(),
            rejected: self.rejected.into_iter().map(VersionAge::from).collect(),
            ttl: duration(self.ttl),
        })
    }
}

impl<'a> WireAge<'a> {
    fn new(version: &'a VersionId, age: Duration) -> Self {
        Self {
            version: version.as_str().into(),
            age: seconds(age),
        }
    }
}

impl<'a> From<&'a VersionAge> for WireAge<'a> {
    fn from(entry: &'a VersionAge) -> Self {
        Self::new(&entry.version, entry.age)
    }
}

impl From<WireAge<'_>> for VersionAge {
    fn from(entry: WireAge<'_>) -> Self {
        Self::new(entry.version, duration(entry.age))
    }
}

/// Rounds to milliseconds: more digits would only make reports longer.
#[expect(
    clippy::cast_precision_loss,
    reason = "a hundred years of milliseconds are exact"
)]
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
