//! Percent-encoding, as RFC 3986 has it.

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Adds `text` to `encoded`, with all but the unreserved characters and those of `kept` encoded.
pub(crate) fn push_encoded(encoded: &mut String, text: &str, kept: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 15].map(|digit| HEX[digit as usize] as char));
        }
    }
}
