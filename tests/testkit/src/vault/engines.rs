//! What each path answers.

use serde_json::{Value, json};

use super::VaultCall;
use super::state::{Fault, Life, State};

/// Answers a call; `None`: never.
pub(super) fn answer(state: &mut State, call: &VaultCall) -> Option<(u16, Value)> {
    let lease = call.body["lease_id"].as_str().unwrap_or_default();
    let lease = lease.rsplit('/').next().unwrap_or_default();
    let fault = state.take_fault(&format!("{} {lease}", call.name));
    if let Some(Fault::Answer(status, body)) = fault {
        return Some((status, body));
    }
    let answer = if state.is_sealed {
        error(503, "Vault is sealed")
    } else {
        route(state, call)
    };
    fault.is_none().then_some(answer)
}

fn route(state: &mut State, call: &VaultCall) -> (u16, Value) {
    let (method, path) = call.name.split_once(' ').unwrap_or_default();
    if method == "POST" && path.starts_with("auth/") && path.ends_with("/login") {
        return login(state, call);
    }
    let Some((token, life)) = call.token.as_deref().and_then(|token| {
        let life = state.token(Some(token))?;
        Some((token, life))
    }) else {
        return error(403, "permission denied");
    };
    let text = |field: &str| call.body[field].as_str().unwrap_or_default();
    match (method, path) {
        ("GET", "auth/token/lookup-self") => {
            let data = json!({"ttl": life.left(), "renewable": life.is_renewable});
            (200, json!({"data": data}))
        }
        ("POST", "auth/token/renew-self") => match state.renew_token(token) {
            Some(life) => (200, auth(token, life)),
            None => error(403, "permission denied"),
        },
        ("POST", "auth/token/revoke-self") => {
            state.revoke_token(token);
            (204, Value::Null)
        }
        ("POST", "sys/leases/renew") => {
            let id = text("lease_id");
            match state.renew_lease(id) {
                Some(life) => (
                    200,
                    json!({"lease_id": id, "lease_duration": life.left(), "renewable": true}),
                ),
                None => error(400, "lease not found"),
            }
        }
        // Vault answers 204 for a lease that it does not know.
        ("POST", "sys/leases/revoke") => {
            state.revoke_lease(text("lease_id"));
            (204, Value::Null)
        }
        _ => engine(state, method, path, token),
    }
}

fn login(state: &mut State, call: &VaultCall) -> (u16, Value) {
    let is_wrong = |field: &str| {
        let text = call.body[field].as_str().unwrap_or_default();
        text.starts_with("wrong")
    };
    if ["role", "role_id", "secret_id", "jwt"]
        .into_iter()
        .any(is_wrong)
    {
        return error(400, "invalid role or secret ID");
    }
    let (ttl, max) = state.token;
    let token = state.create_token(ttl, max, true);
    let life = state.token(Some(&token)).expect("just created");
    (200, auth(&token, life))
}

fn auth(token: &str, life: Life) -> Value {
    json!({"auth": {
        "client_token": token,
        "lease_duration": life.left(),
        "renewable": life.is_renewable,
    }})
}

fn engine(state: &mut State, method: &str, path: &str, token: &str) -> (u16, Value) {
    let parts: Vec<_> = path.split('/').collect();
    let role = parts.last().copied().unwrap_or_default();
    if role.starts_with("missing") {
        return error(400, &format!("Role \"{role}\" not found"));
    }
    if role.starts_with("forbidden") {
        return error(403, "1 error occurred:\n\t* permission denied\n\n");
    }
    match (method, &parts[..]) {
        ("GET", ["aws", "creds", role]) => {
            let (number, id, ttl) = state.create_lease(path, token, true);
            let (access_key, secret_key) = aws_key(state, number, role);
            let data =
                json!({"access_key": access_key, "secret_key": secret_key, "security_token": null});
            (200, leased(&id, ttl, true, data))
        }
        ("GET" | "POST", ["aws", "sts", role]) => {
            let (number, id, ttl) = state.create_lease(path, token, false);
            let (access_key, secret_key) = aws_key(state, number, role);
            let data = json!({
                "access_key": access_key, "secret_key": secret_key, "security_token": "session",
                "session_token": "session", "arn": "arn:aws:sts::123456789012:assumed-role/up/vault",
            });
            (200, leased(&id, ttl, false, data))
        }
        ("GET", ["aws", "static-creds", _]) => {
            let version = state.static_version;
            let data = json!({
                "access_key": format!("AKIASTATIC{version}"), "secret_key": format!("static-secret-{version}"),
            });
            (200, json!({"data": data}))
        }
        ("GET", ["database", "creds", role]) => {
            let (number, id, ttl) = state.create_lease(path, token, true);
            let data = json!({"username": format!("v-{role}-{number}"), "password": format!("password {number}")});
            (200, leased(&id, ttl, true, data))
        }
        ("GET", ["database", "static-creds", role]) => {
            let version = state.static_version;
            let data = json!({
                "username": role, "password": format!("password {version}"), "rotation_period": 600, "ttl": 300,
                "last_vault_rotation": format!("2026-01-31T12:00:{version:02}.123456789Z"),
            });
            (200, json!({"data": data}))
        }
        ("GET", ["secret", "data", ..]) => key_value(state, &parts[2..].join("/")),
        _ => error(
            404,
            &format!("no handler for route \"{path}\". route entry not found."),
        ),
    }
}

fn aws_key(state: &mut State, number: u64, role: &str) -> (String, String) {
    let Some(cloud) = &state.cloud else {
        return (
            format!("AKIAVAULT{number:07}"),
            format!("hidden-key-{number}"),
        );
    };
    let user = format!("vault-{role}-{number}");
    cloud.create_user(&user);
    let key = cloud.create_access_key(&user);
    state.attach_key(number, key.id());
    (key.id().to_owned(), key.secret().to_owned())
}

fn leased(id: &str, ttl: u64, is_renewable: bool, data: Value) -> Value {
    json!({"lease_id": id, "lease_duration": ttl, "renewable": is_renewable, "data": data, "auth": null})
}

fn key_value(state: &State, path: &str) -> (u16, Value) {
    let Some(versions) = state.kv.get(path) else {
        return (404, json!({"errors": []}));
    };
    let metadata =
        json!({"version": versions.len(), "created_time": "2026-01-31T12:00:00.123456789Z"});
    let current = versions.last().cloned().flatten();
    let status = if current.is_some() { 200 } else { 404 };
    (
        status,
        json!({"data": {"data": current, "metadata": metadata}}),
    )
}

fn error(status: u16, text: &str) -> (u16, Value) {
    (status, json!({"errors": [text]}))
}
