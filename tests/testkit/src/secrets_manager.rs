//! Secrets Manager: secrets over awsJson1.1.

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use serde_json::{Map, Value, json};

use crate::access_key::User;
use crate::api::Input;
use crate::clock::epoch_seconds;
use crate::cloud::State;
use crate::content::SecretContent;
use crate::error::ApiError;
use crate::secrets::{CURRENT, Secret, Version, invalid_parameter};

pub(crate) fn call(
    state: &mut State,
    region: &str,
    caller: &User,
    input: &Input,
) -> Result<String, ApiError> {
    let kms = |permission| match state.keys.is_denied(&caller.name, permission) {
        true => Err(ApiError::new(
            400,
            "AccessDeniedException",
            "Access to KMS is not allowed",
        )),
        false => Ok(()),
    };
    let secrets = &mut state.secrets;
    let answer = match input.action.as_str() {
        "CreateSecret" => {
            kms("kms:GenerateDataKey")?;
            let (name, token) = (required(input, "Name")?, token(input));
            let content = content(input)?;
            let has_version = content.is_some();
            let secret = secrets.create(region, name, &token, content)?;
            let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
            if has_version {
                answer["VersionId"] = token.into();
            }
            answer
        }
        "PutSecretValue" => {
            let token = token(input);
            let content = content(input)?.ok_or_else(|| missing("SecretString or SecretBinary"))?;
            let stages = match input.json.get("VersionStages").and_then(Value::as_array) {
                Some(stages) => stages
                    .iter()
                    .filter_map(|stage| Some(stage.as_str()?.to_owned()))
                    .collect(),
                None => vec![CURRENT.to_owned()],
            };
            let secret = secrets.find_live(required(input, "SecretId")?)?;
            kms("kms:GenerateDataKey")?;
            secret.put(&token, content, &stages)?;
            let stages = secret
                .versions
                .iter()
                .find(|version| version.id == token)
                .map(|v| &v.stages);
            json!({"ARN": secret.arn, "Name": secret.name, "VersionId": token, "VersionStages": stages})
        }
        "GetSecretValue" => {
            let secret = secrets.find_live(required(input, "SecretId")?)?;
            let (arn, name) = (secret.arn.clone(), secret.name.clone());
            let version = secret.get(input.text("VersionId"), input.text("VersionStage"))?;
            kms("kms:Decrypt")?;
            value(&arn, &name, version)
        }
        "DescribeSecret" => describe(secrets.find(required(input, "SecretId")?)?),
        "ListSecretVersionIds" => {
            let deprecated = input
                .json
                .get("IncludeDeprecated")
                .and_then(Value::as_bool)
                .unwrap_or_default();
            list_versions(secrets.find(required(input, "SecretId")?)?, deprecated)
        }
        "UpdateSecretVersionStage" => {
            let secret = secrets.find_live(required(input, "SecretId")?)?;
            let stage = required(input, "VersionStage")?;
            secret.move_stage(
                stage,
                input.text("RemoveFromVersionId"),
                input.text("MoveToVersionId"),
            )?;
            json!({"ARN": secret.arn, "Name": secret.name})
        }
        "TagResource" => {
            let secret = secrets.find_live(required(input, "SecretId")?)?;
            for tag in list(input, "Tags") {
                let text = |name: &str| tag.get(name).and_then(Value::as_str).map(str::to_owned);
                let key = text("Key").ok_or_else(|| missing("Key"))?;
                secret.tags.insert(key, text("Value").unwrap_or_default());
            }
            json!({})
        }
        "UntagResource" => {
            let secret = secrets.find_live(required(input, "SecretId")?)?;
            for key in list(input, "TagKeys").iter().filter_map(Value::as_str) {
                secret.tags.remove(key);
            }
            json!({})
        }
        "DeleteSecret" => {
            let secret = secrets.find(required(input, "SecretId")?)?;
            secret.schedule_deletion();
            let (arn, name) = (secret.arn.clone(), secret.name.clone());
            let answer = json!({"ARN": arn, "Name": name, "DeletionDate": secret.deleted.map(epoch_seconds)});
            if input.json.get("ForceDeleteWithoutRecovery") == Some(&Value::Bool(true)) {
                secrets.remove(&name);
            }
            answer
        }
        "RestoreSecret" => {
            let secret = secrets.find(required(input, "SecretId")?)?;
            secret.deleted = None;
            json!({"ARN": secret.arn, "Name": secret.name})
        }
        other => {
            let message = format!("{other} is not supported");
            return Err(ApiError::new(400, "UnknownOperationException", message));
        }
    };
    Ok(answer.to_string())
}

