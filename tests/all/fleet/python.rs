//! The example `reporting_consumer.py`: what it writes is what the ledger reads.

use std::process::Command;

use credswap::SecretId;
use credswap::fleet::{Ledger, LedgerTime, Presence, ReleaseQuery, ReleaseStatus};

/// Prints the records as JSON, without Kafka: v1, then v2 while v1 drains, then v2 alone and a rejected v1, then the end.
const SCRIPT: &str = r#"
import json, sys, time
sys.dont_write_bytecode = True
sys.path.insert(0, "examples")
from reporting_consumer import Reporter
r = Reporter(lambda key, value: print(json.dumps([key.decode(), value.decode()])), "prod/uploader", "python-1")
r.report("v1", 100.5)
r.report("v2", 0.25, draining=[{"version": "v1", "outstanding": 3}])
now = time.monotonic()
r.report("v2", 600, released=[("v1", now - 590)], rejected=[("v1", now)])
r.report(released=[("v1", now - 590), ("v2", now)])
"#;

#[test]
fn a_consumer_in_python_writes_what_the_ledger_reads() {
    let mut python = Command::new("python3");
    let python = python.arg("-c").arg(SCRIPT);
    let Ok(output) = python.current_dir(env!("CARGO_MANIFEST_DIR")).output() else {
        eprintln!("SKIPPED: python3 is not available");
        return;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("text");
    let records: Vec<[String; 2]> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a key and a value"))
        .collect();
    assert_eq!(records.len(), 4);

    let mut ledger = Ledger::default();
    let secret = SecretId::from("prod/uploader");
    for (n, second) in [1_000, 1_001, 1_600, 1_601].into_iter().enumerate() {
        let now = LedgerTime::from_millis(second * 1000);
        let [key, value] = &records[n];
        let folded = ledger.fold_record(key.as_bytes(), Some(value.as_bytes()), now);
        folded.expect("a report");
        let status = ledger.release_status(&ReleaseQuery {
            secret_id: secret.clone(),
            version: "v1".into(),
            current_version: "v2".into(),
            now,
        });
        let in_use = matches!(status, ReleaseStatus::InUse { .. });
        let released = matches!(status, ReleaseStatus::Released { .. });
        assert_eq!((in_use, released), (n < 2, n >= 2), "{n}: {status:?}");
        let rejected = ledger.rejections(&secret, &"v1".into()).len();
        assert_eq!(rejected, usize::from(n == 2), "{n}");
        let presence: Vec<_> = ledger.consumers(&secret, now).map(|c| c.presence).collect();
        let expected = if n == 3 {
            Presence::Ended
        } else {
            Presence::Alive
        };
        assert_eq!(presence, [expected], "{n}");
    }
}
