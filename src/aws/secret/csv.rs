//! Reads a secret in the CSV file that the IAM console offers for download: one line of names, one of values.

use super::fields::Fields;
use super::key_field::KeyField;
use super::section::{Section, Value};

/// Returns whether the first line names the columns of an access key.
pub(super) fn is_csv(text: &str, fields: &Fields) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let columns: Vec<_> = cells(first)
        .iter()
        .map(|name| fields.field_of(name))
        .collect();
    [KeyField::AccessKeyId, KeyField::SecretAccessKey]
        .iter()
        .all(|part| columns.contains(&Some(*part)))
}

/// Reads the one row.
///
/// # Errors
/// How many rows there are, if it is not one.
pub(super) fn read(text: &str, fields: &Fields) -> Result<Section, String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let names = cells(lines.next().unwrap_or_default());
    let rows: Vec<_> = lines.collect();
    let [row] = rows.as_slice() else {
        return Err(match rows.len() {
            0 => "the CSV has no row after the one with the names".to_owned(),
            n => format!("the CSV has {n} rows with keys; leave the one to use"),
        });
    };
    let mut section = Section::default();
    let values = cells(row);
    for (name, value) in names.into_iter().zip(values) {
        if let Some(field) = fields.field_of(&name) {
            section.add(field, &name, Value::Text(value));
        }
        section.names.push(name.to_string());
    }
    Ok(section)
}

/// Splits a line at its commas; a cell may be in quotes, and a quote in it is doubled.
fn cells(line: &str) -> Vec<zeroize::Zeroizing<String>> {
    let mut cells = vec![cell(line)];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if is_quoted && characters.peek() == Some(&'"') => characters.next(),
            '"' => {
                is_quoted = !is_quoted;
                continue;
            }
            ',' if !is_quoted => {
                cells.push(cell(line));
                continue;
            }
            _ => None,
        };
        if let Some(cell) = cells.last_mut() {
            cell.push(c);
        }
    }
    cells
}

/// Returns an empty cell. It has room for all of the line: growing would leave copies behind.
fn cell(line: &str) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(String::with_capacity(line.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_at_commas_outside_of_quotes() {
        for (line, expected) in [
            ("", vec![""]),
            ("a,b", vec!["a", "b"]),
            ("a,,", vec!["a", "", ""]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"a\"\"b\",c", vec!["a\"b", "c"]),
            ("\"a,b", vec!["a,b"]),
        ] {
            let found: Vec<String> = cells(line).iter().map(|cell| cell.to_string()).collect();
            assert_eq!(found, expected, "{line}");
        }
    }
}
