//! The first two messages of a handshake with TLS 1.2: what a client says, and the certificates in the response. Pure.

/// Returns the record that begins a handshake.
pub(super) fn client_hello(host: &str) -> Vec<u8> {
    let mut extensions = Vec::new();
    // Addresses are not names.
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = [&[0][..], &sized16(host.as_bytes())].concat();
        extension(&mut extensions, 0, &sized16(&name));
    }
    extension(&mut extensions, 10, &sized16(&[0, 29, 0, 23, 0, 24])); // curves
    extension(&mut extensions, 11, &[1, 0]); // uncompressed points
    let algorithms = [4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1, 2, 1];
    extension(&mut extensions, 13, &sized16(&algorithms));
    let ciphers = [
        0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x09, 0xc0,
        0x13, 0xc0, 0x0a, 0xc0, 0x14, 0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35, 0x00, 0xff,
    ];
    // No key is agreed on: the handshake is never completed.
    let random = [0x5a; 32];
    let body = [
        &[3, 3][..],
        &random,
        &[0],
        &sized16(&ciphers),
        &[1, 0],
        &sized16(&extensions),
    ]
    .concat();
    let handshake = [&[1, 0][..], &sized16(&body)].concat();
    [&[22, 3, 1][..], &sized16(&handshake)].concat()
}

fn extension(extensions: &mut Vec<u8>, number: u8, content: &[u8]) {
    extensions.extend([0, number]);
    extensions.extend(sized16(content));
}

fn sized16(content: &[u8]) -> Vec<u8> {
    let size = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&size.to_be_bytes()[..], content].concat()
}

/// Returns the certificates, the host's first, as soon as `records` has all of them.
pub(super) fn certificates(records: &[u8]) -> Option<Vec<Vec<u8>>> {
    let handshake = handshake_messages(records);
    let mut messages = handshake.as_slice();
    loop {
        let (kind, body) = (*messages.first()?, sized24(messages.get(1..)?)?);
        if kind == 11 {
            let mut list = sized24(body)?;
            let mut found = Vec::new();
            while !list.is_empty() {
                let certificate = sized24(list)?;
                found.push(certificate.to_vec());
                list = &list[3 + certificate.len()..];
            }
            return Some(found);
        }
        messages = &messages[4 + body.len()..];
    }
}

/// Joins the handshake messages of all complete records.
fn handshake_messages(mut records: &[u8]) -> Vec<u8> {
    let mut joined = Vec::new();
    while let [22, _, _, high, low, rest @ ..] = records {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(content) = rest.get(..size) else {
            break;
        };
        joined.extend_from_slice(content);
        records = &rest[size..];
    }
    joined
}

/// Returns the content after its size in three bytes, if all of it is there.
fn sized24(bytes: &[u8]) -> Option<&[u8]> {
    let [high, middle, low, rest @ ..] = bytes else {
        return None;
    };
    let size = u32::from_be_bytes([0, *high, *middle, *low]);
    rest.get(..usize::try_from(size).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_found_across_messages_and_records() {
        // ServerHello of 2 bytes, then two certificates of 1 and 2 bytes.
        let messages = [
            2, 0, 0, 2, 3, 3, 11, 0, 0, 12, 0, 0, 9, 0, 0, 1, 7, 0, 0, 2, 8, 9,
        ];
        for split in 1..messages.len() {
            let (one, two) = messages.split_at(split);
            let mut records = Vec::new();
            for part in [one, two] {
                records.extend([22, 3, 3]);
                records.extend(sized16(part));
            }
            let found = certificates(&records);
            assert_eq!(found, Some(vec![vec![7], vec![8, 9]]), "{split}");
            assert_eq!(certificates(&records[..records.len() - 1]), None, "{split}");
        }
        assert_eq!(certificates(&[21, 3, 3, 0, 2, 2, 40]), None, "an alert");
        assert_eq!(certificates(b""), None);
    }

    #[test]
    fn a_hello_has_the_sizes_that_it_says() {
        for host in ["localhost", "::1", "127.0.0.1"] {
            let hello = client_hello(host);
            let size = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
            assert_eq!(hello.len(), 5 + size, "{host}");
            assert_eq!(sized24(&hello[6..]).map(<[u8]>::len), Some(size - 4));
        }
    }
}
