//! The arguments, and a one-line error for invalid ones.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;

/// Uploads files to S3 while the key that signs the uploads is rotated.
///
/// Without --secret-id, all services run in the process: S3, Secrets Manager, IAM, STS and a Kafka broker.
#[derive(Clone, Debug, Parser)]
#[command(name = "s3_uploader")]
pub(crate) struct Args {
    /// Files and directories to upload [default: this repository].
    pub(crate) paths: Vec<PathBuf>,
    /// How long to upload, in seconds.
    #[arg(long, default_value = "20", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) duration: Duration,
    /// How many uploads run at the same time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,
    /// How many consumers share the uploads, each with its own client, trigger and reporter.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) instances: u16,
    /// Size of the generated file that is uploaded among the others, in MiB; from 8 MiB on in parts.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096), value_name = "MIB")]
    pub(crate) generated_file: u32,
    /// How often to rotate the key, in seconds.
    #[arg(
        long,
        default_value = "2",
        value_parser = seconds,
        allow_negative_numbers = true,
        conflicts_with = "secret_id"
    )]
    pub(crate) rotate_every: Duration,
    /// First run the same uploads with a client that is rebuilt at each event, whose old key is deleted at once.
    #[arg(long, conflicts_with = "secret_id")]
    pub(crate) compare: bool,
    /// Where to write the plot of latency, requests and failures over time, as SVG.
    #[arg(long, default_value = "rotation.svg", value_name = "FILE")]
    pub(crate) plot: PathBuf,
    #[command(flatten)]
    pub(crate) real: Option<Real>,
}

/// Real services. The uploader does not rotate their secret, and reads it with the credentials of the environment.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Real services")]
pub(crate) struct Real {
    /// Name or ARN of the secret with the uploader's key; replaces the services in the process.
    #[arg(long, required = false, requires_all = ["bucket", "bootstrap_servers", "topic"])]
    pub(crate) secret_id: String,
    /// Bucket to upload to; the uploader's key needs s3:PutObject and s3:GetObject on it.
    #[arg(long, required = false, requires = "secret_id")]
    pub(crate) bucket: String,
    /// Kafka brokers as host:port,host:port.
    #[arg(long, required = false, requires = "secret_id")]
    pub(crate) bootstrap_servers: String,
    /// Topic of the rotation events.
    #[arg(long, required = false, requires = "secret_id")]
    pub(crate) topic: String,
    /// Topic of the usage reports; without it, the consumers do not report.
    #[arg(long, requires = "secret_id", value_name = "TOPIC")]
    pub(crate) reports_topic: Option<String>,
    /// How long a usage report is valid, in seconds.
    #[arg(
        long,
        default_value = "90",
        value_parser = ttl,
        allow_negative_numbers = true,
        requires = "reports_topic",
        value_name = "SECONDS"
    )]
    pub(crate) reports_ttl: Duration,
    /// Endpoint of S3, STS and Secrets Manager, if not AWS; makes bucket addresses path-style.
    #[arg(long, requires = "secret_id", value_parser = url, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// SASL/SCRAM-SHA-512 user; without it, no authentication.
    #[arg(long, requires_all = ["secret_id", "kafka_password_file"])]
    pub(crate) kafka_username: Option<String>,
    /// File with the user's password.
    #[arg(long, requires = "kafka_username", value_name = "FILE")]
    pub(crate) kafka_password_file: Option<PathBuf>,
    /// PEM file with the CA of the brokers' certificates [default: the system's CAs].
    #[arg(long, requires = "secret_id", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Connect to the brokers without TLS, for local use.
    #[arg(long, requires = "secret_id", conflicts_with = "ca_file")]
    pub(crate) kafka_plaintext: bool,
}

/// Parses the arguments, or returns the exit status if there is nothing to run.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Args, ExitCode> {
    Args::try_parse_from(args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print!("{error}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("s3_uploader: {}", one_line(&error.to_string()));
            ExitCode::from(2)
        }
    })
}

/// Returns clap's message without its tips and its usage.
fn one_line(text: &str) -> String {
    let message = text.split("\n\n").next().unwrap_or(text);
    let parts: Vec<_> = message.split_whitespace().collect();
    let line = parts.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, 0.1..=86400.0)
}

