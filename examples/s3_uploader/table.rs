//! The table at the end: one column per strategy.

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::percentiles::Percentiles;
use crate::summary::Summary;

/// Renders the table and its footnotes.
pub(crate) fn render(summaries: &[Summary]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    let names = summaries.iter().map(|summary| summary.strategy.to_owned());
    table.set_header([String::new()].into_iter().chain(names));
    for (name, value) in ROWS {
        let values = summaries.iter().map(value);
        table.add_row([(*name).to_owned()].into_iter().chain(values));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let counted = summaries
        .first()
        .map_or("", |summary| summary.connections.counted);
    format!(
        "{table}\nswap: from the arrival of the event to the new key being live; drain: from the swap to the old key's last \
         use in a consumer\nconnections: {counted}"
    )
}

type Row = (&'static str, fn(&Summary) -> String);

const ROWS: &[Row] = &[
    ("consumers", |s| s.consumers.to_string()),
    ("objects", |s| {
        let rate = s.objects as f64 / s.elapsed.as_secs_f64();
        format!("{} ({rate:.0}/s)", s.objects)
    }),
    ("bytes", |s| {
        let mib = s.bytes as f64 / f64::from(1 << 20);
        format!("{mib:.1} MiB ({:.1}/s)", mib / s.elapsed.as_secs_f64())
    }),
    ("requests", |s| s.requests.len().to_string()),
    ("failures", |s| match s.failures {
        0 => "0".to_owned(),
        some => format!("{some} ({:.2} %)", s.failed_share() * 100.0),
    }),
    ("lost objects", |s| s.lost.to_string()),
    ("replays", |s| s.replays.to_string()),
    ("rotations", |s| s.rotations.len().to_string()),
    ("connections opened in the first second", |s| {
        s.connections.at_first.to_string()
    }),
    ("connections opened later", |s| {
        s.connections.later.to_string()
    }),
    ("event → first request with the new key, p50 / p99", |s| {
        p50_p99(s.first_request)
    }),
    ("swap, p50 / p99", |s| p50_p99(s.swap)),
    ("drain of each consumer, p50 / max", |s| p50_max(s.drain)),
    ("old keys retired", |s| match s.keys_retired {
        0 => NONE.to_owned(),
        some => some.to_string(),
    }),
    ("event → old key retired, p50 / max", |s| {
        p50_max(s.retired)
    }),
    ("request latency, p50 / p99", |s| p50_p99(s.latency)),
];

const NONE: &str = "–";

fn p50_p99(percentiles: Option<Percentiles>) -> String {
    percentiles.map_or(NONE.to_owned(), |p| {
        format!("{} / {}", ms(p.p50), ms(p.p99))
    })
}

fn p50_max(percentiles: Option<Percentiles>) -> String {
    percentiles.map_or(NONE.to_owned(), |p| {
        format!("{} / {}", ms(p.p50), ms(p.max))
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
    fn durations_have_three_digits() {
        let shown = [1_234, 12_345, 123_456].map(|micros| ms(Duration::from_micros(micros)));
        assert_eq!(shown, ["1.23 ms", "12.3 ms", "123 ms"]);
        assert_eq!(p50_p99(None), "–");
    }
}
