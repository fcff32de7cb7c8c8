//! Errors in CBOR (RFC 8949), as services with the protocol `rpc-v2-cbor` send them: a map with `__type` and `message`.

use super::ErrorAnswer;

/// Reads the code and the message, or what there is before the first malformed byte.
pub(super) fn read(body: &[u8]) -> ErrorAnswer {
    let mut reader = Reader(body);
    let (mut code, mut message) = (None, None);
    let _ = reader.map(|reader, key| {
        let field = match key.to_ascii_lowercase().as_str() {
            "__type" => &mut code,
            "code" if code.is_none() => &mut code,
            "message" => &mut message,
            _ => return reader.skip(DEEPEST),
        };
        match reader.0.first()? >> 5 {
            TEXT => *field = Some(reader.text()?),
            _ => reader.skip(DEEPEST)?,
        }
        Some(())
    });
    ErrorAnswer::new(code.as_deref(), message.as_deref())
}

/// The rest of the body. Each method returns `None` where it is malformed or cut off.
struct Reader<'b>(&'b [u8]);

/// Major types, the upper three bits of an item's first byte.
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// How deep arrays, maps and tags may be nested.
const DEEPEST: u32 = 32;
/// Ends an item without a length.
const BREAK: u8 = 0xff;

impl Reader<'_> {
    /// Calls `entry` with the key of each entry, to read or skip its value.
    fn map(&mut self, mut entry: impl FnMut(&mut Self, String) -> Option<()>) -> Option<()> {
        let (major, length) = self.head()?;
        if major != MAP {
            return None;
        }
        let mut left = length;
        while self.more(&mut left)? {
            let key = self.text()?;
            entry(self, key)?;
        }
        Some(())
    }

    fn text(&mut self) -> Option<String> {
        let (major, length) = self.head()?;
        if major != TEXT {
            return None;
        }
        let mut text = String::new();
        match length {
            Some(length) => text.push_str(std::str::from_utf8(self.take(length)?).ok()?),
            // Without a length: chunks, each of which has one.
            None => {
                while self.more(&mut None)? {
                    let (TEXT, Some(length)) = self.head()? else {
                        return None;
                    };
                    text.push_str(std::str::from_utf8(self.take(length)?).ok()?);
                }
            }
        }
        Some(text)
    }

    /// Skips one item; `depth` is how deep it may be nested.
    fn skip(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let (major, length) = self.head()?;
        match (major, length) {
            (BYTES | TEXT, Some(length)) => drop(self.take(length)?),
            (ARRAY | MAP | BYTES | TEXT, mut left) => {
                while self.more(&mut left)? {
                    if major == MAP {
                        self.skip(depth)?;
                    }
                    self.skip(depth)?;
                }
            }
            (TAG, _) => self.skip(depth)?,
            _ => {} // numbers and simple values end with their head
        }
        Some(())
    }

    /// Returns whether another item of an array, a map or a chunked text follows.
    fn more(&mut self, left: &mut Option<u64>) -> Option<bool> {
        match left {
            Some(0) => Some(false),
            Some(left) => {
                *left -= 1;
                Some(true)
            }
            None if *self.0.first()? == BREAK => {
                self.take(1)?;
                Some(false)
            }
            None => Some(true),
        }
    }

    /// Reads an item's head: its major type and its argument, which is a length, a number or a tag; `None` for no length.
    fn head(&mut self) -> Option<(u8, Option<u64>)> {
        let first = *self.take(1)?.first()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..24 => Some(u64::from(info)),
            24..28 => {
                let bytes = self.take(1 << (info - 24))?;
                Some(bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
            }
            31 if matches!(major, BYTES..=MAP) => None,
            _ => return None,
        };
        debug_assert!(major <= SIMPLE);
        Some((major, argument))
    }

    fn take(&mut self, length: u64) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}
