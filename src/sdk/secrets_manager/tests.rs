//! The decoder and the error map, as tables.

use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Region};
use aws_sdk_secretsmanager::primitives::{Blob, DateTime};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

use super::*;

fn with_call<T>(operation: &'static str, test: impl FnOnce(Call<'_>) -> T) -> T {
    with_call_of("prod/uploader", operation, test)
}

fn with_call_of<T>(
    secret_id: &str,
    operation: &'static str,
    test: impl FnOnce(Call<'_>) -> T,
) -> T {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .build();
    test(Call {
        operation,
        secret_id,
        stage: Some("AWSCURRENT"),
        client: &Client::from_conf(config),
    })
}

fn answer()
-> aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueOutputBuilder {
    GetSecretValueOutput::builder()
}

fn decode(output: GetSecretValueOutput) -> Result<Option<Secret>, Error> {
    let value = with_call("GetSecretValue", |call| call.decode(output))?;
    Ok(value.map(|value| value.secret))
}

#[test]
fn text_and_bytes_are_decoded_with_version_stages_and_time() {
    let outputs = [
        answer().secret_string("material"),
        answer().secret_binary(Blob::new("material")),
    ];
    for output in outputs {
        let output = output
            .version_id("v1")
            .version_stages("AWSCURRENT")
            .created_date(DateTime::from_secs(1_700_000_000));
        let secret = decode(output.build()).expect("decoded").expect("a value");
        assert_eq!(secret.expose(), b"material");
        assert_eq!(secret.version().as_str(), "v1");
        assert_eq!(secret.stages(), ["AWSCURRENT"]);
        assert!(secret.created().is_some());
    }
}

#[cfg(feature = "rotation")]
#[test]
fn the_encoding_is_the_one_that_was_used() {
    for (output, encoding) in [
        (answer().secret_string("text"), Encoding::Text),
        (answer().secret_binary(Blob::new("bytes")), Encoding::Binary),
    ] {
        let output = output.version_id("v1").build();
        let value = with_call("GetSecretValue", |call| call.decode(output));
        let value = value.expect("decoded").expect("a value");
        assert_eq!(value.encoding, encoding);
    }
}

#[test]
fn an_empty_version_is_no_value() {
    for output in [
        answer(),
        answer().secret_string(""),
        answer().secret_binary(Blob::new("")),
    ] {
        let value = decode(output.version_id("v1").build()).expect("decoded");
        assert!(value.is_none());
    }
}

#[test]
fn an_answer_without_a_version_id_is_malformed() {
    for output in [answer(), answer().version_id("")] {
        let output = output.secret_string("material").build();
        let error = decode(output).expect_err("no version id");
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(!error.report().contains("material"));
    }
}

#[rustfmt::skip] // one row, one line
#[test]
fn each_error_has_one_kind_and_says_what_to_change() {
    use ErrorKind::{Config as Misconfigured, NotFound, PermissionDenied, Unauthenticated};
    const GET: &str = "GetSecretValue";
    const PUT: &str = "PutSecretValue";
    let cases = [
        (GET, NOT_FOUND, "can't find the specified secret.", NotFound, "in eu-west-1: check its name"),
        (GET, NOT_FOUND, "… secret value for staging label: X", NotFound, "no version with the stage `AWSCURRENT`"),
        (GET, NOT_FOUND, "can't find the specified secret value for VersionId", NotFound, "no version with"),
        (GET, "InvalidRequestException", "it was marked for deletion", NotFound, "restore-secret"),
        (GET, "InvalidRequestException", "something else", Misconfigured, "does not accept"),
        (GET, "DecryptionFailure", "", PermissionDenied, "grant `kms:Decrypt`"),
        (PUT, "EncryptionFailure", "", PermissionDenied, "grant `kms:GenerateDataKey` and `kms:Decrypt`"),
        (GET, "AccessDeniedException", "Access to KMS is not allowed", PermissionDenied, "`kms:Decrypt`"),
        (PUT, "AccessDeniedException", "", PermissionDenied, "`secretsmanager:PutSecretValue` on secret `prod/uploader`"),
        (GET, "UnrecognizedClientException", "", Unauthenticated, "does not know the access key"),
        (GET, "InvalidSignatureException", "", Unauthenticated, "secret access key"),
        (GET, "ExpiredTokenException", "", Unauthenticated, "session token"),
        (GET, "IncompleteSignature", "", Unauthenticated, "signature was not understood"),
        (GET, "InvalidParameterException", "", Misconfigured, "stage `AWSCURRENT`"),
    ];
    for (operation, code, message, kind, expected) in cases {
        let metadata = ErrorMetadata::builder().code(code).message(message).build();
        let status = 400.try_into().expect("a status");
        let response = HttpResponse::new(status, SdkBody::empty());
        let error = with_call(operation, |call| {
            call.error(call.failure(SdkError::service_error(metadata, response)))
        });
        assert_eq!(error.kind(), kind, "{code}: {error}");
        assert!(error.to_string().contains(expected), "{code}: {error}");
    }
}

#[test]
fn an_incomplete_arn_is_explained_and_a_complete_one_is_not_doubted() {
    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";
    let suffix = |name: &str, code: &str| {
        let metadata = ErrorMetadata::builder().code(code).build();
        let response = HttpResponse::new(400.try_into().expect("a status"), SdkBody::empty());
        let error = with_call_of(&format!("{ARN}{name}"), "GetSecretValue", |call| {
            call.error(call.failure(SdkError::service_error(metadata, response)))
        });
        error.to_string()
    };
    for code in [NOT_FOUND, "AccessDeniedException"] {
        for (name, expected) in [
            ("prod-upload", "takes `-upload` at its end for"),
            ("prod-UPLOAD", "takes `-UPLOAD` at its end for"),
            ("prod-202601", "takes `-202601` at its end for"),
            ("prod/uploader", "has no random suffix"),
            ("prod", "has no random suffix"),
        ] {
            let text = suffix(name, code);
            assert!(text.contains(expected), "{name}: {text}");
            assert!(text.contains("the complete ARN, or the name"), "{text}");
            assert!(!text.contains("another account"), "{text}");
        }
    }
    let complete = suffix("prod-upload-a1B2c3", "AccessDeniedException");
    assert!(!complete.contains("random"), "{complete}");
    let gone = suffix("prod-upload-a1B2c3", NOT_FOUND);
    assert!(gone.contains("takes `-a1B2c3` at its end for"), "{gone}");
}
