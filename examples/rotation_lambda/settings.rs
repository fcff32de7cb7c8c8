//! The settings, from the environment.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use credswap::rotation::Policy;

use crate::policy;

/// The function's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) bootstrap_servers: String,
    pub(crate) topic: String,
    pub(crate) login: Option<Login>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) plaintext: bool,
    pub(crate) reports: Option<Reports>,
    pub(crate) policy: Policy,
    pub(crate) minimal_events: bool,
    pub(crate) accept_new_tokens: bool,
}

/// Where the user of Kafka is found.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    /// In this secret.
    Secret(String),
    /// In the settings, with its password in a file.
    File { username: String, password: PathBuf },
}

/// Where the consumers report, and what is assumed about them.
#[derive(Debug, Clone)]
pub(crate) struct Reports {
    pub(crate) topic: String,
    pub(crate) settle: Option<Duration>,
    pub(crate) grace: Option<Duration>,
    pub(crate) trust_clocks: bool,
}

impl Settings {
    /// Reads the settings; `get` returns a variable's value.
    pub(crate) fn read(get: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let needed = |name: &str| get(name).ok_or_else(|| anyhow!("`{name}` is not set"));
        let login = match (
            get("KAFKA_SECRET_ID"),
            get("KAFKA_USERNAME"),
            get("KAFKA_PASSWORD_FILE"),
        ) {
            (Some(id), None, None) => Some(Login::Secret(id)),
            (None, Some(username), Some(file)) => Some(Login::File {
                username,
                password: file.into(),
            }),
            (None, None, None) => None,
            _ => {
                bail!("set either `KAFKA_SECRET_ID`, or `KAFKA_USERNAME` and `KAFKA_PASSWORD_FILE`")
            }
        };
        let flag = |name: &str| match get(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(anyhow!("`{name}` is neither `true` nor `false`")),
        };
        let duration = |name: &str| match get(name) {
            None => Ok(None),
            Some(text) => policy::duration(&text)
                .map(Some)
                .with_context(|| format!("`{name}` is not a duration such as 90s, 15m, 24h or 7d")),
        };
        let reports = match get("REPORTS_TOPIC") {
            None => None,
            Some(topic) => Some(Reports {
                topic,
                settle: duration("REPORTS_SETTLE")?,
                grace: duration("REPORTS_GRACE")?,
                trust_clocks: flag("REPORTS_TRUST_CLOCKS")?,
            }),
        };
        let by_name = |name: &str| get(&variable(name));
        let policy = policy::read(by_name, setting, reports.is_some())?;
        Ok(Self {
            bootstrap_servers: needed("BOOTSTRAP_SERVERS")?,
            topic: needed("TOPIC")?,
            login,
            ca_file: get("KAFKA_CA_FILE").map(PathBuf::from),
            plaintext: flag("KAFKA_PLAINTEXT")?,
            reports,
            minimal_events: flag("MINIMAL_EVENTS")?,
            accept_new_tokens: flag("ACCEPT_NEW_TOKENS")?,
            policy,
        })
    }
}

/// Returns a message with each policy as the function's operator sets it.
pub(crate) fn in_words_of_operator(message: &str) -> String {
    policy::in_words_of_operator(message, setting)
}

fn setting(policy: &str) -> String {
    let (variable, parameter) = (variable(policy), parameter(policy));
    format!("`{variable}` (the template's parameter `{parameter}`)")
}

/// Returns the environment variable of a policy.
fn variable(policy: &str) -> String {
    policy.to_uppercase()
}

/// Returns the template's parameter for a policy.
fn parameter(policy: &str) -> String {
    let words = policy.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_a_parameter_for_each_policy() {
        let template = include_str!("template.yaml");
        for name in policy::NAMES {
            let (variable, parameter) = (variable(name), parameter(name));
            assert!(
                template.contains(&format!("\n  {parameter}:\n")),
                "{parameter}"
            );
            let passed_on = format!("          {variable}: !Ref {parameter}\n");
            assert!(template.contains(&passed_on), "{passed_on}");
        }
    }
}
