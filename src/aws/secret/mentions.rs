//! Finds a key outside the fields that hold it: in a URI, an SMTP user, a note. A rotation leaves the old key there.

use zeroize::Zeroizing;

use super::fields::Fields;
use super::rewrite::{key_field, members};

/// The shortest id and secret of AWS have 16 and 40 characters; a shorter text stands somewhere by chance.
const SHORTEST: usize = 16;
/// How often text is decoded that was encoded more than once: JSON in a string of JSON, in a URI.
const ROUNDS: usize = 4;
/// A field's name that is longer may hold a key itself.
const LONGEST_NAME: usize = 32;

/// Returns the names of the top fields in which one of `what` stands, other than those in which
/// [`with_key`](super::with_key) replaces the key.
pub(crate) fn other_places(text: &str, fields: &Fields, what: &[&str]) -> Vec<String> {
    let what: Vec<_> = what.iter().filter(|what| what.len() >= SHORTEST).collect();
    let has_any = |text: &str| what.iter().any(|what| mentions(text.as_bytes(), what));
    let members = members(text).unwrap_or_default().into_iter();
    let other = members.filter(|(name, value)| key_field(text, fields, name, value).is_none());
    other
        .filter_map(|(name, value)| match has_any(&name) {
            true => Some("a field whose name is the key".to_owned()),
            false => has_any(&text[value]).then(|| match name.len() > LONGEST_NAME {
                true => "a field with a long name".to_owned(),
                false => format!("`{}`", name.escape_debug()),
            }),
        })
        .collect()
}

/// Returns whether `what` stands in `text`, as it is or with the escapes of JSON, of URIs or of base64.
pub(crate) fn mentions(text: &[u8], what: &str) -> bool {
    let what = what.as_bytes();
    let mut text = Zeroizing::new(text.to_vec());
    for _ in 0..ROUNDS {
        if contains(&text, what) || base64_contains(&text, what) {
            return true;
        }
        let decoded = decoded(&text);
        if decoded == text {
            return false;
        }
        text = decoded;
    }
    false
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    !what.is_empty() && text.windows(what.len()).any(|window| window == what)
}

/// Resolves the escapes of JSON and of URIs, each once.
fn decoded(text: &[u8]) -> Zeroizing<Vec<u8>> {
    // Never longer than the text, so that it does not grow and leave copies behind.
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let hex = |at: usize, digits: usize| {
        let digits = std::str::from_utf8(text.get(at..at + digits)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let (byte, length) = match (byte, text.get(at + 1)) {
            (b'\\', Some(b'u')) => match hex(at + 2, 4).map(u8::try_from) {
                Some(Ok(ascii)) if ascii.is_ascii() => (ascii, 6),
                _ => (byte, 1),
            },
            (b'\\', Some(b'n' | b'r' | b't')) => (b' ', 2),
            (b'\\', Some(&escaped)) => (escaped, 2),
            (b'%', _) => match hex(at + 1, 2).map(u8::try_from) {
                Some(Ok(byte)) => (byte, 3),
                _ => (byte, 1),
            },
            _ => (byte, 1),
        };
        decoded.push(byte);
        at += length;
    }
    decoded
}

fn base64_contains(text: &[u8], what: &[u8]) -> bool {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
    text.split(|b| !is_digit(b))
        .filter(|run| run.len() > what.len())
        .any(|run| {
            // Padded to whole groups, in the alphabet of RFC 4648, section 4.
            let mut run = Zeroizing::new(run.iter().map(|b| *b as char).collect::<String>());
            *run = run.replace('-', "+").replace('_', "/");
            // A group of one digit is no byte.
            let whole = run.len() - usize::from(run.len() % 4 == 1);
            run.truncate(whole);
            while run.len() % 4 != 0 {
                run.push('=');
            }
            let bytes = aws_smithy_types::base64::decode(run.as_str());
            bytes.is_ok_and(|bytes| contains(&Zeroizing::new(bytes), what))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn places(others: &str) -> Vec<String> {
        let text = format!(r#"{{"accesskey":"{ID}","secretkey":"{SECRET}",{others}}}"#);
        other_places(&text, &Fields::default(), &[ID, SECRET])
    }

    #[test]
    fn a_key_is_found_in_whatever_form_it_stands() {
        let base64 = aws_smithy_types::base64::encode(format!("{ID}:{SECRET}"));
        let url_safe = base64.trim_end_matches('=').replace('/', "_");
        for value in [
            format!(r#""{ID}""#),
            format!(r#""s3://{ID}:x@host""#),
            format!(r#"["x", {{"deep": "{ID}"}}]"#),
            format!(r#"{{"{ID}": 1}}"#),
            format!(r#""{}""#, SECRET.replace('/', "\\/")),
            format!(r#""{}""#, SECRET.replace('/', "%2F")),
            format!(r#""{}""#, SECRET.replace('/', "%252f")),
            format!(r#""{}""#, SECRET.replace('/', "\\u002f")),
            format!(r#""{{\"k\":\"{}\"}}""#, SECRET.replace('/', "\\\\/")),
            format!(r#""\u0041{}""#, &ID[1..]),
            format!(r#""Basic {base64}""#),
            format!(r#""Basic {url_safe}""#),
        ] {
            assert_eq!(places(&format!(r#""x":{value}"#)), ["`x`"], "{value}");
        }
    }

    #[test]
    fn both_spellings_of_a_key_and_parts_of_it_are_no_other_place() {
        for others in [
            format!(r#""AWS_ACCESS_KEY_ID":"{ID}""#),
            format!(r#""note":"{}""#, &ID[4..]),
            r#""note":"%","n":1.0,"o":null,"p":"\\","q":"%2""#.to_owned(),
        ] {
            assert!(places(&others).is_empty(), "{others}");
        }
    }

    #[test]
    fn names_are_not_quoted_where_they_may_be_a_key() {
        let places = places(&format!(
            r#""{ID}":1,"{}":"{ID}","a\"b":"{ID}""#,
            "n".repeat(33)
        ));
        assert_eq!(
            places,
            [
                "a field whose name is the key",
                "a field with a long name",
                "`a\\\"b`"
            ]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[\\\\%u0-9a-f\"+/=_é-]{0,60}") {
            let _ = mentions(text.as_bytes(), ID);
        }
    }
}