fn value(arn: &str, name: &str, version: &Version) -> Value {
    let mut answer = json!({
        "ARN": arn,
        "Name": name,
        "VersionId": version.id,
        "VersionStages": version.stages,
        "CreatedDate": epoch_seconds(version.created),
    });
    match &version.content {
        Some(SecretContent::Text(text)) => answer["SecretString"] = text.as_str().into(),
        Some(SecretContent::Binary(bytes)) => answer["SecretBinary"] = base64::encode(bytes).into(),
        None => {}
    }
    answer
}

/// Lists only versions with labels; the deletion date is present only if the secret is scheduled for deletion.
fn describe(secret: &Secret) -> Value {
    let stages: BTreeMap<_, _> = secret
        .versions
        .iter()
        .filter(|v| !v.stages.is_empty())
        .map(|v| (&v.id, &v.stages))
        .collect();
    let mut answer = Map::new();
    answer.insert("ARN".to_owned(), secret.arn.as_str().into());
    answer.insert("Name".to_owned(), secret.name.as_str().into());
    answer.insert("VersionIdsToStages".to_owned(), json!(stages));
    answer.insert(
        "CreatedDate".to_owned(),
        epoch_seconds(secret.created).into(),
    );
    answer.insert(
        "LastChangedDate".to_owned(),
        epoch_seconds(secret.changed).into(),
    );
    let tags = secret.tags.iter();
    let tags: Vec<_> = tags
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    answer.insert("Tags".to_owned(), tags.into());
    if let Some(deleted) = secret.deleted {
        answer.insert("DeletedDate".to_owned(), epoch_seconds(deleted).into());
    }
    Value::Object(answer)
}

fn list_versions(secret: &Secret, deprecated: bool) -> Value {
    let versions: Vec<_> = secret
        .versions
        .iter()
        .filter(|version| deprecated || !version.stages.is_empty())
        .map(|v| json!({"VersionId": v.id, "VersionStages": v.stages, "CreatedDate": epoch_seconds(v.created)}))
        .collect();
    json!({"ARN": secret.arn, "Name": secret.name, "Versions": versions})
}

fn content(input: &Input) -> Result<Option<SecretContent>, ApiError> {
    match (input.text("SecretString"), input.text("SecretBinary")) {
        (Some(_), Some(_)) => Err(invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret.".to_owned(),
        )),
        (Some(text), None) => Ok(Some(text.into())),
        (None, Some(encoded)) => {
            let bytes = base64::decode(encoded).map_err(|_| missing("SecretBinary in base64"))?;
            Ok(Some(bytes.into()))
        }
        (None, None) => Ok(None),
    }
}

/// Returns the request's token. SDKs always send one.
fn token(input: &Input) -> String {
    match input.text("ClientRequestToken") {
        Some(token) => token.to_owned(),
        None => uuid::Uuid::new_v4().to_string(),
    }
}

fn list<'a>(input: &'a Input, name: &str) -> &'a [Value] {
    input
        .json
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn required<'a>(input: &'a Input, name: &str) -> Result<&'a str, ApiError> {
    input
        .text(name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| missing(name))
}

fn missing(what: &str) -> ApiError {
    invalid_parameter(format!("You must provide {what}."))
}
