//! The table at the end: one column for each way.

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::report::{Report, Spread};

/// The table.
pub(crate) fn render(reports: &[Report]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    let names = reports.iter().map(|report| report.way.to_owned());
    table.set_header([String::new()].into_iter().chain(names));
    for (name, value) in ROWS {
        table.add_row(
            [(*name).to_owned()]
                .into_iter()
                .chain(reports.iter().map(value)),
        );
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let counted = reports
        .first()
        .map_or("", |report| report.connections.counted);
    format!(
        "{table}\nswap: from the event's arrival to the new key being live; drain: from there to the old key's last use in a consumer\n\
         connections: {counted}"
    )
}

type Row = (&'static str, fn(&Report) -> String);

const ROWS: &[Row] = &[
    ("consumers", |r| r.consumers.to_string()),
    ("objects", |r| {
        format!(
            "{} ({:.0}/s)",
            r.objects,
            r.objects as f64 / r.length.as_secs_f64()
        )
    }),
    ("bytes", |r| {
        let mib = r.bytes as f64 / f64::from(1 << 20);
        format!("{mib:.1} MiB ({:.1}/s)", mib / r.length.as_secs_f64())
    }),
    ("requests", |r| r.requests.len().to_string()),
    ("failures", |r| match r.failures {
        0 => "0".to_owned(),
        some => format!("{some} ({:.2} %)", r.failed_share() * 100.0),
    }),
    ("lost objects", |r| r.lost.to_string()),
    ("replays", |r| r.replays.to_string()),
    ("rotations", |r| r.rotations.len().to_string()),
    ("connections opened in the first second", |r| {
        r.connections.at_first.to_string()
    }),
    ("connections opened later", |r| {
        r.connections.later.to_string()
    }),
    ("event → first request with the new key, p50 / p99", |r| {
        p99(r.first_request)
    }),
    ("swap, p50 / p99", |r| p99(r.swap)),
    ("drain of each consumer, p50 / max", |r| max(r.drain)),
    ("old keys retired", |r| match r.keys_retired {
        0 => "–".to_owned(),
        some => some.to_string(),
    }),
    ("event → old key retired, p50 / max", |r| max(r.retired)),
    ("request latency, p50 / p99", |r| p99(r.latency)),
];

fn p99(spread: Option<Spread>) -> String {
    spread.map_or("–".to_owned(), |s| {
        format!("{} / {}", ms(s.p50), ms(s.p99))
    })
}

fn max(spread: Option<Spread>) -> String {
    spread.map_or("–".to_owned(), |s| {
        format!("{} / {}", ms(s.p50), ms(s.max))
    })
}

fn ms(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    match millis {
        0.0..10.0 => format!("{millis:.2} ms"),
        10.0..100.0 => format!("{millis:.1} ms"),
        _ => format!("{millis:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_or_so() {
        let shown = [1_234, 12_345, 123_456].map(|micros| ms(Duration::from_micros(micros)));
        assert_eq!(shown, ["1.23 ms", "12.3 ms", "123 ms"]);
        assert_eq!(p99(None), "–");
    }
}
