//! Replaces the key in a secret's JSON, and leaves every other byte as it was.
//!
//! Parsing and serializing would change the order of the fields, the white space and numbers such as `1.0`, and would leave
//! copies of the old key in memory that is not zeroized. So the values of the two fields are cut out and replaced.

use std::ops::Range;

use zeroize::Zeroizing;

use super::fields::{Fields, KeyField};

/// Returns `text` with another key; `None` if it is not a JSON object. A key that has two spellings is replaced in
/// both.
pub(crate) fn with_key(
    text: &str,
    fields: &Fields,
    id: &str,
    secret: &str,
) -> Option<Zeroizing<String>> {
    let quoted = |value: &str| serde_json::to_string(value).ok().map(Zeroizing::new);
    let (id, secret) = (quoted(id)?, quoted(secret)?);
    // Reserved at once: growing would leave copies behind.
    let mut new = Zeroizing::new(String::with_capacity(
        text.len() + 4 * (id.len() + secret.len()),
    ));
    let mut copied = 0;
    for (name, value) in members(text)? {
        let by = match key_field(text, fields, &name, &value) {
            Some(KeyField::AccessKeyId) => &id,
            Some(_) => &secret,
            None => continue,
        };
        new.push_str(&text[copied..value.start]);
        new.push_str(by);
        copied = value.end;
    }
    new.push_str(&text[copied..]);
    Some(new)
}

/// Returns which part of the key a member holds, if it is one that is replaced.
pub(super) fn key_field(
    text: &str,
    fields: &Fields,
    name: &str,
    value: &Range<usize>,
) -> Option<KeyField> {
    use KeyField::{AccessKeyId, SecretAccessKey};
    let field = fields.field_of(name)?;
    let is_key = matches!(field, AccessKeyId | SecretAccessKey);
    // A null counts as missing: it stays.
    (is_key && text[value.clone()].starts_with('"')).then_some(field)
}

/// Returns the names of an object's fields, and where their values are.
pub(super) fn members(text: &str) -> Option<Vec<(String, Range<usize>)>> {
    let mut scan = Scan { text, at: 0 };
    let mut members = Vec::new();
    scan.expect(b'{')?;
    if scan.next()? == b'}' {
        return Some(members);
    }
    loop {
        scan.next()?;
        let name = scan.string()?;
        let name = serde_json::from_str(&text[name]).ok()?;
        scan.expect(b':')?;
        scan.next()?;
        members.push((name, scan.value()?));
        match scan.next()? {
            b',' => scan.at += 1,
            b'}' => return Some(members),
            _ => return None,
        }
    }
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl Scan<'_> {
    /// Returns the next byte that is not white space, without consuming it.
    fn next(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|b| !b.is_ascii_whitespace())?;
        Some(self.text.as_bytes()[self.at])
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// Consumes the string that starts here, and returns its range with its quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        (bytes[start] == b'"').then_some(())?;
        let mut at = start + 1;
        loop {
            match *bytes.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(start..self.at)
    }

    /// Consumes the value that starts here, of any type, and returns its range.
    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b'}' | b']' if depth == 0 => break,
                byte if byte.is_ascii_whitespace() && depth == 0 => break,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 && self.at > start {
                break;
            }
        }
        Some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn rewritten(text: &str) -> String {
        let new = with_key(text, &Fields::default(), "NEWID", "new\"secret");
        new.expect("a JSON object").to_string()
    }

    #[test]
    fn order_spelling_white_space_and_numbers_stay() {
        let text = "{ \"z\":1.0 ,\n\t\"accesskey\" : \"OLD\",\"n\":{\"accesskey\":[\"x\",{\"a\":\"}\"}]},\
                    \"secretkey\":\"o\\\\\\\"ld\",\"a\":null}\n";
        assert_eq!(
            rewritten(text),
            "{ \"z\":1.0 ,\n\t\"accesskey\" : \"NEWID\",\"n\":{\"accesskey\":[\"x\",{\"a\":\"}\"}]},\
             \"secretkey\":\"new\\\"secret\",\"a\":null}\n"
        );
    }

    #[test]
    fn both_spellings_of_a_key_are_replaced_and_a_null_stays() {
        assert_eq!(
            rewritten(r#"{"access_key":"A","AWS_ACCESS_KEY_ID":"A","secret_key":null}"#),
            r#"{"access_key":"NEWID","AWS_ACCESS_KEY_ID":"NEWID","secret_key":null}"#
        );
        assert_eq!(
            rewritten(r#"{"\u0061ccessKey":"A"}"#),
            r#"{"\u0061ccessKey":"NEWID"}"#
        );
    }

    #[test]
    fn what_is_not_an_object_is_rejected() {
        for text in ["", "[]", "\"x\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{a:1}"] {
            assert!(
                with_key(text, &Fields::default(), "i", "s").is_none(),
                "{text}"
            );
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_other_field_is_as_it_was(
            others in prop::collection::btree_map("[a-z\"\\\\]{1,6}", json(), 0..5),
            pretty: bool,
        ) {
            let mut object: Map<String, Value> = others.into_iter().collect();
            object.insert("accessKeyId".to_owned(), "OLD".into());
            object.insert("secretAccessKey".to_owned(), "old".into());
            let old = Value::Object(object.clone());
            let text = if pretty { format!("{old:#}") } else { old.to_string() };
            object.insert("accessKeyId".to_owned(), "NEWID".into());
            object.insert("secretAccessKey".to_owned(), "new\"secret".into());
            let new: Value = serde_json::from_str(&rewritten(&text)).expect("still JSON");
            prop_assert_eq!(new, Value::Object(object));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[{}\\[\\]\",:\\\\ a-zé]{0,40}") {
            let _ = with_key(&text, &Fields::default(), "i", "s");
        }
    }
}
