//! The settings, from the environment.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use credswap::rotation::Policy;

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
            Some(text) => duration(&text)
                .map(Some)
                .with_context(|| format!("`{name}` is not a duration such as 90s, 15m, 24h or 7d")),
        };
        let time = |name: &str, default| Ok::<_, anyhow::Error>(duration(name)?.unwrap_or(default));
        let reports = match get("REPORTS_TOPIC") {
            None => None,
            Some(topic) => Some(Reports {
                topic,
                settle: duration("REPORTS_SETTLE")?,
                grace: duration("REPORTS_GRACE")?,
                trust_clocks: flag("REPORTS_TRUST_CLOCKS")?,
            }),
        };
        let mut policy = Policy::default();
        policy.propagation = time("PROPAGATION", policy.propagation)?;
        policy.action_deadline = time("ACTION_DEADLINE", policy.action_deadline)?;
        policy.signature_lifetime = time("SIGNATURE_LIFETIME", policy.signature_lifetime)?;
        policy.watch = time("WATCH", policy.watch)?;
        policy.deadline = time("DEADLINE", policy.deadline)?;
        policy.clock_skew = time("CLOCK_SKEW", policy.clock_skew)?;
        policy.assume_released = duration("ASSUME_RELEASED")?;
        Ok(Self {
            bootstrap_servers: needed("BOOTSTRAP_SERVERS")?,
            topic: needed("TOPIC")?,
            login,
            ca_file: get("KAFKA_CA_FILE").map(PathBuf::from),
            plaintext: flag("KAFKA_PLAINTEXT")?,
            reports,
            accept_new_tokens: flag("ACCEPT_NEW_TOKENS")?,
            policy,
        })
    }
}

fn duration(text: &str) -> Option<Duration> {
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
