//! What the benches share: how criterion is set, ways that take turns, and tables that can be pasted.
#![allow(dead_code, reason = "each bench uses its part")]

#[cfg(feature = "default")]
pub(crate) mod cloud;
pub(crate) mod turns;

use std::time::Duration;

use criterion::Criterion;
use hdrhistogram::Histogram;

/// Criterion, quick enough that the ways are measured close to one another: on a machine with other work, what is
/// measured minutes apart cannot be compared.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(60)
        .without_plots()
        .configure_from_args()
}

/// A histogram of nanoseconds, to three digits.
pub(crate) fn nanoseconds() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are possible")
}

pub(crate) fn record(histogram: &mut Histogram<u64>, time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).expect("shorter than 500 years");
    histogram
        .record(nanoseconds)
        .expect("the histogram grows by itself");
}

/// Nanoseconds as a person reads them.
pub(crate) fn shown(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e4 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e6 => format!("{:.0} µs", ns / 1e3),
        ns if ns < 1e7 => format!("{:.1} ms", ns / 1e6),
        ns if ns < 1e9 => format!("{:.0} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}

pub(crate) fn quantile(histogram: &Histogram<u64>, quantile: f64) -> String {
    if histogram.is_empty() {
        return "–".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown of it")]
    let nanoseconds = histogram.value_at_quantile(quantile) as f64;
    shown(nanoseconds)
}

/// Prints a table in Markdown. The first column is text, the others are numbers.
pub(crate) fn table<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) {
    let mut table = comfy_table::Table::new();
    table
        .load_preset(comfy_table::presets::ASCII_MARKDOWN)
        .set_header(heading)
        .add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    // `ASCII_MARKDOWN` knows no alignment, Markdown wants it in the rule.
    let text = table.to_string();
    let mut lines = text.lines();
    println!();
    if let (Some(names), Some(rule)) = (lines.next(), lines.next()) {
        let mut cells: Vec<_> = rule
            .trim_matches('|')
            .split('|')
            .map(str::to_owned)
            .collect();
        for cell in cells.iter_mut().skip(1) {
            cell.pop();
            cell.push(':');
        }
        println!("{names}\n|{}|", cells.join("|"));
    }
    for line in lines {
        println!("{line}");
    }
    println!();
}
