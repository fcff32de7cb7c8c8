//! Draws latency, throughput and failures over time as SVG: one panel per quantity, one line per strategy.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::figure::{Figure, Panel};
use crate::scale::Scale;
use crate::summary::Summary;
use crate::svg::Stroke;
use crate::timeline::{Interval, Timeline, interval_for};

const LATENCY: Panel = Panel {
    title: "Request latency in ms (thick: median, thin: 99th percentile)",
    top: 92.0,
    bottom: 276.0,
};
const THROUGHPUT: Panel = Panel {
    title: "Requests per second",
    top: 324.0,
    bottom: 434.0,
};
const FAILURES: Panel = Panel {
    title: "Failed requests per second",
    top: 482.0,
    bottom: 592.0,
};

/// The color of a strategy.
#[derive(Clone, Copy)]
struct Color {
    full: &'static str,
    light: &'static str,
}

/// The last strategy, which is credswap, has the last color.
const COLORS: [Color; 2] = [
    Color {
        full: "#d9541e",
        light: "#f2bda6",
    },
    Color {
        full: "#1868b2",
        light: "#a9c8e8",
    },
];
const GRAY: &str = "#777777";

/// Draws the strategies into an SVG file.
pub(crate) fn write(summaries: &[Summary], path: &Path) -> anyhow::Result<()> {
    let svg = draw(summaries);
    std::fs::write(path, svg).with_context(|| format!("`{}` cannot be written", path.display()))
}

fn draw(summaries: &[Summary]) -> String {
    let longest = summaries.iter().map(|summary| summary.uploading).max();
    let interval = interval_for(longest.unwrap_or_default());
    let colors = &COLORS[COLORS.len().saturating_sub(summaries.len())..];
    let series: Vec<_> = summaries
        .iter()
        .zip(colors)
        .map(|(summary, &color)| Series {
            summary,
            timeline: Timeline::new(&summary.requests, summary.uploading, interval),
            color,
        })
        .collect();
    let ends = series.iter().map(|series| series.timeline.end());
    let end = ends.fold(interval.as_secs_f64(), f64::max);

    let heading = "Uploads to S3 while the key that signs them is rotated";
    let mut figure = Figure::new(heading, end);
    for Series { summary, color, .. } in &series {
        figure.legend_line(Stroke::thick(color.full), summary.strategy);
    }
    figure.legend_mark(Stroke::dashed(GRAY), "rotation");
    for panel in [LATENCY, THROUGHPUT, FAILURES] {
        for series in &series {
            series.mark_rotations(&mut figure, panel, end);
        }
    }
    draw_latency(&mut figure, &series);
    draw_throughput(&mut figure, &series);
    draw_failures(&mut figure, &series);
    figure.finish(FAILURES, "seconds since the start of the uploads")
}

fn draw_latency(figure: &mut Figure, series: &[Series<'_>]) {
    let p50 = |interval: &Interval| interval.p50.map(millis);
    let p99 = |interval: &Interval| interval.p99.map(millis);
    let values: Vec<_> = series
        .iter()
        .flat_map(|series| &series.timeline.intervals)
        .flat_map(|interval| [p50(interval), p99(interval)])
        .flatten()
        .collect();
    let scale = Scale::logarithmic(values.into_iter());
    figure.title(LATENCY, "");
    figure.grid(LATENCY, scale, 8);
    for series in series {
        let stroke = Stroke::thin(series.color.light);
        figure.line(LATENCY, scale, series.values(p99), stroke);
    }
    for series in series {
        let stroke = Stroke::thick(series.color.full);
        figure.line(LATENCY, scale, series.values(p50), stroke);
    }
}

fn draw_throughput(figure: &mut Figure, series: &[Series<'_>]) {
    let scale = scale_of_rates(series, |interval| interval.requests);
    figure.title(THROUGHPUT, "");
    figure.grid(THROUGHPUT, scale, 4);
    for series in series {
        let rate = |interval: &Interval| Some(series.timeline.rate(interval.requests));
        let stroke = Stroke::thick(series.color.full);
        figure.line(THROUGHPUT, scale, series.values(rate), stroke);
    }
}

fn draw_failures(figure: &mut Figure, series: &[Series<'_>]) {
    if series.iter().all(|series| series.summary.failures == 0) {
        figure.title(FAILURES, "");
        figure.note_in(FAILURES, "none");
        return;
    }
    let totals = series.iter().map(|Series { summary, .. }| {
        let strategy = summary.strategy;
        match summary.failures {
            0 => format!("{strategy}: none"),
            some => format!("{strategy}: {some}"),
        }
    });
    let totals = totals.collect::<Vec<_>>().join(", ");
    figure.title(FAILURES, &totals);
    let scale = scale_of_rates(series, |interval| interval.failures);
    figure.grid(FAILURES, scale, 4);
    for Series {
        timeline, color, ..
    } in series
    {
        for (start, interval) in timeline.iter() {
            let time = (start, start + timeline.interval.as_secs_f64());
            let rate = timeline.rate(interval.failures);
            if rate > 0.0 {
                figure.bar(FAILURES, scale, time, rate, color.full);
            }
        }
    }
}

fn scale_of_rates(series: &[Series<'_>], count: impl Fn(&Interval) -> u32) -> Scale {
    let rates = series.iter().flat_map(|Series { timeline, .. }| {
        let intervals = timeline.intervals.iter();
        intervals.map(|interval| timeline.rate(count(interval)))
    });
    Scale::linear(rates.collect::<Vec<_>>().into_iter())
}

/// One strategy, as it is drawn.
struct Series<'s> {
    summary: &'s Summary,
    timeline: Timeline,
    color: Color,
}

impl Series<'_> {
    /// Returns the middle of each interval in seconds, and its value.
    fn values(
        &self,
        value: impl Fn(&Interval) -> Option<f64>,
    ) -> impl Iterator<Item = (f64, Option<f64>)> {
        let half = self.timeline.interval.as_secs_f64() / 2.0;
        let intervals = self.timeline.iter();
        intervals.map(move |(start, interval)| (start + half, value(interval)))
    }

    fn mark_rotations(&self, figure: &mut Figure, panel: Panel, end: f64) {
        let rotations = self.summary.rotations.iter().map(Duration::as_secs_f64);
        for at in rotations.filter(|&at| at <= end) {
            figure.mark(panel, at, Stroke::dashed(self.color.full));
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
