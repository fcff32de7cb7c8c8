//! A database login in Parameter Store, rotated twice: the second time the parameter is deleted and created again.
//!
//! `cargo run --example parameter_store --features parameter-store`
//!
//! Parameter Store is the last part of this file; on AWS, `sdk` comes from `aws_config::load_from_env().await`.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::{SdkConfig, region::Region};
use credswap::source::ParameterStore;
use credswap::{Refreshable, typed::DatabaseSecret};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Store::default();
    store.put("first", 1, 1_700_000_000);

    // `/prod/database:live` would be the version with the label `live`.
    let source = ParameterStore::new(&sdk(&store), "/prod/database");
    let database = Refreshable::<DatabaseSecret>::typed(source).start().await?;
    show(&database);

    store.put("second", 2, 1_700_000_900);
    database.refresh().await?; // happens by itself every five minutes
    show(&database);

    // Its number is 1 again. The time of the change tells it from the first one.
    store.put("third", 1, 1_700_001_800);
    database.refresh().await?;
    show(&database);
    anyhow::ensure!(database.generation() == 3, "two rotations, two swaps");
    Ok(())
}

fn show(database: &Refreshable<DatabaseSecret>) {
    let version = database.status().version;
    println!("version {version}: user `{}`", database.lease().username);
}

fn sdk(store: &Store) -> SdkConfig {
    let store = store.clone();
    let key = Credentials::new("AKIAIOSFODNN7EXAMPLE", "none", None, None, "example");
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .http_client(http_client_fn(move |_, _| {
            SharedHttpConnector::new(store.clone())
        }))
        .credentials_provider(SharedCredentialsProvider::new(key))
        .build()
}

/// Answers each request with the parameter.
#[derive(Debug, Clone, Default)]
struct Store(Arc<Mutex<String>>);

impl Store {
    fn put(&self, user: &str, version: u32, changed: u32) {
        let login = serde_json::json!({ "username": user, "password": "none" }).to_string();
        let parameter = serde_json::json!({ "Parameter": {
            "Type": "SecureString", "Value": login, "Version": version, "LastModifiedDate": changed,
        }});
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = parameter.to_string();
    }
}

impl HttpConnector for Store {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let body = SdkBody::from(answer.as_str());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().expect("it is"), body)))
    }
}
