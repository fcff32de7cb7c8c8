//! What the benches share: criterion's settings, candidates that take turns, and tables in Markdown.
#![allow(dead_code, reason = "each bench uses its part")]

#[cfg(feature = "default")]
pub(crate) mod cloud;
pub(crate) mod turns;

use std::time::Duration;

use criterion::Criterion;
use hdrhistogram::Histogram;

/// Returns criterion with short measurements: on a machine with other load, measurements minutes apart cannot be
/// compared.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(60)
        .without_plots()
        .configure_from_args()
}

/// Creates a histogram of nanoseconds, exact to three digits.
pub(crate) fn nanoseconds() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

/// Records a time.
pub(crate) fn record(histogram: &mut Histogram<u64>, time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).expect("shorter than 500 years");
    histogram
        .record(nanoseconds)
        .expect("the histogram resizes");
}

/// Formats nanoseconds with three digits and a unit.
pub(crate) fn format_nanos(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e4 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e6 => format!("{:.0} µs", ns / 1e3),
        ns if ns < 1e7 => format!("{:.1} ms", ns / 1e6),
        ns if ns < 1e9 => format!("{:.0} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}

/// Formats a quantile, or a dash if nothing was recorded.
pub(crate) fn quantile(histogram: &Histogram<u64>, quantile: f64) -> String {
    if histogram.is_empty() {
        return "–".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are printed")]
    let nanoseconds = histogram.value_at_quantile(quantile) as f64;
    format_nanos(nanoseconds)
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
    // `ASCII_MARKDOWN` does not write the alignment, which Markdown expects in the rule.
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
