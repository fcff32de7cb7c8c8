//! The listener of IAM, STS and Secrets Manager: authenticates, authorizes, and routes calls to the service.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::access_key::User;
use crate::calls::{Call, Service};
use crate::cloud::{Shared, State};
use crate::dispatch::{Answer, dispatch};
use crate::error::{ApiError, Hangup};
use crate::sigv4::Claim;
use crate::{iam, secrets_manager, sts, xml};

/// The largest request body. A secret has at most 64 KiB.
const MAX_BODY: usize = 1 << 20;

type Answered = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Hangup>> + Send>>;

/// Creates the service for this state.
pub(crate) fn service(shared: Arc<Shared>) -> impl Fn(Request<Incoming>) -> Answered + Clone {
    move |request| Box::pin(answer(shared.clone(), request))
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Hangup> {
    let (parts, body) = request.into_parts();
    // Always to the end: a connection with unread bytes cannot be kept open.
    let body = Limited::new(body, MAX_BODY)
        .collect()
        .await
        .map_err(|_| Hangup)?
        .to_bytes();
    let claim = Claim::from_headers(&parts);
    let service = claim
        .as_ref()
        .and_then(|claim| Service::from_signing_name(&claim.service));
    let (Some(claim), Some(service @ (Service::Iam | Service::Sts | Service::SecretsManager))) =
        (claim, service)
    else {
        let message = "Request is missing Authentication Token";
        return Ok(render(
            Service::Iam,
            Err(ApiError::new(403, "MissingAuthenticationToken", message)),
        ));
    };
    let input = Input::read(service, &parts, &body);
    let call = Call {
        service,
        action: input.action.clone(),
        resource: input.resource(),
        access_key_id: Some(claim.access_key_id.clone()),
    };
    let name = call.name();
    let work = async {
        let caller = authenticate(&shared, service, &claim, &parts, &body)?;
        let mut state = shared.state();
        state.keys.mark_used(&claim.access_key_id, service);
        permit(&state, service, &caller, &name, input.resource().as_deref())?;
        match service {
            Service::Iam => iam::call(&mut state, &caller, &input),
            Service::Sts => sts::call(&mut state, &caller, &input),
            _ => secrets_manager::call(&mut state, shared.region(), &caller, &input),
        }
    };
    Ok(render(service, dispatch(&shared, call, work).await?))
}

/// An operation and its parameters.
pub(crate) struct Input {
    pub(crate) action: String,
    /// The parameters in the query protocol.
    pub(crate) form: HashMap<String, String>,
    /// The parameters in awsJson1.1.
    pub(crate) json: Value,
}

impl Input {
    fn read(service: Service, parts: &Parts, body: &[u8]) -> Self {
        if service == Service::SecretsManager {
            let target = parts
                .headers
                .get("x-amz-target")
                .and_then(|target| target.to_str().ok());
            let action = target
                .and_then(|target| target.rsplit('.').next())
                .unwrap_or("Unknown")
                .to_owned();
            let json = serde_json::from_slice(body).unwrap_or_default();
            return Self {
                action,
                form: HashMap::new(),
                json,
            };
        }
        let form: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
        let action = form
            .get("Action")
            .map_or("Unknown", String::as_str)
            .to_owned();
        Self {
            action,
            form,
            json: Value::Null,
        }
    }

    /// Returns a text parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.form
            .get(name)
            .map(String::as_str)
            .or_else(|| self.json.get(name)?.as_str())
    }

    fn resource(&self) -> Option<String> {
        let names = ["SecretId", "Name", "AccessKeyId", "UserName"];
        names
            .iter()
            .find_map(|name| self.text(name))
            .map(str::to_owned)
    }
}

fn authenticate(
    shared: &Shared,
    service: Service,
    claim: &Claim,
    parts: &Parts,
    body: &[u8],
) -> Result<User, ApiError> {
    let json = service == Service::SecretsManager;
    let signer = shared
        .state()
        .keys
        .accept(&claim.access_key_id, service)
        .ok_or_else(|| {
            let message = "The security token included in the request is invalid.";
            match json {
                true => ApiError::new(400, "UnrecognizedClientException", message),
                false => ApiError::new(403, "InvalidClientTokenId", message),
            }
        })?;
    if !claim.is_signed_with(&signer.secret, parts, body) {
        let message = "The request signature we calculated does not match the signature you provided. Check your \
                       AWS Secret Access Key and signing method. Consult the service documentation for details.";
        return Err(match json {
            true => ApiError::new(400, "InvalidSignatureException", message),
            false => ApiError::new(403, "SignatureDoesNotMatch", message),
        });
    }
    shared.state().keys.user(&signer.user).cloned()
}

fn permit(
    state: &State,
    service: Service,
    caller: &User,
    name: &str,
    resource: Option<&str>,
) -> Result<(), ApiError> {
    if !state.keys.is_denied(&caller.name, name) {
        return Ok(());
    }
    let message = format!(
        "User: {} is not authorized to perform: {name} on resource: {} because no identity-based policy allows the \
         {name} action",
        caller.arn,
        resource.unwrap_or("*"),
    );
    Err(match service {
        Service::SecretsManager => ApiError::new(400, "AccessDeniedException", message),
        _ => ApiError::new(403, "AccessDenied", message),
    })
}

impl Answer for Result<String, ApiError> {
    fn from_error(error: ApiError) -> Self {
        Err(error)
    }

    fn error(&self) -> Option<(u16, String)> {
        let error = self.as_ref().err()?;
        Some((error.status.as_u16(), error.code.clone()))
    }
}

fn render(service: Service, answer: Result<String, ApiError>) -> Response<Full<Bytes>> {
    let namespace = if service == Service::Sts {
        sts::NAMESPACE
    } else {
        iam::NAMESPACE
    };
    let status = answer
        .as_ref()
        .err()
        .map(|error| error.status)
        .unwrap_or_default();
    let (content_type, text) = match (service, answer) {
        (Service::SecretsManager, answer) => (
            "application/x-amz-json-1.1",
            answer.unwrap_or_else(|e| {
                json!({"__type": e.code, "message": e.message, "Message": e.message}).to_string()
            }),
        ),
        (_, answer) => (
            "text/xml",
            answer.unwrap_or_else(|error| xml::error(namespace, &error)),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static(content_type));
    response
}
