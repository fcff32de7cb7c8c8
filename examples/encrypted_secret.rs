//! A token in a file that is encrypted with KMS: each version is decrypted once, and one that cannot be decrypted changes
//! nothing.
//!
//! `cargo run --example encrypted_secret --features kms`
//!
//! KMS is the last part of this file; on AWS, `sdk` comes from `aws_config::load_from_env().await`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::base64;
use aws_types::{SdkConfig, region::Region};
use credswap::source::{File, KmsEncrypted};
use credswap::{Refreshable, typed::SecretText};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (directory, kms) = (tempfile::tempdir()?, Kms::default());
    let path = directory.path().join("token.encrypted");
    std::fs::write(&path, turned(b"first"))?;

    let source = KmsEncrypted::new(&kms.sdk(), File::new(&path))
        .key_id("alias/configuration") // no ciphertext of another key is decrypted
        .encryption_context("service", "bot"); // nor that of another service
    let token = Refreshable::<SecretText>::typed(source).start().await?;
    // Nothing is new: the file is read, and KMS is not called.
    token.refresh().await?;
    anyhow::ensure!(kms.0.load(Ordering::Relaxed) == 1, "decrypted once");

    // Stored without encryption by mistake. It is not sent to KMS, and the live token stays.
    std::fs::write(&path, "not encrypted!")?;
    let error = token.refresh().await.expect_err("it is not ciphertext");
    println!("refused: {error}");

    std::fs::write(&path, turned(b"second"))?;
    token.refresh().await?; // happens by itself every five minutes
    println!("a token of {} characters", token.lease().expose().len());
    Ok(())
}

/// Stands for KMS, and counts its calls. Turning all bits around is its encryption.
#[derive(Debug, Clone, Default)]
struct Kms(Arc<AtomicUsize>);

fn turned(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

impl Kms {
    fn sdk(&self) -> SdkConfig {
        let kms = self.clone();
        let key = Credentials::new("AKIAIOSFODNN7EXAMPLE", "none", None, None, "example");
        SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .http_client(http_client_fn(move |_, _| {
                SharedHttpConnector::new(kms.clone())
            }))
            .credentials_provider(SharedCredentialsProvider::new(key))
            .build()
    }
}

impl HttpConnector for Kms {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.fetch_add(1, Ordering::Relaxed);
        let call: Value =
            serde_json::from_slice(request.body().bytes().unwrap_or(b"")).expect("JSON");
        let blob = base64::decode(call["CiphertextBlob"].as_str().expect("text")).expect("base64");
        let answer = json!({ "Plaintext": base64::encode(turned(&blob)) }).to_string();
        let answer = HttpResponse::new(200.try_into().expect("it is"), answer.into());
        HttpConnectorFuture::ready(Ok(answer))
    }
}
