//! The policies of a rotation as text, for the examples that rotate: `watch` is `24h`, say.

use std::time::Duration;

use anyhow::{Context, bail};
use credswap::Backoff;
use credswap::rotation::{Policy, ReportingConsumers};

/// Each policy, by the name that the messages of the rotation use.
pub(crate) const NAMES: [&str; 14] = [
    "attempts",
    "attempt_timeout",
    "propagation",
    "test_backoff",
    "action_deadline",
    "signature_lifetime",
    "watch",
    "deadline",
    "clock_skew",
    "assume_released",
    "min_overlap",
    "all_consumers_report",
    "expected_consumers",
    "expected_instances",
];

/// After how long a key counts as released where no consumer reports and nothing else is set.
const WITHOUT_REPORTS: &str = "3d";

/// Returns the default with these policies. `get` returns the text of one, `setting` how its operator sets it. Without
/// reports, old keys have to be removed by an assumption, or there would be room for one rotation only.
pub(crate) fn read(
    get: impl Fn(&str) -> Option<String>,
    setting: impl Fn(&str) -> String,
    has_reports: bool,
) -> anyhow::Result<Policy> {
    let mut policy = Policy::default();
    for name in NAMES {
        let mut text = get(name);
        if name == "assume_released" && text.is_none() && !has_reports {
            tracing::warn!(
                "no topic of usage reports is set: an old key counts as released {WITHOUT_REPORTS} after its rotation, on the \
                 assumption that by then all consumers have fetched the new one; set another time, or `never`, with {}",
                setting(name)
            );
            text = Some(WITHOUT_REPORTS.to_owned());
        }
        if let Some(text) = text {
            set(&mut policy, name, text.trim()).with_context(|| setting(name))?;
        }
    }
    Ok(policy)
}

fn set(policy: &mut Policy, name: &str, text: &str) -> anyhow::Result<()> {
    let time = || duration(text).context("not a duration such as 90s, 15m, 24h or 7d");
    let number = || {
        let number = text.parse::<u32>();
        number.context("not a number")
    };
    match name {
        "attempts" => policy.attempts = number()?,
        "attempt_timeout" => policy.attempt_timeout = time()?,
        "propagation" => policy.propagation = time()?,
        "test_backoff" => {
            let ends = text
                .split_once("..")
                .map(|(i, m)| (duration(i), duration(m)));
            let Some((Some(initial), Some(max))) = ends else {
                bail!("not two durations such as 1s..10s")
            };
            policy.test_backoff = Backoff::new(initial, max);
        }
        "action_deadline" => policy.action_deadline = time()?,
        "signature_lifetime" => policy.signature_lifetime = time()?,
        "watch" => policy.watch = time()?,
        "deadline" => policy.deadline = time()?,
        "clock_skew" => policy.clock_skew = time()?,
        "assume_released" if text == "never" => policy.assume_released = None,
        "assume_released" => policy.assume_released = Some(time()?),
        "min_overlap" => policy.min_overlap = time()?,
        "all_consumers_report" => match text {
            "true" => policy.reporting = ReportingConsumers::All,
            "false" => {}
            _ => bail!("neither `true` nor `false`"),
        },
        "expected_consumers" => {
            policy.reporting = ReportingConsumers::AtLeast(number()? as usize);
        }
        "expected_instances" => {
            let names = text.split(',').map(|name| name.trim().to_owned());
            policy.reporting = ReportingConsumers::Named(names.collect());
        }
        _ => bail!("unknown; there are {}", NAMES.join(", ")),
    }
    Ok(())
}

/// Parses a number with a unit.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let seconds = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// Returns a message of the rotation with each policy as its operator sets it, which `setting` returns.
pub(crate) fn in_words_of_operator(message: &str, setting: impl Fn(&str) -> String) -> String {
    let mut words = message.to_owned();
    for name in NAMES {
        words = words.replace(&format!("`{name}`"), &setting(name));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_can_be_set_and_each_mistake_is_named() {
        let value = |name: &str| match name {
            "attempts" | "expected_consumers" => "3",
            "test_backoff" => "2s..9s",
            "all_consumers_report" => "true",
            "expected_instances" => "a, b",
            _ => "7m",
        };
        for name in NAMES {
            let only = |value: &str| {
                let value = value.to_owned();
                let get = move |asked: &str| (asked == name).then(|| value.clone());
                read(get, str::to_owned, true)
            };
            let policy = only(value(name)).expect(name);
            assert_ne!(policy, Policy::default(), "{name}");
            let wrong = (name != "expected_instances").then(|| only("x").expect_err(name));
            assert!(wrong.is_none_or(|wrong| wrong.to_string().contains(name)));
        }
    }

    #[test]
    fn without_reports_a_key_is_released_by_assumption() {
        let assumed = |text: Option<&str>, has_reports| {
            let get = |name: &str| {
                text.filter(|_| name == "assume_released")
                    .map(str::to_owned)
            };
            let policy = read(get, str::to_owned, has_reports);
            policy.expect("a policy").assume_released
        };
        assert_eq!(assumed(None, true), None);
        assert_eq!(assumed(None, false), duration(WITHOUT_REPORTS));
        assert_eq!(assumed(Some("never"), false), None);
        assert_eq!(assumed(Some("9d"), false), duration("9d"));
    }

    #[test]
    fn a_message_names_the_operators_setting() {
        let upper = |name: &str| name.to_uppercase();
        let words = in_words_of_operator("set policy `assume_released` or `other`", upper);
        assert_eq!(words, "set policy ASSUME_RELEASED or `other`");
    }
}
