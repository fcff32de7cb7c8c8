//! Whether two names mean the same secret: names, ARNs, and ARNs without their random ending.
//!
//! Secrets Manager ends an ARN's name with `-` and six random characters and accepts ARNs without them. Where a
//! name could be read in two ways the answer is yes: to take an event too many costs a look, one too few a late reload.

/// The six characters and the hyphen before them.
const SUFFIX: usize = 7;

/// The name or ARN of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretId(String);

impl SecretId {
    pub(crate) fn new(name_or_arn: impl Into<String>) -> Self {
        Self(name_or_arn.into())
    }

    /// Whether `other`, a name or an ARN, means this secret. Regions are not compared: a secret's replicas
    /// differ in nothing else, and rotation happens in one region for all of them.
    pub(crate) fn is(&self, other: &str) -> bool {
        match (arn(&self.0), arn(other)) {
            (Some(ours), Some(theirs)) => {
                ours.partition == theirs.partition
                    && ours.account == theirs.account
                    && (same(ours.name, theirs.name) || same(theirs.name, ours.name))
            }
            (Some(ours), None) => same(other, ours.name),
            (None, Some(theirs)) => same(&self.0, theirs.name),
            (None, None) => self.0 == other,
        }
    }
}

/// Whether `full` is `name`, with or without the random ending.
fn same(name: &str, full: &str) -> bool {
    full.strip_prefix(name).is_some_and(|rest| {
        rest.is_empty()
            || (rest.len() == SUFFIX
                && rest.starts_with('-')
                && rest[1..].bytes().all(|byte| byte.is_ascii_alphanumeric()))
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf";
    const PARTIAL: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader";

    #[test]
    fn a_name_a_full_and_a_partial_arn_mean_the_same_secret() {
        for ours in ["prod/uploader", PARTIAL, FULL] {
            for theirs in ["prod/uploader", PARTIAL, FULL] {
                assert!(SecretId::new(ours).is(theirs), "{ours} / {theirs}");
            }
        }
    }

    #[test]
    fn a_replica_in_another_region_is_the_same_secret() {
        assert!(SecretId::new(FULL).is(&FULL.replace("eu-west-1", "us-east-2")));
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
            assert!(!SecretId::new(FULL).is(&other), "{other}");
        }
        assert!(!SecretId::new("prod/uploader").is("prod/uploader-AbCdE"));
        assert!(!SecretId::new("prod/uploader").is(&format!("{PARTIAL}-AbCdE")));
        assert!(!SecretId::new("prod/uploader").is(&format!("{PARTIAL}-AbC/Ef")));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_name_is_itself(a in any::<String>(), b in any::<String>()) {
            SecretId::new(a.as_str()).is(&b);
            SecretId::new(FULL).is(&b);
            prop_assert!(SecretId::new(a.as_str()).is(&a));
        }
    }
}
