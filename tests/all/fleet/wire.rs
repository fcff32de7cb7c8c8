//! Reports as records, written by anybody.

use std::time::{Duration, SystemTime};

use credswap::ErrorKind;
use credswap::fleet::{
    DrainingVersion, Incarnation, InstanceId, Ledger, LedgerTime, LiveVersion, Report, VersionAge,
};
use proptest::prelude::*;

fn full() -> Report {
    let past =
        |n: usize| VersionAge::new(format!("past-{n}"), Duration::from_millis(1500 * n as u64));
    let mut report = Report::new(
        InstanceId::new("pod-7").unwrap(),
        Incarnation::new(
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_708_905_600),
            42,
        ),
        7,
        "prod/uploader",
        Duration::from_secs(90),
    );
    report.live = Some(LiveVersion::new("v2", Duration::from_millis(12_345)));
    report.draining = vec![DrainingVersion::new("v1", 2).pinned(Duration::from_secs(3600))];
    report.unlisted = 1;
    report.released = (0..Report::MAX_RECENT).map(past).collect();
    report.rejected = vec![past(3)];
    report
}

fn decode(report: &Report, value: &str) -> Result<Report, credswap::Error> {
    Report::decode(report.key().as_bytes(), value.as_bytes())
}

fn text(report: &Report) -> String {
    String::from_utf8(report.encode().expect("encodes")).expect("text")
}

#[test]
fn a_report_is_decoded_as_it_was_encoded() {
    let mut last = full();
    last.live = None;
    for report in [full(), last] {
        assert_eq!(decode(&report, &text(&report)).expect("decodes"), report);
    }
}

#[test]
fn the_wire_format_is_stable() {
    let report = full();
    assert_eq!(
        report.key(),
        "pod-7|0000018de2b61400-000000000000002a|prod/uploader"
    );
    let mut short = report;
    short.released.clear();
    assert_eq!(
        text(&short),
        r#"{"v":1,"kind":"alive","instance":"pod-7","incarnation":"0000018de2b61400-000000000000002a","sequence":7,"#
            .to_owned()
            + r#""secret":"prod/uploader","live":{"version":"v2","age":12.345},"#
            + r#""draining":[{"version":"v1","outstanding":2,"pinned":3600.0}],"unlisted":1,"#
            + r#""rejected":[{"version":"past-3","age":4.5}],"ttl":90.0}"#
    );
}

#[test]
fn unknown_fields_are_skipped_and_lists_may_be_absent() {
    let report = full();
    let value = format!(
        r#"{{"v":1,"kind":"alive","more":{{"a":[1]}},"instance":"pod-7","incarnation":"{}","sequence":1,
            "secret":"prod/uploader","live":{{"version":"v","age":0,"x":1}},"ttl":90}}"#,
        report.incarnation
    );
    let read = decode(&report, &value).expect("a report");
    assert!(read.draining.is_empty() && read.released.is_empty() && read.unlisted == 0);
}

#[test]
fn other_content_is_an_error_that_does_not_quote_it() {
    let report = full();
    let good = text(&report);
    let draining = |n: usize| {
        let one = r#"{"version":"v1","outstanding":2,"pinned":3600.0}"#;
        good.replace(one, &vec![one; n].join(","))
    };
    decode(&report, &draining(Report::MAX_DRAINING)).expect("as many as allowed");
    for (bad, value) in [
        ("nothing", String::new()),
        ("not JSON", "hunter2".to_owned()),
        ("not an object", "[1]".to_owned()),
        ("truncated", good[..good.len() / 2].to_owned()),
        ("a later version", good.replace(r#""v":1"#, r#""v":2"#)),
        ("another kind", good.replace("alive", "hunter2")),
        (
            "a final report with a live version",
            good.replace("alive", "final"),
        ),
        ("a separator in the name", good.replace("pod-7", "pod|7")),
        (
            "the name of another instance",
            good.replace("pod-7", "hunter2"),
        ),
        (
            "another secret",
            good.replace("prod/uploader", "prod/hunter2"),
        ),
        (
            "an invalid incarnation",
            good.replace("0000018d", "hunter2x"),
        ),
        (
            "a negative number",
            good.replace(r#""sequence":7"#, r#""sequence":-7"#),
        ),
        ("a negative time", good.replace("90.0", "-90.0")),
        ("an endless time", good.replace("90.0", "1e300")),
        (
            "a time that is not a number",
            good.replace("90.0", "\"hunter2\""),
        ),
        ("a version without a name", good.replace(r#""v2""#, r#""""#)),
        (
            "a version with a line break",
            good.replace(r#""v2""#, r#""hunter2\nx""#),
        ),
        ("a long version", good.replace("v2", &"x".repeat(1025))),
        ("a long list", draining(Report::MAX_DRAINING + 1)),
        (
            "a long report",
            good.replace(
                r#""v":1"#,
                &format!(r#""x":"{}","v":1"#, "x".repeat(70_000)),
            ),
        ),
        (
            "deep nesting",
            good.replace(r#""v":1"#, &format!(r#""x":{},"v":1"#, "[".repeat(10_000))),
        ),
    ] {
        let error = decode(&report, &value).expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::Malformed, "{bad}");
        assert!(!error.report().contains("hunter2"), "{}", error.report());
    }
}

#[test]
fn what_a_reader_rejects_is_not_encoded() {
    let mut long = full();
    long.released.push(long.released[0].clone());
    let mut named = full();
    named.secret_id = "".into();
    for report in [long, named] {
        let error = report.encode().expect_err("not encoded");
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(key in any::<Vec<u8>>(), value in any::<Option<Vec<u8>>>()) {
        let mut ledger = Ledger::default();
        let _ = ledger.fold_record(&key, value.as_deref(), LedgerTime::from_millis(1));
        prop_assert!(ledger.is_empty());
    }

    #[test]
    fn no_changed_byte_panics_or_changes_the_consumer(
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let report = full();
        let mut value = report.encode().unwrap();
        let at = at.index(value.len());
        value[at] = byte;
        if let Ok(read) = Report::decode(report.key().as_bytes(), &value) {
            prop_assert_eq!(read.key(), report.key());
        }
    }
}
