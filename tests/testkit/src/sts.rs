//! STS: `GetCallerIdentity`.

use crate::access_key::User;
use crate::api::Input;
use crate::error::ApiError;
use crate::keys::ACCOUNT;
use crate::xml::{element, response};

pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(crate) fn call(caller: &User, input: &Input) -> Result<String, ApiError> {
    match input.action.as_str() {
        "GetCallerIdentity" => {
            let result = [
                element("Arn", &caller.arn),
                element("UserId", &caller.id),
                element("Account", ACCOUNT),
            ];
            Ok(response(NAMESPACE, &input.action, &result.concat()))
        }
        other => Err(ApiError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other}"),
        )),
    }
}
