//! The name or ARN of a secret, and whether two of them denote the same secret.
//!
//! Secrets Manager appends `-` and six random characters to the name in an ARN, and accepts ARNs without them. Where a
//! name could be read in two ways the answer is yes: an event too many costs a fetch, one too few delays a refresh.
//! A parameter of Systems Manager has a name or an ARN, too, without such characters.

use std::fmt;
use std::sync::Arc;

/// The six characters and the hyphen before them.
const SUFFIX: usize = 7;

/// The name or ARN of a secret. Not secret.
///
/// ```
/// use credswap::SecretId;
/// let id = SecretId::from("prod/uploader");
/// assert!(id.matches("arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf"));
/// assert!(!id.matches("prod/uploader2"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretId(Arc<str>);

impl SecretId {
    /// Returns the name or ARN as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether `other`, a name or an ARN, denotes this secret. Regions are not compared: a secret's replicas
    /// differ in nothing else, and rotation happens in one region for all of them.
    pub fn matches(&self, other: &str) -> bool {
        match (parameter(&self.0), parameter(other)) {
            (None, None) => {}
            (Some(ours), Some(theirs)) => return ours == theirs,
            (Some((.., arn)), None) => return without_slash(other) == arn,
            (None, Some((.., arn))) => return without_slash(&self.0) == arn,
        }
        match (arn(&self.0), arn(other)) {
            (Some(ours), Some(theirs)) => {
                ours.partition == theirs.partition
                    && ours.account == theirs.account
                    && (same(ours.name, theirs.name) || same(theirs.name, ours.name))
            }
            (Some(ours), None) => same(other, ours.name),
            (None, Some(theirs)) => same(&self.0, theirs.name),
            (None, None) => *self.0 == *other,
        }
    }
}

impl<S: AsRef<str>> From<S> for SecretId {
    fn from(name_or_arn: S) -> Self {
        Self(Arc::from(name_or_arn.as_ref()))
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How an ARN of a secret ends.
#[cfg(any(feature = "secrets-manager", feature = "rotation"))]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ArnEnding<'a> {
    /// Without a random suffix.
    Partial,
    /// With what Secrets Manager takes for one. A name may end like that, too.
    Suffix(&'a str),
}

/// Returns how `id` ends, if it is an ARN.
#[cfg(any(feature = "secrets-manager", feature = "rotation"))]
pub(crate) fn arn_ending(id: &str) -> Option<ArnEnding<'_>> {
    let name = arn(id)?.name;
    let start = name.len().saturating_sub(SUFFIX);
    let suffix = name.get(start..).filter(|suffix| is_suffix(suffix));
    Some(suffix.map_or(ArnEnding::Partial, ArnEnding::Suffix))
}

/// Returns whether `full` is `name`, with or without the random suffix.
fn same(name: &str, full: &str) -> bool {
    full.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || is_suffix(rest))
}

fn is_suffix(text: &str) -> bool {
    text.len() == SUFFIX
        && text.starts_with('-')
        && text[1..].bytes().all(|byte| byte.is_ascii_alphanumeric())
}

struct Arn<'a> {
    partition: &'a str,
    account: &'a str,
    name: &'a str,
}

fn arn(text: &str) -> Option<Arn<'_>> {
    let mut parts = text.splitn(7, ':');
    let mut next = || parts.next();
    match (
        next()?,
        next()?,
        next()?,
        next()?,
        next()?,
        next()?,
        next()?,
    ) {
        ("arn", partition, "secretsmanager", _region, account, "secret", name) => Some(Arn {
            partition,
            account,
            name,
        }),
        _ => None,
    }
}

/// Returns partition, account and name in the ARN of a parameter of Systems Manager: the name without the slash before it.
fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next();
    match (next()?, next()?, next()?, next()?, next()?, next()?) {
        ("arn", partition, "ssm", _region, account, resource) => {
            Some((partition, account, resource.strip_prefix("parameter/")?))
        }
        _ => None,
    }
}

fn without_slash(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf";
    const PARTIAL: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader";

    #[test]
    fn a_name_a_full_and_a_partial_arn_denote_the_same_secret() {
        for ours in ["prod/uploader", PARTIAL, FULL] {
            for theirs in ["prod/uploader", PARTIAL, FULL] {
                assert!(SecretId::from(ours).matches(theirs), "{ours} / {theirs}");
            }
        }
    }

    #[test]
    fn a_replica_in_another_region_is_the_same_secret() {
        assert!(SecretId::from(FULL).matches(&FULL.replace("eu-west-1", "us-east-2")));
    }

    #[test]
    fn another_name_account_partition_service_or_ending_is_another_secret() {
        for other in [
            "prod/uploade".to_owned(),
            "prod/uploader2".to_owned(),
            "uploader".to_owned(),
            String::new(),
            FULL.replace("uploader", "other"),
            FULL.replace("123456789012", "210987654321"),
            FULL.replace("arn:aws:", "arn:aws-cn:"),
            FULL.replace("secretsmanager", "ssm"),
            FULL.replace("AbCdEf", "GhIjKl"),
        ] {
            assert!(!SecretId::from(FULL).matches(&other), "{other}");
        }
        assert!(!SecretId::from("prod/uploader").matches("prod/uploader-AbCdE"));
        assert!(!SecretId::from("prod/uploader").matches(&format!("{PARTIAL}-AbCdE")));
        assert!(!SecretId::from("prod/uploader").matches(&format!("{PARTIAL}-AbC/Ef")));
    }

    #[test]
    fn the_name_and_the_arn_of_a_parameter_denote_the_same_secret() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/uploader";
        let others = [
            FULL.to_owned(),
            "/prod/uploader2".to_owned(),
            "/prod/uploader-AbCdEf".to_owned(),
            format!("{arn}-AbCdEf"),
            arn.replace("parameter/", "document/"),
        ];
        for ours in ["/prod/uploader", arn] {
            for theirs in ["/prod/uploader", arn] {
                assert!(SecretId::from(ours).matches(theirs), "{ours} / {theirs}");
            }
            for other in &others {
                assert!(!SecretId::from(ours).matches(other), "{ours} / {other}");
            }
        }
        let elsewhere = arn.replace("123456789012", "210987654321");
        assert!(!SecretId::from(arn).matches(&elsewhere));
        let flat = "arn:aws:ssm:eu-west-1:123456789012:parameter/uploader";
        assert!(SecretId::from("uploader").matches(flat));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_name_is_itself(a in any::<String>(), b in any::<String>()) {
            SecretId::from(a.as_str()).matches(&b);
            SecretId::from(FULL).matches(&b);
            prop_assert!(SecretId::from(a.as_str()).matches(&a));
        }
    }
}
