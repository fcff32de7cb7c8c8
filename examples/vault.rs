//! Uploads with keys that Vault mints: renewed, replaced before they end, and revoked when they have drained.
//!
//! `cargo run --example vault` runs with a Vault and an S3 in this process. With servers of your own, and AWS_REGION:
//!
//! ```text
//! cargo run --example vault -- --address https://vault.example.com:8200 --role-id 7e1c… --secret-id-file secret-id \
//!     --role uploader --bucket uploads
//! ```

use std::time::Duration;

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::region::Region;
use clap::Parser;
use credswap::aws::{AccessKeyConnector, check::HeadBucket};
use credswap::{Refreshable, source::vault::Login, source::vault::Vault};
use credswap_testkit::{Cloud, Vault as TestVault};
use tokio::time::Instant;

#[derive(Parser)]
struct Args {
    #[arg(long, requires_all = ["role_id", "secret_id_file"])]
    address: Option<String>,
    #[arg(long, default_value = "role id")]
    role_id: String,
    #[arg(long, default_value = "/etc/hostname")]
    secret_id_file: std::path::PathBuf,
    #[arg(long, default_value = "uploader")]
    role: String,
    /// With it, the next start after a crash revokes what is left.
    #[arg(long)]
    journal: Option<std::path::PathBuf>,
    #[arg(long, default_value = "uploads")]
    bucket: String,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let args = Args::parse();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let mut loader = aws_config::from_env().http_client(http).no_credentials();
    let cloud = Cloud::start().await;
    let address = match args.address {
        Some(address) => address,
        None => {
            cloud.create_bucket(&args.bucket);
            let region = Region::from_static(cloud.region());
            loader = loader.region(region).endpoint_url(cloud.s3_endpoint_url());
            let vault = TestVault::over(&cloud);
            vault.set_lease(2, 4); // replaced every three seconds; an hour or more in production
            vault.serve().await
        }
    };
    let sdk = loader.load().await;
    let config = || aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true);
    let login = Login::app_role(args.role_id, Login::file(args.secret_id_file));
    let vault = Vault::new(&sdk, address, login).ca_file_from_env(); // VAULT_CACERT
    let vault = args.journal.into_iter().fold(vault, Vault::journal);
    // A new IAM user is rejected for some seconds: the check waits.
    let unsigned = aws_sdk_s3::Client::from_conf(config().build());
    let connector = AccessKeyConnector::checked_by(HeadBucket::from_client(unsigned, &args.bucket));
    let credentials = Refreshable::builder(vault.aws_creds(args.role), connector);
    let credentials = credentials.start().await?;
    let s3 = aws_sdk_s3::Client::from_conf(credswap::configure!(credentials, config()).build());
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let mut uploads = 0;
    while Instant::now() < end {
        s3.put_object().bucket(&args.bucket).key("a").send().await?;
        uploads += 1;
    }
    let keys = credentials.status().generation;
    println!("{uploads} uploads with {keys} keys, none failed");
    credentials.shutdown(Duration::from_secs(10)).await?; // gives the last key back, too
    Ok(())
}
