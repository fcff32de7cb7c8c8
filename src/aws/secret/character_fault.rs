//! Characters that no key, token, region or endpoint has: they come with copying from a page, a chat or an editor, and cannot
//! be seen there.

/// Returns what is wrong with `text`, if a character of it is not printable ASCII: which, and where. The first one is named, and
/// nothing else is quoted.
pub(super) fn character_fault(text: &str) -> Option<String> {
    let is_fine = |c: &char| c.is_ascii_graphic();
    let (position, found) = text.chars().enumerate().find(|(_, c)| !is_fine(c))?;
    let verb = if position == 0 {
        "starts with"
    } else if !text.chars().skip(position).any(|c| is_fine(&c)) {
        "ends with"
    } else {
        "contains"
    };
    let (what, advice) = match found {
        '\n' | '\r' => (
            "a line break, ",
            "store it without one (`printf` instead of `echo`)",
        ),
        c if c.is_whitespace() => ("white space, ", "store it without"),
        c if c.is_control() => ("the control character ", "store it without"),
        c if is_invisible(c) => ("the invisible character ", "store it without"),
        _ => (
            "a character that is not ASCII, ",
            "copy the value from where it was created",
        ),
    };
    let name = name(found);
    Some(format!(
        "{verb} {what}{} at position {position} ({name}counted from 0); {advice}",
        code_point(found)
    ))
}

/// Returns the code point as Unicode writes it: `U+200B`.
pub(super) fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// Returns whether nothing is seen of the character: format characters, marks for the direction of text, variation selectors
/// and tags.
fn is_invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164
            | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff9..=0xfffb
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff
    )
}

/// Returns the common name of the character, with a comma, where it has one.
fn name(c: char) -> &'static str {
    match u32::from(c) {
        0x20 => "a blank, ",
        0x09 => "a tab, ",
        0xa0 | 0x202f => "no-break space, ",
        0xad => "soft hyphen, ",
        0x200b => "zero-width space, ",
        0x200c | 0x200d => "zero-width joiner, ",
        0x2060 => "word joiner, ",
        0xfeff => "byte order mark, ",
        0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069 => "direction mark, ",
        0x2010..=0x2015 | 0x2212 => "dash, ",
        0x2018..=0x201f => "typographic quotation mark, ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_odd_character_is_named_with_its_place() {
        for (text, expected) in [
            (
                "a\u{200b}b",
                "contains the invisible character U+200B at position 1 (zero-width space, counted from 0)",
            ),
            (
                "\u{2060}ab",
                "starts with the invisible character U+2060 at position 0 (word joiner, ",
            ),
            (
                "ab\u{ad}",
                "ends with the invisible character U+00AD at position 2 (soft hyphen, ",
            ),
            (
                "ab\u{e0041}",
                "ends with the invisible character U+E0041 at position 2 (counted",
            ),
            (
                "ab \n",
                "ends with white space, U+0020 at position 2 (a blank, ",
            ),
            (
                "ab\r\n",
                "ends with a line break, U+000D at position 2 (counted",
            ),
            ("\u{3000}ab", "starts with white space, U+3000"),
            (
                "a\0b",
                "contains the control character U+0000 at position 1",
            ),
            (
                "äb",
                "starts with a character that is not ASCII, U+00E4 at position 0",
            ),
            (
                "ü\u{200b}",
                "starts with a character that is not ASCII, U+00FC at position 0",
            ),
        ] {
            let fault = character_fault(text).expect(text);
            assert!(fault.starts_with(expected), "{fault}");
        }
        let printable: String = ('!'..='~').collect();
        assert_eq!(character_fault(&printable), None);
        assert_eq!(character_fault(""), None);
    }
}
