//! Where a key is used: what is wrong with an endpoint or a region.

use super::character_fault::character_fault;

/// Returns what is wrong with the URL of an endpoint, if no client can work with it. The URL is not quoted.
pub(super) fn endpoint_fault(url: &str) -> Option<String> {
    if url.is_empty() {
        return Some("is empty; set it, or remove it".to_owned());
    }
    if let Some(fault) = character_fault(url) {
        return Some(fault);
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some(NO_SCHEME.to_owned());
    };
    let is_http = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let fault = match () {
        () if !is_http => {
            "has a scheme that is neither `http` nor `https`; if it belongs to another service, name the right field with \
             `Fields::endpoint_url`"
        }
        () if authority.contains('@') => "has a user name or a password in it; remove them",
        () if path.contains('?') => "has a query (`?…`); remove it",
        () if path.contains('#') => "has a fragment (`#…`); remove it",
        () => return authority_fault(authority).map(str::to_owned),
    };
    Some(fault.to_owned())
}

/// Returns what is wrong with a region.
pub(super) fn region_fault(region: &str) -> Option<String> {
    if region.is_empty() {
        return Some("is empty; set it, or remove it".to_owned());
    }
    if let Some(fault) = character_fault(region) {
        return Some(fault);
    }
    let is_plain = region
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    (!is_plain).then(|| "is not the name of a region, such as `eu-west-1`".to_owned())
}

const NO_SCHEME: &str = "has no scheme; write it as `https://…`, or, if it belongs to another service, name the right field \
                         with `Fields::endpoint_url`";

fn authority_fault(authority: &str) -> Option<&'static str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, port),
            _ => return Some("has a host that is not an IPv6 address in brackets"),
        },
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(end);
            let is_label = |label: &str| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            };
            if !host.is_empty() && !host.trim_end_matches('.').split('.').all(is_label) {
                return Some("has a host that is not a name or an address");
            }
            (host, port)
        }
    };
    if host.is_empty() {
        return Some("has no host; write it as `https://host`");
    }
    let port_is_fine = match port.strip_prefix(':') {
        Some(number) => {
            number.bytes().all(|byte| byte.is_ascii_digit())
                && matches!(number.parse::<u16>(), Ok(1..))
        }
        None => port.is_empty(),
    };
    (!port_is_fine).then_some("has a port that is not a number from 1 to 65535")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn endpoints_that_can_work_have_no_fault() {
        for url in [
            "https://s3.eu-west-1.amazonaws.com",
            "http://localhost:9000",
            "HTTP://MinIO_1.internal:9000/base/",
            "https://[2001:db8::1]:443",
            "https://127.0.0.1/",
            "https://s3.example.com.",
        ] {
            assert_eq!(endpoint_fault(url), None, "{url}");
        }
        for region in ["eu-west-1", "auto", "us_east", "garage", "RegionOne"] {
            assert_eq!(region_fault(region), None, "{region}");
        }
    }

    #[test]
    fn endpoints_that_cannot_work_have_a_fault_with_what_to_change() {
        for (url, fault) in [
            ("", "is empty"),
            ("s3.example.gov", "no scheme"),
            ("db.internal:3306", "no scheme"),
            ("//s3.example.gov", "no scheme"),
            ("https:s3.example.gov", "no scheme"),
            ("mysql://db.internal", "neither `http` nor `https`"),
            ("://s3.example.gov", "neither `http` nor `https`"),
            ("https://", "no host"),
            ("https://:9000", "no host"),
            ("https:///bucket", "no host"),
            (
                "https://key:secret@s3.example.gov",
                "user name or a password",
            ),
            ("https://s3.example.gov?list", "query"),
            ("https://s3.example.gov/#top", "fragment"),
            ("https://s3.example.gov:", "port"),
            ("https://s3.example.gov:0", "port"),
            ("https://s3.example.gov:65536", "port"),
            ("https://s3.example.gov:+80", "port"),
            ("https://s3.example.gov:80:80", "port"),
            ("https://[::1", "IPv6"),
            ("https://[local]", "IPv6"),
            ("https://[::1]9000", "port"),
            ("https://a..b", "host"),
            ("https://https://s3.example.gov", "port"),
            ("https://s3.example.gov\u{a0}", "U+00A0"),
        ] {
            let found = endpoint_fault(url).expect(url);
            assert!(found.contains(fault), "{url}: {found}");
        }
        for (region, fault) in [
            ("", "is empty"),
            ("eu west 1", "U+0020"),
            ("eu-west-1\n", "line break"),
            ("eu/west", "eu-west-1"),
        ] {
            let found = region_fault(region).expect(region);
            assert!(found.contains(fault), "{region}: {found}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(url in "(https?://)?\\PC{0,20}") {
            let _ = (endpoint_fault(&url), region_fault(&url));
        }
    }
}
