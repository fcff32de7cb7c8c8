//! Puts an edge under any SDK client, in one call.

/// Puts an [`Edge`](crate::aws::Edge) (or a [`BootstrapCredentials`](crate::aws::BootstrapCredentials)) under the configuration of any SDK
/// client: `configure!(edge, builder)` takes a service's `config::Builder` and returns it.
///
/// Call it after everything that sets an identity cache or a credentials provider (`Builder::from(&sdk_config)`
/// does); interceptors and retry classifiers of your own stay.
///
/// ```no_run
/// # fn example(edge: credswap::aws::Edge, sdk: &aws_types::SdkConfig) {
/// let builder = aws_sdk_s3::config::Builder::from(sdk);
/// let s3 = aws_sdk_s3::Client::from_conf(credswap::configure!(edge, builder).build());
/// # }
/// ```
///
/// It is a macro because each service has a `Builder` type of its own, and they share no trait.
#[macro_export]
macro_rules! configure {
    ($edge:expr, $builder:expr) => {{
        let edge = &$edge;
        let mut builder = $builder;
        // The `set_` and `push_` forms take the shared objects as they are; the others would wrap them once more: into
        // another cache partition, or into an interceptor that has lost its hint which hooks it needs.
        builder.set_credentials_provider(::core::option::Option::Some(
            edge.credentials_provider(),
        ));
        builder.set_identity_cache(edge.identity_cache());
        builder.push_interceptor(edge.interceptor());
        builder.push_retry_classifier(edge.retry_classifier());
        builder
    }};
}
