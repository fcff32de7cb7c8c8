//! Reports as anybody may have written them.

use std::time::{Duration, SystemTime};

use credswap::ErrorKind;
use credswap::fleet::{
    DrainingVersion, Incarnation, InstanceId, Ledger, LiveVersion, MAX_DRAINING, MAX_LISTED,
    Report, VersionAge,
};
use proptest::prelude::*;

fn full() -> Report {
    let past = |n: usize| VersionAge {
        version: format!("past-{n}").into(),
        age: Duration::from_millis(1500 * n as u64),
    };
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
    report.live = Some(LiveVersion {
        version: "v2".into(),
        age: Duration::from_millis(12_345),
    });
    report.held = vec![DrainingVersion {
        version: "v1".into(),
        count: 2,
        horizon: Some(Duration::from_secs(3600)),
    }];
    report.others = 1;
    report.released = (0..MAX_LISTED).map(past).collect();
    report.refused = vec![past(3)];
    report
}

fn decode(report: &Report, value: &str) -> Result<Report, credswap::Error> {
    Report::decode(report.key().as_bytes(), value.as_bytes())
}

fn text(report: &Report) -> String {
    String::from_utf8(report.encode().expect("encodes")).expect("text")
}

#[test]
fn a_report_is_read_as_it_was_written() {
    let mut goodbye = full();
    goodbye.live = None;
    for report in [full(), goodbye] {
        assert_eq!(decode(&report, &text(&report)).expect("decodes"), report);
    }
}

#[test]
fn the_wire_format_stays() {
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
            + r#""held":[{"version":"v1","count":2,"horizon":3600.0}],"others":1,"#
            + r#""refused":[{"version":"past-3","age":4.5}],"ttl":90.0}"#
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
    let read = decode(&report, &value).expect("fine");
    assert!(read.held.is_empty() && read.released.is_empty() && read.others == 0);
}

#[test]
fn what_is_no_report_is_refused_and_not_quoted() {
    let report = full();
    let good = text(&report);
    let held = |n: usize| {
        let one = r#"{"version":"v1","count":2,"horizon":3600.0}"#;
        good.replace(one, &vec![one; n].join(","))
    };
    decode(&report, &held(MAX_DRAINING)).expect("as many as allowed");
    for (bad, value) in [
        ("nothing", String::new()),
        ("no JSON", "hunter2".to_owned()),
        ("no object", "[1]".to_owned()),
        ("half", good[..good.len() / 2].to_owned()),
        ("a later version", good.replace(r#""v":1"#, r#""v":2"#)),
        ("another kind", good.replace("alive", "hunter2")),
        ("a goodbye that lives", good.replace("alive", "goodbye")),
        ("a name with a mark", good.replace("pod-7", "pod|7")),
        ("another's name", good.replace("pod-7", "hunter2")),
        (
            "another secret",
            good.replace("prod/uploader", "prod/hunter2"),
        ),
        ("a life that is none", good.replace("0000018d", "hunter2x")),
        (
            "a negative number",
            good.replace(r#""sequence":7"#, r#""sequence":-7"#),
        ),
        ("a negative time", good.replace("90.0", "-90.0")),
        ("an endless time", good.replace("90.0", "1e300")),
        ("a time that is none", good.replace("90.0", "\"hunter2\"")),
        ("a version without a name", good.replace(r#""v2""#, r#""""#)),
        (
            "a version of two lines",
            good.replace(r#""v2""#, r#""hunter2\nx""#),
        ),
        ("a long version", good.replace("v2", &"x".repeat(1025))),
        ("a long list", held(MAX_DRAINING + 1)),
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
fn what_a_reader_would_refuse_is_not_written() {
    let mut long = full();
    long.released.push(long.released[0].clone());
    let mut named = full();
    named.secret = String::new();
    for report in [long, named] {
        let error = report.encode().expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(key in any::<Vec<u8>>(), value in any::<Option<Vec<u8>>>()) {
        let mut ledger = Ledger::default();
        let _ = ledger.fold_record(&key, value.as_deref(), 1);
        prop_assert!(ledger.is_empty());
    }

    #[test]
    fn no_change_of_one_byte_panics_or_is_taken_for_another_consumers(
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
