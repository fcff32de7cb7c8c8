//! Reads a secret in lines of `name = value`: an AWS credentials file, `export` lines, an `.env` file, Java properties.
//!
//! Lines that are none of these are skipped: what is missing then is said where it is needed.

use super::fields::Fields;
use super::section::{Section, Value};

/// What shells put before a name.
const PREFIXES: [&str; 4] = ["export ", "set ", "setx ", "$env:"];

/// Reads the lines. Each profile, `[name]`, is a section.
pub(super) fn read(text: &str, fields: &Fields) -> Section {
    let mut top = Section::default();
    let mut profile: Option<(&str, Section)> = None;
    for line in text.lines().map(trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = header(line) {
            if let Some((name, section)) = profile.replace((name, Section::default())) {
                top.nest(name, section);
            }
            continue;
        }
        let Some((name, value)) = assignment(line) else {
            continue;
        };
        let section = profile.as_mut().map_or(&mut top, |(_, section)| section);
        if let Some(field) = fields.field_of(name) {
            section.add(field, name, Value::text(value));
        }
        section.names.push(name.to_owned());
    }
    if let Some((name, section)) = profile {
        top.nest(name, section);
    }
    top
}

/// Returns the name in `[name]`, as the credentials file has it, or in `[profile name]`, as the config file has it.
fn header(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix('[')?.split_once(']')?;
    let is_alone = matches!(trim(rest).chars().next(), None | Some('#' | ';'));
    let name = trim(name);
    is_alone.then(|| name.strip_prefix("profile ").map_or(name, trim))
}

/// Returns the name and the value of `name = value` or `name: value`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let mut line = line;
    for prefix in PREFIXES {
        if let Some(start) = line.get(..prefix.len())
            && start.eq_ignore_ascii_case(prefix)
        {
            line = trim(&line[prefix.len()..]);
        }
    }
    let end = line.find(['=', ':'])?;
    let (name, value) = (trim(&line[..end]), trim(&line[end + 1..]));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
    (!name.is_empty() && name.chars().all(is_name)).then(|| (name, unquoted(value)))
}

/// Returns a value without its quotes, and without the comment behind it.
fn unquoted(value: &str) -> &str {
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\''))
        && let Some((inner, rest)) = value[1..].split_once(quote)
        && matches!(trim(rest).chars().next(), None | Some('#' | ';'))
    {
        return inner;
    }
    let comment = value.match_indices(['#', ';']).map(|(at, _)| at);
    match comment
        .into_iter()
        .find(|&at| value[..at].ends_with([' ', '\t']))
    {
        Some(at) => trim(&value[..at]),
        None => value,
    }
}

/// Trims what may be there without a meaning; other blanks are faults of the value.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_in_the_spellings_of_shells_and_files() {
        for (line, expected) in [
            ("a = b", Some(("a", "b"))),
            ("a=b=c==", Some(("a", "b=c=="))),
            ("a: b", Some(("a", "b"))),
            ("a:b", Some(("a", "b"))),
            ("export A='b c'", Some(("A", "b c"))),
            ("SET a.b=c", Some(("a.b", "c"))),
            ("$Env:A=\"b\"", Some(("A", "b"))),
            ("a = b # c", Some(("a", "b"))),
            ("a = b#c;d", Some(("a", "b#c;d"))),
            ("a = \"b#c\" ; d", Some(("a", "b#c"))),
            ("a = \"b", Some(("a", "\"b"))),
            ("a = \"b\"c", Some(("a", "\"b\"c"))),
            ("a =", Some(("a", ""))),
            ("= b", None),
            ("a/b=c", None),
            ("é=c", None),
            ("abc", None),
        ] {
            assert_eq!(assignment(line), expected, "{line}");
        }
    }

    #[test]
    fn headers_are_read_with_and_without_profile() {
        for (line, expected) in [
            ("[default]", Some("default")),
            ("[ a b ] # c", Some("a b")),
            ("[profile a]", Some("a")),
            ("[profile default] ; x", Some("default")),
            ("[a]b", None),
            ("a]", None),
            ("[a", None),
        ] {
            assert_eq!(header(line), expected, "{line}");
        }
    }
}
