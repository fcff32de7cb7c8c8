//! The behavior version of clients that are created here: the one that the user set, or the newest.

use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;

/// Returns `sdk`, with the newest behavior version if it has none: creating a client without one panics.
pub(crate) fn with_behavior(sdk: &SdkConfig) -> SdkConfig {
    let mut builder = sdk.to_builder();
    if sdk.behavior_version().is_none() {
        builder.set_behavior_version(Some(BehaviorVersion::latest()));
    }
    builder.build()
}
