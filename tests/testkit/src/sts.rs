//! STS: `GetCallerIdentity` and `AssumeRole`.

use std::time::Duration;

use crate::access_key::User;
use crate::api::Input;
use crate::clock;
use crate::cloud::State;
use crate::error::ApiError;
use crate::keys::ACCOUNT;
use crate::xml::{element, response};

pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(crate) fn call(state: &mut State, caller: &User, input: &Input) -> Result<String, ApiError> {
    match input.action.as_str() {
        "GetCallerIdentity" => {
            let result = [
                element("Arn", &caller.arn),
                element("UserId", &caller.id),
                element("Account", ACCOUNT),
            ];
            Ok(response(NAMESPACE, &input.action, &result.concat()))
        }
        "AssumeRole" => {
            let invalid =
                |name| ApiError::new(400, "ValidationError", format!("{name} is missing"));
            let text = |name| input.text(name).ok_or_else(|| invalid(name));
            let (role, session) = (text("RoleArn")?, text("RoleSessionName")?);
            let seconds = input.text("DurationSeconds").and_then(|s| s.parse().ok());
            let expires = clock::now() + Duration::from_secs(seconds.unwrap_or(3600));
            // The session's token is signed as a header, and not verified further.
            let key = state.keys.create_session(role)?;
            let credentials = [
                element("AccessKeyId", &key.id),
                element("SecretAccessKey", &key.secret),
                element("SessionToken", "a-session-token"),
                element("Expiration", &clock::iso8601(expires)),
            ];
            let user = [
                element("AssumedRoleId", &format!("AROA:{session}")),
                element("Arn", &format!("{role}/{session}")),
            ];
            let result = format!(
                "<Credentials>{}</Credentials><AssumedRoleUser>{}</AssumedRoleUser>",
                credentials.concat(),
                user.concat()
            );
            Ok(response(NAMESPACE, &input.action, &result))
        }
        other => Err(ApiError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other}"),
        )),
    }
}
