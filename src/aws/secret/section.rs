//! What a secret says, whatever its format: the fields of an access key, in the sections in which they stand.
//!
//! A JSON object is a section, and so is a profile of a credentials file. Only values of fields that are part of a key are kept.

use zeroize::Zeroizing;

use super::key_field::KeyField;

/// An object or a profile.
#[derive(Default)]
pub(super) struct Section {
    /// Its name in the section around it; empty at the top.
    pub(super) name: String,
    values: Vec<(KeyField, String, Value)>,
    /// The names of all fields, also of those that are not part of a key.
    pub(super) names: Vec<String>,
    pub(super) inner: Vec<Section>,
}

/// The value of a field.
#[derive(PartialEq)]
pub(super) enum Value {
    Text(Zeroizing<String>),
    /// A value of another JSON type, and which.
    Other(&'static str),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.to_owned()))
    }
}

impl Section {
    /// Adds the value of a field that is part of a key.
    pub(super) fn add(&mut self, field: KeyField, name: &str, value: Value) {
        self.values.push((field, name.to_owned(), value));
    }

    /// Adds a section within this one.
    pub(super) fn nest(&mut self, name: impl Into<String>, mut section: Self) {
        section.name = name.into();
        self.inner.push(section);
    }

    /// Returns whether `field` stands here, as text.
    pub(super) fn has(&self, field: KeyField) -> bool {
        let mut values = self.values.iter();
        values.any(|(found, _, value)| *found == field && matches!(value, Value::Text(_)))
    }

    /// Returns whether an access key id or a secret access key stands here.
    pub(super) fn has_part(&self) -> bool {
        self.has(KeyField::AccessKeyId) || self.has(KeyField::SecretAccessKey)
    }

    /// Returns whether both stand here.
    pub(super) fn has_key(&self) -> bool {
        self.has(KeyField::AccessKeyId) && self.has(KeyField::SecretAccessKey)
    }

    /// Takes all that stands here for `field`: names and values.
    pub(super) fn take(&mut self, field: KeyField) -> Vec<(String, Value)> {
        let (ours, others) = std::mem::take(&mut self.values)
            .into_iter()
            .partition::<Vec<_>, _>(|(found, ..)| *found == field);
        self.values = others;
        let named = ours.into_iter().map(|(_, name, value)| (name, value));
        named.collect()
    }

    /// Calls `visit` with the way to each section within this one, and the section.
    pub(super) fn walk<'s>(&'s self, visit: &mut impl FnMut(&[usize], &'s Self)) {
        fn below<'s>(
            section: &'s Section,
            way: &mut Vec<usize>,
            visit: &mut impl FnMut(&[usize], &'s Section),
        ) {
            for (number, inner) in section.inner.iter().enumerate() {
                way.push(number);
                visit(way, inner);
                below(inner, way, visit);
                way.pop();
            }
        }
        below(self, &mut Vec::new(), visit);
    }

    /// Returns the names on the way to a section within this one, joined by dots.
    pub(super) fn path(&self, way: &[usize]) -> String {
        let mut path = String::new();
        let mut section = self;
        for &number in way {
            section = &section.inner[number];
            // `keys[0]`
            if !path.is_empty() && !section.name.starts_with('[') {
                path.push('.');
            }
            path.push_str(&plain_name(&section.name));
        }
        path
    }
}

/// The longest known spelling has 24 characters, a secret access key 40.
const LONGEST_NAME: usize = 32;

/// Returns a field's name for an error. Long names are not quoted: a key may be stored where its name belongs. Characters that
/// cannot be seen are escaped.
pub(super) fn plain_name(name: &str) -> String {
    let length = name.chars().count();
    if length > LONGEST_NAME {
        return format!("(a name of {length} characters)");
    }
    name.escape_debug().to_string()
}
