use proptest::prelude::*;

use super::*;

fn read(headers: &[(&str, &'static str)], body: &[u8]) -> ErrorAnswer {
    let find = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
    ErrorAnswer::of_raw(find, body)
}

fn code(headers: &[(&str, &'static str)], body: &[u8]) -> String {
    read(headers, body).code
}

const CBOR: &[(&str, &str)] = &[("smithy-protocol", "rpc-v2-cbor")];

#[test]
fn the_code_is_found_in_every_protocol() {
    for (body, expected) in [
        // S3, and a query service.
        (
            "<?xml version=\"1.0\"?>\n<Error><Code>InvalidAccessKeyId</Code><Message>m</Message></Error>",
            "InvalidAccessKeyId",
        ),
        (
            "<ErrorResponse xmlns=\"https://sts/\"><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>",
            "SignatureDoesNotMatch",
        ),
        // EC2.
        (
            "<Response><Errors><Error><Code>AuthFailure</Code><Message>m</Message></Error></Errors></Response>",
            "AuthFailure",
        ),
        // What a parser must not stumble over.
        (
            "<ns:Error xmlns:ns=\"u\"><ns:Code>InvalidAccessKeyId</ns:Code></ns:Error>",
            "InvalidAccessKeyId",
        ),
        (
            "<Error><!-- <Code>Lie</Code> --><Code>InvalidAccessKeyId</Code></Error>",
            "InvalidAccessKeyId",
        ),
        (
            "<Error><Code kind=\"a > b\" lang='x'>\n InvalidAccessKeyId\t</Code></Error>",
            "InvalidAccessKeyId",
        ),
        (
            "<Error><Code><![CDATA[InvalidAccessKeyId]]></Code></Error>",
            "InvalidAccessKeyId",
        ),
        (
            "<Error><Message>&lt;Code&gt;Lie&lt;/Code&gt;</Message><Code>ExpiredToken</Code></Error>",
            "ExpiredToken",
        ),
        (
            "<Error><Detail><Code>Inner</Code></Detail><Code>Outer</Code></Error>",
            "Outer",
        ),
        (
            "<Error><Resource/><Code>AccessDenied</Code></Error>",
            "AccessDenied",
        ),
        (
            "\u{feff}<Error><Code>AccessDenied</Code></Error>",
            "AccessDenied",
        ),
        // JSON services.
        (
            r#" {"message":"a \"__type\":\"Lie\" in words","__type":"com.amazonaws.x#AccessDeniedException"}"#,
            "AccessDeniedException",
        ),
        (
            r#"{"code" : "ExpiredTokenException"}"#,
            "ExpiredTokenException",
        ),
        (
            r#"{"Code":"UnrecognizedClientException","Message":"m"}"#,
            "UnrecognizedClientException",
        ),
        (
            r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"m"}"#,
            "UnrecognizedClientException",
        ),
        (
            r#"{"Error":{"Code":"InvalidClientTokenId","Message":"m","Type":"Sender"},"RequestId":"r"}"#,
            "InvalidClientTokenId",
        ),
        (r#"{"__type":"Code:http://internal.amazon.com/"}"#, "Code"),
    ] {
        assert_eq!(code(&[], body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn headers_come_before_the_body() {
    let body = br#"{"__type":"com.amazonaws.x#UnrecognizedClientException"}"#;
    for (name, value, expected) in [
        (
            "x-amzn-errortype",
            "AccessDeniedException:http://x/",
            "AccessDeniedException",
        ),
        (
            "x-amzn-errortype",
            "com.amazonaws.x#ExpiredTokenException:http://a#b",
            "ExpiredTokenException",
        ),
        (
            "x-amzn-query-error",
            "InvalidClientTokenId;Sender",
            "InvalidClientTokenId",
        ),
        (
            "x-minio-error-code",
            "InvalidAccessKeyId",
            "InvalidAccessKeyId",
        ),
        ("x-amz-error-code", "AccessDenied", "AccessDenied"),
        ("x-amzn-errortype", " ", "UnrecognizedClientException"),
    ] {
        assert_eq!(code(&[(name, value)], body), expected, "{name}: {value}");
    }
    let head = read(
        &[
            ("x-minio-error-code", "AccessDenied"),
            ("x-minio-error-desc", "\"Access Denied.\""),
        ],
        b"",
    );
    assert_eq!(
        (head.code.as_str(), head.message.as_str()),
        ("AccessDenied", "Access Denied.")
    );
}

#[test]
fn cbor_is_read_with_and_without_lengths() {
    let of = |parts: &[&[u8]]| parts.concat();
    let definite = of(&[
        b"\xa2\x66__type\x78\x1fcom.amazon#InvalidClientTokenId",
        b"\x67message\x61m",
    ]);
    let indefinite =
        of(&[b"\xbf\x65extra\x82\x01\xfa\x3f\x80\x00\x00\x66__type\x7f\x63ns#\x64Code\xff\xff"]);
    let nested = of(&[b"\xa2\x63out\xa1\x66__type\x63Lie\x66__type\xc1\x01"]);
    let tagged = of(&[b"\xa2\x61t\xc1\x1a\x00\x00\x00\x01\x64code\x64Code"]);
    for (body, expected) in [
        (&definite, "InvalidClientTokenId"),
        (&indefinite, "Code"),
        (&nested, ""),
        (&tagged, "Code"),
    ] {
        assert_eq!(code(CBOR, body), expected, "{}", body.escape_ascii());
        assert_eq!(code(&[], body), expected, "by its first byte");
    }
    assert_eq!(read(CBOR, &definite).message, "m");
    assert_eq!(
        code(CBOR, b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x61a"),
        "",
        "a length beyond the end"
    );
    assert_eq!(
        code(CBOR, &of(&[b"\xa1\x61a", &[0x81; 100_000]])),
        "",
        "too deep"
    );
}

#[test]
fn what_is_not_a_code_is_not_taken_for_one() {
    for body in [
        &b""[..],
        b"Forbidden",
        b"<html><body>Forbidden</body></html>",
        b"<html><Code>InvalidAccessKeyId</Code></html>",
        b"<Error><Code>",
        b"<Error><Code></Code></Error>",
        b"<Error><Code>no code at all</Code></Error>",
        br#"{"code":403,"message":"\"code\":\"Lie\""}"#,
        br#"{"values":["code","x"]}"#,
        br#"["__type","x"]"#,
        b"\xff\xfe{",
    ] {
        assert_eq!(code(&[], body), "", "{}", body.escape_ascii());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        start in prop::sample::select(vec!["", "<Error><Code>", "{\"__type\"", "<!--", "<![CDATA[", "<a b=\"", "{\"code\":\"", " \u{feff}<Error><Code>A#"]),
        tail: Vec<u8>,
        cbor: bool,
    ) {
        let body = [start.as_bytes(), &tail].concat();
        let found = code(if cbor { CBOR } else { &[] }, &body);
        prop_assert!(found.len() <= LONGEST_CODE);
    }

    #[test]
    fn a_code_between_other_fields_is_found(code in "[A-Z][A-Za-z.]{0,60}", before in "[^\"\\\\\\x00-\\x1f]*", blank in "[ \n\t]{0,3}") {
        let body = format!("{{{blank}\"message\"{blank}:\"{before}\",\"__type\"{blank}:{blank}\"ns#{code}\"}}");
        prop_assert_eq!(self::code(&[], body.as_bytes()), code);
    }
}
