//! S3: s3s verifies signatures with the account's keys, and every call can be made to fail.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error, S3ErrorCode, S3Result};

use crate::calls::{Call, Service};
use crate::cloud::Shared;
use crate::dispatch::{Answer, dispatch};
use crate::error::{ApiError, Hangup};
use crate::http::SharedBody;
use crate::s3_files::Files;
use crate::sigv4::Claim;
use crate::xml;

type Answered = Pin<Box<dyn Future<Output = Result<Response<Body>, Hangup>> + Send>>;

/// Creates the service for the objects in this directory.
pub(crate) fn service(
    shared: Arc<Shared>,
    directory: &Path,
) -> impl Fn(Request<Incoming>) -> Answered + Clone + use<> {
    let mut builder = S3ServiceBuilder::new(Files::new(shared.clone(), directory));
    builder.set_auth(Accepted(shared.clone()));
    builder.set_access(Permitted {
        shared: shared.clone(),
        directory: directory.to_owned(),
    });
    let s3 = builder.build();
    move |request| Box::pin(answer(shared.clone(), s3.clone(), request))
}

async fn answer(
    shared: Arc<Shared>,
    s3: S3Service,
    request: Request<Incoming>,
) -> Result<Response<Body>, Hangup> {
    let (parts, body) = request.into_parts();
    let call = describe(&parts);
    let body = SharedBody::new(body);
    let rest = body.clone();
    let request = Request::from_parts(parts, Body::http_body_unsync(body));
    let work = async {
        s3.call(request).await.unwrap_or_else(|_| {
            Response::from_error(ApiError::new(
                500,
                "InternalError",
                "We encountered an internal error.",
            ))
        })
    };
    let answer = dispatch(&shared, call, work).await?;
    rest.drain().await;
    Ok(answer)
}

struct Accepted(Arc<Shared>);

#[async_trait::async_trait]
impl S3Auth for Accepted {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.state().keys.accept(access_key, Service::S3) {
            Some(signer) => Ok(signer.secret.into()),
            None => Err(unknown_key()),
        }
    }
}

fn unknown_key() -> S3Error {
    S3Error::with_message(
        S3ErrorCode::InvalidAccessKeyId,
        "The AWS Access Key Id you provided does not exist in our records.",
    )
}

struct Permitted {
    shared: Arc<Shared>,
    directory: PathBuf,
}

#[async_trait::async_trait]
impl S3Access for Permitted {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let denied = || S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied");
        let id = &context.credentials().ok_or_else(denied)?.access_key;
        let action = context.s3_op().name();
        let mut state = self.shared.state();
        state.keys.mark_used(id, Service::S3);
        // The key may have been deleted since its signature was verified.
        let Ok((user, _)) = state.keys.find(id) else {
            return Err(unknown_key());
        };
        let names = [action, permission(action)];
        if names
            .iter()
            .any(|name| state.keys.is_denied(user, &format!("s3:{name}")))
        {
            return Err(denied());
        }
        // s3s-fs would create a missing bucket.
        match context.s3_path().get_bucket_name() {
            Some(bucket) if action != "CreateBucket" && !self.directory.join(bucket).is_dir() => {
                let message = "The specified bucket does not exist";
                Err(S3Error::with_message(S3ErrorCode::NoSuchBucket, message))
            }
            _ => Ok(()),
        }
    }
}

impl Answer for Response<Body> {
    fn from_error(error: ApiError) -> Self {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
            xml::escape(&error.code),
            xml::escape(&error.message)
        );
        let mut answer = Response::new(Body::from(text));
        *answer.status_mut() = error.status;
        answer
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("application/xml"));
        answer
    }

    fn error(&self) -> Option<(u16, String)> {
        let status = self.status();
        if !status.is_client_error() && !status.is_server_error() {
            return None;
        }
        let body = self.body().bytes().unwrap_or_default();
        let text = String::from_utf8_lossy(&body);
        let code = text
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"));
        Some((
            status.as_u16(),
            code.map_or_else(String::new, |(code, _)| code.to_owned()),
        ))
    }
}

fn describe(parts: &Parts) -> Call {
    let claim = Claim::from_headers(parts).or_else(|| Claim::from_query(parts));
    Call {
        service: Service::S3,
        action: operation(parts).to_owned(),
        resource: Some(parts.uri.path().to_owned()),
        access_key_id: claim.map(|claim| claim.access_key_id),
    }
}

/// The operation a request line asks for, among those an uploader meets.
fn operation(parts: &Parts) -> &'static str {
    let query = parts.uri.query().unwrap_or_default();
    let asks = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let copies = parts.headers.contains_key("x-amz-copy-source");
    let path = parts.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    match (&parts.method, bucket, key) {
        (&Method::GET, "", _) => "ListBuckets",
        (&Method::GET, _, "") if asks("location") => "GetBucketLocation",
        (&Method::GET, _, "") if asks("list-type") => "ListObjectsV2",
        (&Method::GET, _, "") => "ListObjects",
        (&Method::HEAD, _, "") => "HeadBucket",
        (&Method::PUT, _, "") => "CreateBucket",
        (&Method::DELETE, _, "") => "DeleteBucket",
        (&Method::POST, _, "") if asks("delete") => "DeleteObjects",
        (&Method::GET, ..) if asks("uploadId") => "ListParts",
        (&Method::GET, ..) => "GetObject",
        (&Method::HEAD, ..) => "HeadObject",
        (&Method::PUT, ..) if asks("partNumber") && copies => "UploadPartCopy",
        (&Method::PUT, ..) if asks("partNumber") => "UploadPart",
        (&Method::PUT, ..) if copies => "CopyObject",
        (&Method::PUT, ..) => "PutObject",
        (&Method::POST, ..) if asks("uploads") => "CreateMultipartUpload",
        (&Method::POST, ..) if asks("uploadId") => "CompleteMultipartUpload",
        (&Method::DELETE, ..) if asks("uploadId") => "AbortMultipartUpload",
        (&Method::DELETE, ..) => "DeleteObject",
        _ => "Unknown",
    }
}

/// Returns the permission that an operation needs, where its name differs.
fn permission(operation: &str) -> &str {
    match operation {
        "UploadPart"
        | "UploadPartCopy"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "CompleteMultipartUpload" => "PutObject",
        "HeadObject" => "GetObject",
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "ListBucket",
        "ListBuckets" => "ListAllMyBuckets",
        "ListParts" => "ListMultipartUploadParts",
        "DeleteObjects" => "DeleteObject",
        other => other,
    }
}
