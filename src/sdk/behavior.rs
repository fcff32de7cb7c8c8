//! Which behavior clients have that are made here: the one that the user named, or the newest.

use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;

/// `sdk`, with the newest behavior version if it names none: without one, a client panics when it is made.
pub(crate) fn with_behavior(sdk: &SdkConfig) -> SdkConfig {
    let mut builder = sdk.to_builder();
    if sdk.behavior_version().is_none() {
        builder.set_behavior_version(Some(BehaviorVersion::latest()));
    }
    builder.build()
}
