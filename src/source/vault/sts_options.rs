//! What a request for an STS session may ask for.

use std::time::Duration;

use serde_json::{Map, Value};

/// Options of a session that Vault creates with STS. Without any, the role's settings decide.
///
/// ```
/// use std::time::Duration;
/// use credswap::source::vault::StsOptions;
/// let options = StsOptions::default().ttl(Duration::from_secs(3600)).session_name("uploader");
/// ```
#[derive(Debug, Clone, Default)]
pub struct StsOptions {
    ttl: Option<Duration>,
    role_arn: Option<String>,
    session_name: Option<String>,
}

impl StsOptions {
    /// Sets how long the session lasts.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the ARN of the role to assume, where Vault's role allows several.
    #[must_use]
    pub fn role_arn(mut self, arn: impl Into<String>) -> Self {
        self.role_arn = Some(arn.into());
        self
    }

    /// Sets the name of the session.
    #[must_use]
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.session_name = Some(name.into());
        self
    }

    /// Returns the body of the request; `None` if nothing is asked for.
    pub(super) fn body(self) -> Option<Value> {
        let ttl = self.ttl.map(|ttl| format!("{}s", ttl.as_secs()));
        let fields = [
            ("ttl", ttl),
            ("role_arn", self.role_arn),
            ("role_session_name", self.session_name),
        ];
        let body: Map<_, _> = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))))
            .collect();
        (!body.is_empty()).then_some(Value::Object(body))
    }
}
