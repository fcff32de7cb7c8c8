//! Checks, before the uploads begin, that the bucket and the key's permissions suffice.

use anyhow::anyhow;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::environment::Environment;
use crate::sdk_error;

/// Puts an object and reads it back: the two permissions that the uploads need.
pub(crate) async fn probe(environment: &Environment, s3: &Client) -> anyhow::Result<()> {
    let bucket = &environment.bucket;
    let key = environment.object("probe");
    let put = s3.put_object().bucket(bucket).key(&key);
    let put = put.body(b"probe".to_vec().into()).send().await;
    put.map_err(|error| explain(environment, "s3:PutObject", error))?;
    let get = s3.get_object().bucket(bucket).key(&key).send().await;
    get.map_err(|error| explain(environment, "s3:GetObject", error))?;
    Ok(())
}

fn explain<E, R>(
    environment: &Environment,
    permission: &str,
    error: SdkError<E, R>,
) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let (bucket, secret_id) = (&environment.bucket, &environment.secret_id);
    match error.code() {
        Some("NoSuchBucket") => anyhow!("bucket `{bucket}` does not exist"),
        Some("AccessDenied") => anyhow!(
            "the key in secret `{secret_id}` lacks {permission} on bucket `{bucket}`: grant it to the key's user"
        ),
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed") => {
            anyhow!("bucket `{bucket}` is in another region: set AWS_REGION to that region")
        }
        _ => anyhow!(
            "bucket `{bucket}` cannot be used: {}",
            sdk_error::describe(error)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credswap_strategy::CredswapStrategy;
    use crate::in_flight::InFlight;
    use crate::local_services::LocalServices;
    use crate::strategy::Strategy;

    #[tokio::test]
    async fn a_missing_bucket_and_a_missing_permission_are_named() {
        let services = LocalServices::start().await;
        let mut environment = services.environment(1).expect("an environment");
        let strategy = CredswapStrategy::start(&environment, &InFlight::default())
            .await
            .expect("the strategy starts");
        let s3 = strategy.s3(0).await;
        let allowed = probe(&environment, &s3).await;
        allowed.expect("nothing is missing");

        let user = services.user();
        for permission in ["s3:PutObject", "s3:GetObject"] {
            services.cloud().deny(user, permission);
            let denied = probe(&environment, &s3).await;
            let error = denied.expect_err("the permission is missing").to_string();
            services.cloud().allow(user, permission);
            assert!(
                error.contains(permission) && error.contains("`uploads`"),
                "{error}"
            );
            assert!(!error.contains('\n'), "{error}");
        }
        environment.bucket = "another".to_owned();
        let missing = probe(&environment, &s3).await;
        let error = missing.expect_err("the bucket is missing").to_string();
        assert_eq!(error, "bucket `another` does not exist");
        strategy.close().await;
    }
}
