//! Configures any SDK client with refreshable credentials, in one call.

/// Configures any SDK client to sign with refreshable credentials: `configure!(credentials, builder)` takes a service's
/// `config::Builder` and returns it.
///
/// `credentials`, by value or by reference, is a [`RefreshableCredentials`](crate::RefreshableCredentials) or, for the client
/// of a source, a [`BootstrapCredentials`](crate::aws::BootstrapCredentials).
///
/// Call it after everything that sets a credentials provider or an identity cache, as `Builder::from(&sdk_config)` does.
/// Interceptors and retry classifiers of your own stay.
///
/// ```
/// # fn example(credentials: credswap::RefreshableCredentials, sdk: &aws_types::SdkConfig) {
#[cfg_attr(
    feature = "s3",
    doc = "let builder = aws_sdk_s3::config::Builder::from(sdk).force_path_style(true);
let s3 = aws_sdk_s3::Client::from_conf(credswap::configure!(credentials, builder).build());"
)]
#[cfg_attr(
    not(feature = "s3"),
    doc = "let builder = aws_sdk_iam::config::Builder::from(sdk);
let iam = aws_sdk_iam::Client::from_conf(credswap::configure!(credentials, builder).build());"
)]
/// # }
/// ```
///
/// It is a macro because each service has a `Builder` type of its own, and they share no trait.
#[macro_export]
macro_rules! configure {
    ($credentials:expr, $builder:expr) => {{
        // One bundle: the identity cache answers for the provider that comes with it.
        let hooks = $credentials.client_hooks();
        let mut builder = $builder;
        // The `set_` and `push_` forms take the shared objects as they are; the others would wrap them once more: into
        // another cache partition, or into an interceptor that has lost its hint which hooks it needs.
        builder.set_credentials_provider(::core::option::Option::Some(
            hooks.credentials_provider(),
        ));
        builder.set_identity_cache(hooks.identity_cache());
        builder.push_interceptor(hooks.interceptor());
        builder.push_retry_classifier(hooks.retry_classifier());
        builder
    }};
}
