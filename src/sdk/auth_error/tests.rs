use super::*;
use AuthErrorKind::{Denied, InvalidToken, UnknownKey, WrongSignature};

#[test]
fn each_answer_says_what_it_says_about_the_key() {
    for (status, code, message, kind) in [
        (403, "InvalidAccessKeyId", "", UnknownKey),
        (403, "InvalidClientTokenId", "", UnknownKey),
        (400, "UnrecognizedClientException", "", UnknownKey),
        (401, "Unauthorized", "Unauthorized", UnknownKey), // R2
        (
            403,
            "AccessDenied",
            "Forbidden: No such key: GKAAAA",
            UnknownKey,
        ), // Garage
        (
            403,
            "AccessDenied",
            "Forbidden: Invalid signature",
            WrongSignature,
        ), // versitygw
        (
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
            UnknownKey,
        ),
        (403, "SignatureDoesNotMatch", "", WrongSignature),
        (400, "InvalidSignatureException", "", WrongSignature),
        (400, "ExpiredToken", "", InvalidToken),
        (403, "AccessDenied", "", Denied),
        (403, "AccessDenied", "Access Denied", Denied),
        (403, "Unauthorized", "", Denied),
        (
            403,
            "AuthFailure",
            "Not authorized for images: [ami-1]",
            Denied,
        ),
        (403, "AuthFailure", "", Denied),
        (401, "SomethingElse", "", Denied),
        (401, "", "", Denied),
        (403, "", "", Denied),
    ] {
        let error = AuthError::of(status, code, message);
        assert_eq!(
            error.map(AuthError::kind),
            Some(kind),
            "{status} {code}: {message}"
        );
    }
}

#[test]
fn other_errors_are_not_taken_for_auth_errors() {
    let late = "Signature expired: 20200101T000000Z is now earlier than 20200101T001000Z";
    let scope = "Credential should be scoped to a valid region, not 'us-east-1'.";
    for (status, code, message) in [
        (404, "NoSuchKey", "The specified key does not exist."),
        (400, "ThrottlingException", ""),
        (403, "invalidaccesskeyid", ""),
        (403, "InvalidObjectState", ""),
        (403, "RequestTimeTooSkewed", ""),
        (400, "InvalidSignatureException", late),
        (403, "SignatureDoesNotMatch", scope),
        (404, "", ""),
        (400, "", ""),
        (200, "InvalidAccessKeyId", ""),
        (503, "InvalidAccessKeyId", ""),
    ] {
        assert_eq!(
            AuthError::of(status, code, message),
            None,
            "{status} {code}: {message}"
        );
    }
    assert!(is_clock_skew("InvalidSignatureException", late));
    assert!(is_clock_skew("RequestTimeTooSkewed", ""));
    assert!(!is_clock_skew(
        "InvalidSignatureException",
        "does not match"
    ));
    assert!(!is_clock_skew("ValidationError", late));
}

#[test]
fn only_what_an_authenticated_request_is_told_proves_a_key() {
    for (status, code, message, proves) in [
        (
            403,
            "AccessDenied",
            "User: arn:aws:iam::1:user/u is not authorized to perform: s3:ListBucket",
            true,
        ),
        (
            400,
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/u is not authorized to perform: kms:Decrypt",
            true,
        ),
        (
            403,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
            true,
        ),
        (
            403,
            "AuthFailure",
            "Not authorized for images: [ami-1]",
            true,
        ),
        (
            403,
            "AccessDenied",
            "Forbidden: Operation is not allowed for this key.",
            true,
        ),
        (403, "AccessDenied", "Access Denied", false),
        (403, "AccessDenied", "Forbidden: No such key: GKAAAA", false),
        (401, "Unauthorized", "Unauthorized", false),
        (403, "AuthFailure", "", false),
        (403, "", "", false),
        (401, "SomethingElse", "whatever", false),
    ] {
        let error = AuthError::of(status, code, message).expect("an auth error");
        assert_eq!(error.proves_key(), proves, "{code}: {message}");
    }
}
