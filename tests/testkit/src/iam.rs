//! IAM: users and their keys, over the query protocol.

use crate::access_key::{KeyInfo, KeyStatus, User};
use crate::api::Input;
use crate::clock::iso8601;
use crate::cloud::State;
use crate::error::ApiError;
use crate::keys::no_such_key;
use crate::xml::{element, response};

pub(crate) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

pub(crate) fn call(state: &mut State, caller: &User, input: &Input) -> Result<String, ApiError> {
    let keys = &mut state.keys;
    // Operations on keys concern the caller unless they name a user.
    let user = input.text("UserName").unwrap_or(&caller.name);
    let result = match input.action.as_str() {
        "CreateUser" => user_element(&keys.create_user(required(input, "UserName")?)?),
        "GetUser" => user_element(keys.user(user)?),
        "CreateAccessKey" => {
            let key = keys.create_key(user)?;
            let (_, info) = keys.find(&key.id)?;
            let fields = [
                key_fields(user, info),
                element("SecretAccessKey", &key.secret),
            ]
            .concat();
            format!("<AccessKey>{fields}</AccessKey>")
        }
        "ListAccessKeys" => {
            keys.user(user)?;
            let members: String = keys
                .list(user)
                .map(|info| format!("<member>{}</member>", key_fields(user, info)))
                .collect();
            format!(
                "<AccessKeyMetadata>{members}</AccessKeyMetadata><IsTruncated>false</IsTruncated>"
            )
        }
        "UpdateAccessKey" => {
            let id = key_of(state, user, input)?;
            let status = required(input, "Status")?;
            let status = KeyStatus::parse(status)
                .ok_or_else(|| invalid(&format!("Invalid status {status}")))?;
            state.keys.set_status(id, status)?;
            String::new()
        }
        "DeleteAccessKey" => {
            let id = key_of(state, user, input)?;
            state.keys.delete_key(id)?;
            String::new()
        }
        "GetAccessKeyLastUsed" => {
            let (user, info) = keys.find(required(input, "AccessKeyId")?)?;
            [element("UserName", user), last_used(info)].concat()
        }
        other => {
            return Err(ApiError::new(
                400,
                "InvalidAction",
                format!("Could not find operation {other}"),
            ));
        }
    };
    Ok(response(NAMESPACE, &input.action, &result))
}

/// Returns the id of the named key, which must belong to this user.
fn key_of<'a>(state: &State, user: &str, input: &'a Input) -> Result<&'a str, ApiError> {
    state.keys.user(user)?;
    let id = required(input, "AccessKeyId")?;
    match state.keys.find(id)? {
        (owner, _) if owner == user => Ok(id),
        _ => Err(no_such_key(id)),
    }
}

fn required<'a>(input: &'a Input, name: &str) -> Result<&'a str, ApiError> {
    input
        .text(name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| invalid(&format!("{name} is required")))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

fn user_element(user: &User) -> String {
    let fields = [
        element("Path", "/"),
        element("UserName", &user.name),
        element("UserId", &user.id),
        element("Arn", &user.arn),
        element("CreateDate", &iso8601(user.created)),
    ];
    format!("<User>{}</User>", fields.concat())
}

fn key_fields(user: &str, info: &KeyInfo) -> String {
    let fields = [
        element("UserName", user),
        element("AccessKeyId", &info.id),
        element("Status", info.status.as_str()),
        element("CreateDate", &iso8601(info.created)),
    ];
    fields.concat()
}

fn last_used(info: &KeyInfo) -> String {
    let fields = match info.last_used {
        // All services here are in one region.
        Some((at, service)) => [
            element("LastUsedDate", &iso8601(at)),
            element("ServiceName", service.as_str()),
            element("Region", "us-east-1"),
        ]
        .concat(),
        None => [element("ServiceName", "N/A"), element("Region", "N/A")].concat(),
    };
    format!("<AccessKeyLastUsed>{fields}</AccessKeyLastUsed>")
}
