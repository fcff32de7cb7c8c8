//! What a certificate says about time and names. Pure; it proves nothing.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::util::timestamp::rfc3339;

/// The parts of a certificate that people get wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Certificate<'a> {
    /// `YYYYMMDDhhmmss`.
    pub(super) not_before: String,
    pub(super) not_after: String,
    dns_names: Vec<&'a [u8]>,
    addresses: Vec<&'a [u8]>,
}

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const DNS_NAME: u8 = 0x82;
const ADDRESS: u8 = 0x87;
/// The identifier of the extension with the names.
const SUBJECT_ALT_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x11];

impl<'a> Certificate<'a> {
    /// Reads the DER form.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let (_, certificate, _) = element(der)?;
        let (_, to_be_signed, _) = element(certificate)?;
        // The validity is the first sequence of two times: behind version, number, algorithm and issuer.
        let mut fields = Elements(to_be_signed);
        let (not_before, not_after) = fields.find_map(|(tag, field)| {
            let mut times = Elements(field);
            (tag == SEQUENCE).then_some(())?;
            Some((time_of(times.next()?)?, time_of(times.next()?)?))
        })?;
        let mut found = Self {
            not_before,
            not_after,
            dns_names: Vec::new(),
            addresses: Vec::new(),
        };
        for (tag, name) in alternative_names(to_be_signed).into_iter().flatten() {
            match tag {
                DNS_NAME => found.dns_names.push(name),
                ADDRESS => found.addresses.push(name),
                _ => {}
            }
        }
        Some(found)
    }

    /// Returns whether it names this host.
    pub(super) fn names(&self, host: &str) -> bool {
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => self.addresses.contains(&&address.octets()[..]),
            Ok(IpAddr::V6(address)) => self.addresses.contains(&&address.octets()[..]),
            Err(_) => self.dns_names.iter().any(|name| matches(name, host)),
        }
    }
}

/// Returns whether a name, possibly `*.example.com`, is the host's.
fn matches(name: &[u8], host: &str) -> bool {
    let host = host.trim_end_matches('.').as_bytes();
    match name.strip_prefix(b"*") {
        None => name.eq_ignore_ascii_case(host),
        Some(domain) => host
            .iter()
            .position(|byte| *byte == b'.')
            .is_some_and(|dot| dot > 0 && host[dot..].eq_ignore_ascii_case(domain)),
    }
}

fn alternative_names(to_be_signed: &[u8]) -> Option<Elements<'_>> {
    let size = SUBJECT_ALT_NAME.len();
    let at = to_be_signed
        .windows(size)
        .position(|window| window == SUBJECT_ALT_NAME)?;
    // Perhaps a flag, then the value: an octet string around a sequence.
    let mut rest = Elements(&to_be_signed[at + size..]);
    let (_, value) = rest.find(|(tag, _)| *tag == 0x04)?;
    let (_, names, _) = element(value)?;
    Some(Elements(names))
}

/// Returns a time as `YYYYMMDDhhmmss`.
fn time_of((tag, text): (u8, &[u8])) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match (tag, text.len()) {
        (UTC_TIME, 12) if text < "50" => Some(format!("20{text}")),
        (UTC_TIME, 12) => Some(format!("19{text}")),
        (0x18, 14) => Some(text.to_owned()),
        _ => None,
    }
}

/// Returns a time as `YYYYMMDDhhmmss`.
pub(super) fn time(time: SystemTime) -> String {
    rfc3339(time)
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect()
}

/// The elements of a DER sequence: tag and content.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, content, rest) = element(self.0)?;
        self.0 = rest;
        Some((tag, content))
    }
}

/// Returns the tag and content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = der else {
        return None;
    };
    let (size, rest) = match first {
        0..0x80 => (usize::from(*first), rest),
        _ => {
            let (size, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let size = size.iter().try_fold(0_usize, |size, byte| {
                Some(size.checked_mul(256)? + usize::from(*byte))
            })?;
            (size, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(size)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let size = u16::try_from(content.len()).expect("short").to_be_bytes();
        [&[tag, 0x82][..], &size, content].concat()
    }

    /// Returns a name to put into a certificate.
    pub(in super::super) fn dns_name(name: &str) -> Vec<u8> {
        der(DNS_NAME, name.as_bytes())
    }

    /// Returns a certificate that is valid from 2026 to 2056.
    pub(in super::super) fn certificate(names: &[u8]) -> Vec<u8> {
        let validity = [
            der(UTC_TIME, b"260101000000Z"),
            der(0x18, b"20560101000000Z"),
        ];
        let value = der(0x04, &der(SEQUENCE, names));
        let extension = [&SUBJECT_ALT_NAME[..], &[1, 1, 0xff], &value].concat();
        let to_be_signed = [
            der(0xa0, &[2, 1, 2]),
            der(0x02, &[7]),
            der(SEQUENCE, &der(0x06, &[42])),
            der(SEQUENCE, &der(0x31, b"issuer")),
            der(SEQUENCE, &validity.concat()),
            der(SEQUENCE, &der(0x31, b"subject")),
            der(0xa3, &der(SEQUENCE, &der(SEQUENCE, &extension))),
        ];
        der(SEQUENCE, &der(SEQUENCE, &to_be_signed.concat()))
    }

    #[test]
    fn times_and_names_are_found() {
        let names = [
            der(DNS_NAME, b"*.msk.example.com"),
            der(DNS_NAME, b"broker"),
            der(ADDRESS, &[127, 0, 0, 1]),
            der(ADDRESS, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ];
        let der = certificate(&names.concat());
        let found = Certificate::parse(&der).expect("a certificate");
        assert_eq!(found.not_before, "20260101000000");
        assert_eq!(found.not_after, "20560101000000");
        for (host, named) in [
            ("b-1.msk.example.com", true),
            ("B-1.MSK.example.com.", true),
            ("msk.example.com", false),
            ("a.b-1.msk.example.com", false),
            (".msk.example.com", false),
            ("broker", true),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(found.names(host), named, "{host}");
        }
        for size in 0..der.len() {
            let _ = Certificate::parse(&der[..size]);
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "19700101000000"),
            (951_782_399, "20000228235959"),
            (951_782_400, "20000229000000"),
            (1_708_905_600, "20240226000000"),
            (4_107_542_400, "21000301000000"),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(time(at), expected);
        }
    }
}
