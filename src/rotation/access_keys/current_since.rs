//! Since when the current version is current, as a tag of the secret.
//!
//! Secrets Manager does not record when a label was moved, and a version may be older by days than its label. So
//! `finishSecret` records that, and so does every later call that finds another version current than the one recorded. The
//! time is that of the event or later, never earlier.

use std::time::SystemTime;

use crate::error::Error;
use crate::rotation::context::SecretContext;
use crate::rotation::store::{SecretDescription, Tag};
use crate::rotation::timestamp::{epoch_seconds, format_time, from_epoch_seconds};
use crate::secret::VersionId;

const TAG: &str = "credswap:current";

/// Returns since when this version is current; records it as now if that is not known.
pub(super) async fn current_since(
    context: &SecretContext<'_>,
    current: &VersionId,
) -> Result<SystemTime, Error> {
    let secret = context.secret();
    if let Some(since) = recorded(secret, current) {
        return Ok(since);
    }
    let now = context.now();
    // The time twice: for this code and for people.
    let value = format!("{current} {} {}", epoch_seconds(now), format_time(now));
    let tag = Tag {
        key: TAG,
        value: &value,
    };
    context.store().tag(&secret.arn, tag).await?;
    Ok(now)
}

fn recorded(secret: &SecretDescription, current: &VersionId) -> Option<SystemTime> {
    let mut parts = secret.tags.get(TAG)?.split(' ');
    let version = parts.next()?;
    let seconds = parts.next()?.parse().ok()?;
    (version == current.as_str()).then(|| from_epoch_seconds(seconds))?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_the_record_of_the_current_version_counts() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (value, expected) in [
            ("v2 1700000000 2023-11-14T22:13:20Z", Some(at)),
            ("v2 1700000000", Some(at)),
            ("v1 1700000000 2023-11-14T22:13:20Z", None),
            ("v2", None),
            ("v2 yesterday", None),
            ("", None),
        ] {
            let mut secret = SecretDescription::default();
            secret.tags.insert(TAG.to_owned(), value.to_owned());
            assert_eq!(recorded(&secret, &"v2".into()), expected, "{value}");
        }
    }
}
