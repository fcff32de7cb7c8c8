//! Folding the usage reports of a fleet: time and memory per report.
//!
//! `cargo bench --all-features --bench fleet`

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use credswap::fleet::{
    DrainingVersion, Incarnation, InstanceId, Ledger, LedgerTime, LiveVersion, ReleaseQuery,
    Report, VersionAge,
};
use criterion::{BatchSize, Criterion, Throughput};

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/uploader-AbCdEf";
const OLD: &str = "6f2f2c54-3a0e-4a0f-9d3c-0b4b7a1d8e11";
const NEW: &str = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
const OLDER: &str = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed";
const RECEIVED: LedgerTime = LedgerTime::from_millis(1_000_000);

/// A report from the middle of a rotation: one version live, one draining, one released.
fn report(instance: u64, sequence: u64) -> Report {
    let mut report = Report::new(
        InstanceId::new(format!("uploader-7d9f8c6b5-{instance:06}")).expect("a name"),
        Incarnation::new(
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_708_905_600),
            instance,
        ),
        sequence,
        SECRET,
        Duration::from_secs(90),
    );
    report.live = Some(LiveVersion::new(NEW, Duration::from_secs(600)));
    report.draining.push(DrainingVersion::new(OLD, 3));
    report
        .released
        .push(VersionAge::new(OLDER, Duration::from_secs(86_400)));
    report
}

fn records(consumers: u64, sequence: u64) -> Vec<(String, Vec<u8>)> {
    let record = |n| {
        let report = report(n, sequence);
        (report.key(), report.encode().expect("within the limits"))
    };
    (0..consumers).map(record).collect()
}

fn fold(ledger: &mut Ledger, records: &[(String, Vec<u8>)]) {
    for (key, value) in records {
        let folded = ledger.fold_record(key.as_bytes(), Some(value), RECEIVED);
        black_box(folded.expect("a report"));
    }
}

fn time(criterion: &mut Criterion) {
    for consumers in [1_000, 100_000] {
        let first = records(consumers, 1);
        let mut group = criterion.benchmark_group(format!("{consumers} consumers"));
        group
            .throughput(Throughput::Elements(consumers))
            .sample_size(10);
        group.bench_function("fold into an empty ledger", |bench| {
            bench.iter_batched(
                Ledger::default,
                |mut ledger| {
                    fold(&mut ledger, &first);
                    ledger
                },
                BatchSize::LargeInput,
            );
        });
        let mut ledger = Ledger::default();
        let mut sequence = 0;
        group.bench_function("fold newer reports", |bench| {
            bench.iter_batched(
                || {
                    sequence += 1;
                    records(consumers, sequence)
                },
                |records| fold(&mut ledger, &records),
                BatchSize::LargeInput,
            );
        });
        let query = ReleaseQuery {
            secret_id: SECRET.into(),
            version: OLDER.into(),
            current_version: NEW.into(),
            now: RECEIVED + Duration::from_millis(1),
        };
        group.bench_function("release status", |bench| {
            bench.iter(|| ledger.release_status(&query));
        });
        group.bench_function("encode", |bench| bench.iter(|| records(consumers, 1)));
    }
}

/// Prints the growth of the process's resident memory. Linux only.
fn memory() {
    let resident = || -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    const CONSUMERS: u64 = 200_000;
    let Some(before) = resident() else { return };
    let mut ledger = Ledger::default();
    let mut bytes = 0;
    for n in 0..CONSUMERS {
        let report = report(n, 1);
        if n == 0 {
            bytes = report.key().len() + report.encode().expect("within the limits").len();
        }
        ledger.fold(&report, RECEIVED);
    }
    let after = resident().unwrap_or(before);
    println!(
        "memory: {} bytes for each of {CONSUMERS} consumers; a record has {bytes} bytes",
        (after - before) * 1024 / CONSUMERS
    );
    black_box(&ledger);
}

fn main() {
    memory();
    let mut criterion = Criterion::default().configure_from_args();
    time(&mut criterion);
    criterion.final_summary();
}
