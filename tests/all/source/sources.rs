//! Sources that keep the contract.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use credswap::ErrorKind;
use credswap::source::{CredentialsProvider, File, Replicas, SecretsManager};
use credswap::test_util::TestSource;
use credswap_testkit::Cloud;
use tempfile::TempDir;

use super::contract::{Authority, keeps};
use crate::support::canned::config;

const ID: &str = "prod/uploader";

fn plain(mark: &str) -> String {
    mark.to_owned()
}

struct InSecretsManager {
    cloud: Cloud,
    is_deleted: bool,
}

impl Authority for InSecretsManager {
    fn rotate(&mut self, material: &str) {
        self.cloud.clear_faults();
        if std::mem::take(&mut self.is_deleted) {
            self.cloud.restore_secret(ID);
        }
        self.cloud.put_secret(ID, material);
    }

    fn remove(&mut self) -> ErrorKind {
        self.cloud.delete_secret(ID);
        self.is_deleted = true;
        ErrorKind::NotFound
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.cloud
            .break_down("secretsmanager:GetSecretValue", usize::MAX);
        Some(ErrorKind::Unavailable)
    }
}

#[tokio::test]
async fn secrets_manager() {
    let cloud = Cloud::start().await;
    let client = aws_sdk_secretsmanager::Client::new(&config(&cloud, cloud.root()));
    let source = SecretsManager::from_client(client, ID).attempts(1);
    cloud.create_secret(ID, "the first");
    let authority = InSecretsManager {
        cloud,
        is_deleted: false,
    };
    keeps(source, authority, plain).await;
}

struct InFile {
    directory: TempDir,
    path: PathBuf,
}

impl InFile {
    fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join(name);
        Self { directory, path }
    }
}

impl Authority for InFile {
    fn rotate(&mut self, material: &str) {
        let new = self.directory.path().join(".new");
        std::fs::write(&new, material).expect("written");
        std::fs::rename(new, &self.path).expect("renamed");
    }

    fn remove(&mut self) -> ErrorKind {
        std::fs::remove_file(&self.path).expect("removed");
        ErrorKind::NotFound
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.rotate("");
        Some(ErrorKind::Unavailable)
    }
}

#[tokio::test(start_paused = true)]
async fn file() {
    let authority = InFile::new("token");
    keeps(File::new(&authority.path), authority, plain).await;
}

/// The file is the only one in its directory.
struct InDirectory(InFile);

impl Authority for InDirectory {
    fn rotate(&mut self, material: &str) {
        let token = material.split('"').nth(3).unwrap_or_default();
        self.0.rotate(token);
    }

    fn remove(&mut self) -> ErrorKind {
        self.0.remove();
        ErrorKind::Unavailable // an empty directory
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.0.remove();
        Some(ErrorKind::Unavailable)
    }
}

#[tokio::test(start_paused = true)]
async fn directory() {
    let authority = InFile::new("token");
    let source = File::directory(authority.directory.path());
    let materials = |mark: &str| format!(r#"{{"token":"{mark}"}}"#);
    keeps(source, InDirectory(authority), materials).await;
}

#[derive(Debug, Clone)]
struct Scripted(Arc<Mutex<Result<Credentials, bool>>>);

impl Scripted {
    fn set(&self, answer: Result<Credentials, bool>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

impl ProvideCredentials for Scripted {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let answer = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        future::ProvideCredentials::ready(answer.map_err(|passes| match passes {
            true => CredentialsError::provider_error("hunter"),
            false => CredentialsError::not_loaded("hunter"),
        }))
    }
}

impl Authority for Scripted {
    fn rotate(&mut self, material: &str) {
        let secret = material
            .split('"')
            .nth(7)
            .expect("the material of this test");
        // Each key has an id of its own.
        let id = format!("AKIA{}", secret.len() + usize::from(secret.as_bytes()[6]));
        self.set(Ok(Credentials::new(id, secret, None, None, "test")));
    }

    fn remove(&mut self) -> ErrorKind {
        self.set(Err(false));
        ErrorKind::Config
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.set(Err(true));
        Some(ErrorKind::Unavailable)
    }
}

#[tokio::test]
async fn credentials_provider() {
    let scripted = Scripted(Arc::new(Mutex::new(Err(false))));
    let materials = |mark: &str| {
        let id = format!("AKIA{}", mark.len() + usize::from(mark.as_bytes()[6]));
        format!(r#"{{"access_key_id":"{id}","secret_access_key":"{mark}"}}"#)
    };
    keeps(
        CredentialsProvider::new(scripted.clone()),
        scripted,
        materials,
    )
    .await;
}

#[tokio::test]
async fn replicas_whose_primary_answers() {
    let source = TestSource::new("", "v0");
    let replica = TestSource::new("", "v0");
    replica.fail(ErrorKind::Timeout);
    let replicas = Replicas::new("one", source.clone()).replica("two", replica);
    keeps(replicas, InTest(source, 0), plain).await;
}

struct InTest(TestSource, u32);

impl Authority for InTest {
    fn rotate(&mut self, material: &str) {
        self.1 += 1;
        self.0.rotate(material, format!("v{}", self.1));
    }

    fn remove(&mut self) -> ErrorKind {
        self.0.fail(ErrorKind::NotFound);
        ErrorKind::NotFound
    }

    fn fail(&mut self) -> Option<ErrorKind> {
        self.0.fail(ErrorKind::Timeout);
        Some(ErrorKind::Timeout)
    }
}

#[tokio::test]
async fn test_source() {
    let source = TestSource::new("", "v0");
    keeps(source.clone(), InTest(source, 0), plain).await;
}