/// Accepts the TTLs that a reporter accepts.
fn ttl(text: &str) -> Result<Duration, String> {
    duration(text, 5.0..=3600.0)
}

fn duration(text: &str, allowed: RangeInclusive<f64>) -> Result<Duration, String> {
    let seconds: f64 = text
        .strip_suffix('s')
        .unwrap_or(text)
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    match allowed.contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(format!(
            "must be from {} to {} seconds",
            allowed.start(),
            allowed.end()
        )),
    }
}

fn url(text: &str) -> Result<String, String> {
    match text.parse::<http::Uri>() {
        Ok(url) if matches!(url.scheme_str(), Some("http" | "https")) => Ok(text.to_owned()),
        _ => Err("not an http:// or https:// URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(args: &[&str]) -> String {
        let args = ["s3_uploader"].iter().chain(args);
        one_line(
            &Args::try_parse_from(args)
                .expect_err("an invalid argument")
                .to_string(),
        )
    }

    const REAL: [&str; 8] = [
        "--secret-id",
        "s",
        "--bucket",
        "b",
        "--bootstrap-servers",
        "h:1",
        "--topic",
        "t",
    ];

    #[test]
    fn all_arguments_have_defaults() {
        let args = Args::try_parse_from(["s3_uploader"]).expect("defaults");
        assert!(args.real.is_none() && args.paths.is_empty() && !args.compare);
        assert_eq!(args.duration, Duration::from_secs(20));
        assert_eq!(args.rotate_every, Duration::from_secs(2));
        assert_eq!((args.concurrency, args.instances), (16, 3));
    }

    #[test]
    fn an_invalid_argument_is_explained_in_one_line() {
        for args in [
            &["--duration", "soon"] as &[_],
            &["--duration", "0"],
            &["--rotate-every", "-1"],
            &["--rotate-every", "1e99"],
            &["--concurrency", "0"],
            &["--instances", "0"],
            &["--reports-topic", "r"],
            &["--reports-ttl", "90"],
            &["--secret-id", "s"],
            &["--bucket", "b"],
            &["--endpoint-url", "http://x"],
            &["--no-such-thing"],
        ] {
            let line = error(args);
            assert!(!line.contains('\n') && !line.contains("Usage"), "{line}");
            assert!(line.contains(args[0]) || line.contains("--topic"), "{line}");
        }
    }

    #[test]
    fn real_services_need_all_their_arguments() {
        let args = Args::try_parse_from(["s3_uploader"].iter().chain(&REAL)).expect("complete");
        let real = args.real.expect("real");
        assert_eq!(
            (real.topic.as_str(), real.reports_ttl),
            ("t", Duration::from_secs(90))
        );
        let with = |more: &[&'static str]| error(&[&REAL, more].concat());
        assert!(with(&["--compare"]).contains("--compare"));
        assert!(with(&["--rotate-every", "1"]).contains("--rotate-every"));
        assert!(with(&["--endpoint-url", "nonsense"]).contains("not an http://"));
        assert!(with(&["--kafka-username", "u"]).contains("--kafka-password-file"));
        assert!(with(&["--reports-ttl", "15"]).contains("--reports-topic"));
    }

    #[test]
    fn ttls_are_those_that_a_reporter_accepts() {
        let parsed = |ttl: &'static str| {
            let more = ["--reports-topic", "r", "--reports-ttl", ttl];
            Args::try_parse_from(["s3_uploader"].iter().chain(&REAL).chain(&more))
        };
        for (ttl, seconds) in [("5", 5), ("15s", 15), ("3600", 3600)] {
            let real = parsed(ttl).expect("a valid TTL").real.expect("real");
            assert_eq!(real.reports_ttl, Duration::from_secs(seconds));
        }
        for ttl in ["4.9", "3601", "-15", "NaN", "soon"] {
            let line = one_line(&parsed(ttl).expect_err("an invalid argument").to_string());
            assert!(
                line.contains("--reports-ttl") && !line.contains('\n'),
                "{line}"
            );
        }
    }
}
