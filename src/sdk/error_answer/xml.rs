//! Errors in XML: an element `Code`, with or without a prefix, inside an element `Error` at any depth.

use super::ErrorAnswer;

/// Reads the code and the message of the first `Error`, or nothing.
pub(super) fn read(body: &str) -> ErrorAnswer {
    let mut rest = body;
    let mut open: Vec<&str> = Vec::new();
    let mut text = String::new();
    let (mut code, mut message) = (None, None);
    while let Some(token) = Token::next(&mut rest) {
        match token {
            Token::Text(more) => unescape(more, &mut text),
            Token::CData(more) => text.push_str(more),
            Token::Open(name) => {
                open.push(name);
                text.clear();
            }
            Token::Empty | Token::Other => {}
            Token::Close => {
                let Some(name) = open.pop() else { break };
                if open.last() == Some(&"Error") {
                    let field = match name {
                        "Code" => &mut code,
                        "Message" => &mut message,
                        _ => continue,
                    };
                    field.get_or_insert_with(|| std::mem::take(&mut text));
                }
                if name == "Error" {
                    break;
                }
            }
        }
    }
    let message = message.as_deref().map(str::trim);
    ErrorAnswer::new(code.as_deref().map(str::trim), message)
}

enum Token<'b> {
    /// `<name …>`, by its name without a prefix.
    Open(&'b str),
    /// `<name …/>`.
    Empty,
    /// `</name>`.
    Close,
    Text(&'b str),
    CData(&'b str),
    /// A comment, a declaration or a processing instruction.
    Other,
}

impl<'b> Token<'b> {
    /// Takes the next token from `rest`; `None` at the end, or where it is cut off.
    fn next(rest: &mut &'b str) -> Option<Self> {
        let Some(markup) = rest.strip_prefix('<') else {
            let text = up_to(rest, rest.find('<')?);
            return Some(Self::Text(text));
        };
        let (skip, end) = match markup {
            _ if markup.starts_with("!--") => (4, "-->"),
            _ if markup.starts_with("![CDATA[") => (9, "]]>"),
            _ if markup.starts_with('?') => (2, "?>"),
            _ => (1, ">"),
        };
        let start = *rest;
        let length = match end {
            ">" => end_of_tag(start)?,
            _ => skip + start.get(skip..)?.find(end)?,
        };
        let content = &start[skip..length];
        *rest = &start[length + end.len()..];
        Some(match (skip, content.as_bytes().first()) {
            (9, _) => Self::CData(content),
            (1, Some(b'/')) => Self::Close,
            (1, Some(b'!')) => Self::Other,
            (1, _) if content.ends_with('/') => Self::Empty,
            (1, _) => Self::Open(local_name(content)),
            _ => Self::Other,
        })
    }
}

/// Takes the first `length` bytes.
fn up_to<'b>(rest: &mut &'b str, length: usize) -> &'b str {
    let (text, after) = rest.split_at(length);
    *rest = after;
    text
}

/// Returns where the `>` of a tag is: one inside an attribute's value does not end it.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return Some(at),
            _ => {}
        }
    }
    None
}

fn local_name(tag: &str) -> &str {
    let name = tag.split_ascii_whitespace().next().unwrap_or_default();
    name.rsplit(':').next().unwrap_or(name)
}

/// Appends text with the five named entities replaced. Others stay as they are: no code has one.
fn unescape(text: &str, into: &mut String) {
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    match text.contains('&') {
        false => into.push_str(text),
        true => into.push_str(&named.iter().fold(text.to_owned(), |text, (name, sign)| {
            text.replace(name, sign)
        })),
    }
}
