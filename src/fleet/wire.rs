//! Reports as records: key and JSON value. Input is foreign: bounded, and never quoted.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::instance::{Incarnation, InstanceId};
use super::report::{DrainingVersion, LiveVersion, MAX_DRAINING, MAX_LISTED, Report, VersionAge};
use crate::error::{Error, ErrorKind};
use crate::secret::VersionId;

/// Raised when a reader of before would be wrong about a report, not when a field is added.
const VERSION: u32 = 1;
/// All lists full of longest names fit in.
const LARGEST: usize = 64 * 1024;
/// As ARNs may be.
const LONGEST_SECRET: usize = 2048;
const LONGEST_VERSION: usize = 1024;
/// Any longer time is nonsense, and none of these overflows milliseconds: a hundred years.
const LONGEST_TIME: f64 = 100.0 * 365.0 * 86_400.0;

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
    live: Option<WireLive<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    held: Vec<WireHeld<'a>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    others: u32,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    released: Vec<WirePast<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<WirePast<'a>>,
    ttl: f64,
}

#[derive(Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Alive,
    Goodbye,
}

#[derive(Serialize, Deserialize)]
struct WireLive<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    age: f64,
}

#[derive(Serialize, Deserialize)]
struct WireHeld<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    horizon: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct WirePast<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    age: f64,
}

pub(super) fn key(instance: &InstanceId, incarnation: Incarnation, secret: &str) -> String {
    // Neither of the first two can contain the mark.
    format!("{instance}|{incarnation}|{secret}")
}

/// What a key stands for, as a record without a value needs it.
pub(super) fn parse_key(key: &[u8]) -> Option<(InstanceId, Incarnation, &str)> {
    let mut parts = std::str::from_utf8(key).ok()?.splitn(3, '|');
    let instance = InstanceId::parse(parts.next()?)?;
    let incarnation = Incarnation::parse(parts.next()?)?;
    Some((instance, incarnation, parts.next()?))
}

pub(super) fn encode(report: &Report) -> Result<Vec<u8>, Error> {
    let wire = Wire {
        v: VERSION,
        kind: if report.is_goodbye() {
            Kind::Goodbye
        } else {
            Kind::Alive
        },
        instance: report.instance.as_str().into(),
        incarnation: report.incarnation.to_string().into(),
        sequence: report.sequence,
        secret: report.secret.as_str().into(),
        live: report.live.as_ref().map(|live| WireLive {
            version: live.version.as_str().into(),
            age: seconds(live.age),
        }),
        held: report
            .held
            .iter()
            .map(|held| WireHeld {
                version: held.version.as_str().into(),
                count: held.count,
                horizon: held.horizon.map(seconds),
            })
            .collect(),
        others: report.others,
        released: report.released.iter().map(past).collect(),
        refused: report.refused.iter().map(past).collect(),
        ttl: seconds(report.ttl),
    };
    if let Err(why) = check(&wire) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("this can not be reported: {why}"),
        ));
    }
    serde_json::to_vec(&wire)
        .map_err(|_| Error::new(ErrorKind::Config, "this can not be written as JSON"))
}

pub(super) fn malformed(why: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, format!("not a report: {why}"))
}

pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<Report, Error> {
    if value.len() > LARGEST {
        return Err(malformed("it is too long"));
    }
    // serde_json's error quotes what it read, so it ends here.
    let wire: Wire<'_> = serde_json::from_slice(value)
        .map_err(|_| malformed("it is no JSON, or a field is missing or of another type"))?;
    check(&wire).map_err(malformed)?;
    let (instance, incarnation) = InstanceId::parse(&wire.instance)
        .zip(Incarnation::parse(&wire.incarnation))
        .ok_or_else(|| malformed("it does not say who"))?;
    if self::key(&instance, incarnation, &wire.secret).as_bytes() != key {
        return Err(malformed("its key is another's"));
    }
    Ok(Report {
        instance,
        incarnation,
        sequence: wire.sequence,
        secret: wire.secret.into_owned(),
        live: wire.live.map(|live| LiveVersion {
            version: VersionId::from(live.version),
            age: duration(live.age),
        }),
        held: wire
            .held
            .into_iter()
            .map(|held| DrainingVersion {
                version: VersionId::from(held.version),
                count: held.count,
                horizon: held.horizon.map(duration),
            })
            .collect(),
        others: wire.others,
        released: wire.released.into_iter().map(unpast).collect(),
        refused: wire.refused.into_iter().map(unpast).collect(),
        ttl: duration(wire.ttl),
    })
}

/// What holds in both directions.
fn check(wire: &Wire<'_>) -> Result<(), &'static str> {
    let time = |seconds: f64| (0.0..=LONGEST_TIME).contains(&seconds);
    let version = |name: &str| {
        (1..=LONGEST_VERSION).contains(&name.len()) && !name.contains(char::is_control)
    };
    let past = |past: &WirePast<'_>| version(&past.version) && time(past.age);
    if wire.v != VERSION {
        return Err("its version is not known here");
    }
    if !(1..=LONGEST_SECRET).contains(&wire.secret.len()) {
        return Err("its secret's name is empty or too long");
    }
    if wire.live.is_some() != (wire.kind == Kind::Alive) {
        return Err("it is neither a goodbye nor a sign of life");
    }
    if wire.held.len() > MAX_DRAINING
        || wire.released.len() > MAX_LISTED
        || wire.refused.len() > MAX_LISTED
    {
        return Err("a list is too long");
    }
    let fine = time(wire.ttl)
        && wire
            .live
            .iter()
            .all(|live| version(&live.version) && time(live.age))
        && wire
            .held
            .iter()
            .all(|held| version(&held.version) && held.horizon.is_none_or(time))
        && wire.released.iter().chain(&wire.refused).all(past);
    if fine {
        Ok(())
    } else {
        Err("a version's name or a time is out of bounds")
    }
}

fn past(past: &VersionAge) -> WirePast<'_> {
    WirePast {
        version: past.version.as_str().into(),
        age: seconds(past.age),
    }
}

fn unpast(past: WirePast<'_>) -> VersionAge {
    VersionAge {
        version: VersionId::from(past.version),
        age: duration(past.age),
    }
}

/// To the millisecond: more would be bytes for nothing.
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
