//! Draws latency and failures over time, with the rotations marked: one column for each way, on the same scales.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::report::{Report, Spread};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 520;
/// What is drawn as one point.
const BUCKET: Duration = Duration::from_millis(100);

const INK: RGBColor = RGBColor(60, 60, 60);
const P50: RGBColor = RGBColor(31, 119, 180);
const P99: RGBColor = RGBColor(148, 103, 189);
const ROTATION: RGBColor = RGBColor(255, 150, 40);
const FAILURE: RGBColor = RGBColor(205, 30, 30);

/// Writes the plot as SVG.
pub(crate) fn write(reports: &[Report], path: &Path) -> anyhow::Result<()> {
    let mut svg = String::new();
    draw(reports, &mut svg).map_err(|error| anyhow!("drawing failed: {error}"))?;
    std::fs::write(path, svg).with_context(|| format!("`{}` cannot be written", path.display()))
}

type Drawn<T> = Result<T, Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(reports: &[Report], svg: &mut String) -> Drawn<()> {
    let columns: Vec<_> = reports.iter().map(Column::new).collect();
    let scale = Scale::of(&columns);
    let width = WIDTH * u32::try_from(columns.len().max(1))?;
    let root = SVGBackend::with_string(svg, (width, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    for (column, area) in columns
        .iter()
        .zip(root.split_evenly((1, columns.len().max(1))))
    {
        let (above, below) = area.split_vertically(HEIGHT * 2 / 3);
        column.draw_latency(&above, &scale)?;
        column.draw_failures(&below, &scale)?;
    }
    root.present()?;
    Ok(())
}

/// What one way's column shows: for each bucket of time its begin in seconds and what was in it.
struct Column<'r> {
    report: &'r Report,
    latency: Vec<(f64, Spread)>,
    failures: Vec<(f64, u32)>,
}

/// The ranges that all columns share.
struct Scale {
    seconds: Range<f64>,
    millis: Range<f64>,
    failures: Range<u32>,
}

impl Scale {
    fn of(columns: &[Column<'_>]) -> Self {
        let ends = columns
            .iter()
            .map(|column| column.report.length.as_secs_f64());
        let millis = || {
            let spreads = columns.iter().flat_map(|column| &column.latency);
            spreads.flat_map(|(_, spread)| [millis(spread.p50), millis(spread.p99)])
        };
        let failures = columns.iter().flat_map(|column| &column.failures);
        let lowest = millis().fold(10.0, f64::min).max(0.01);
        let highest = millis().fold(lowest * 10.0, f64::max);
        Self {
            seconds: 0.0..ends.fold(1.0, f64::max),
            millis: lowest * 0.8..highest * 1.25,
            // Room above the highest, and a scale even if there is nothing to show.
            failures: 0..failures.map(|&(_, count)| count).max().unwrap_or(0).max(4) + 1,
        }
    }
}

impl<'r> Column<'r> {
    fn new(report: &'r Report) -> Self {
        let buckets = report.length.as_millis() / BUCKET.as_millis() + 1;
        let mut took = vec![Vec::new(); usize::try_from(buckets).unwrap_or(1)];
        let mut failed = vec![0; took.len()];
        for request in &report.requests {
            let bucket = usize::try_from(request.ended.as_millis() / BUCKET.as_millis());
            let bucket = bucket.unwrap_or(0).min(took.len() - 1);
            took[bucket].push(request.took);
            failed[bucket] += u32::from(request.failed);
        }
        let at = |bucket: usize| bucket as f64 * BUCKET.as_secs_f64();
        let latency = took.into_iter().enumerate();
        let failures = failed.into_iter().enumerate();
        Self {
            report,
            latency: latency
                .filter_map(|(n, took)| Some((at(n), Spread::of(took)?)))
                .collect(),
            failures: failures
                .filter(|&(_, count)| count > 0)
                .map(|(n, count)| (at(n), count))
                .collect(),
        }
    }

    fn draw_latency(&self, area: &Area<'_>, scale: &Scale) -> Drawn<()> {
        let report = self.report;
        let title = format!(
            "{}: {} of {} requests failed, {} rotations",
            report.way,
            report.failures,
            report.requests.len(),
            report.rotations.len()
        );
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 17).into_font().color(&INK))
            .margin(10)
            .x_label_area_size(10)
            .y_label_area_size(58)
            .build_cartesian_2d(scale.seconds.clone(), scale.millis.clone().log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_labels(0)
            .y_desc("request latency, ms")
            .y_label_formatter(&|millis| format!("{millis}"))
            .draw()?;
        let ends = (scale.millis.start, scale.millis.end);
        let marks =
            rotations(report).map(|at| PathElement::new([(at, ends.0), (at, ends.1)], ROTATION));
        chart
            .draw_series(marks)?
            .label("rotation")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 14, y)], ROTATION));
        for (name, color, value) in [
            ("p99", P99, (|s| s.p99) as fn(&Spread) -> Duration),
            ("p50", P50, |s| s.p50),
        ] {
            let points = self
                .latency
                .iter()
                .map(|(at, spread)| (*at, millis(value(spread))));
            chart
                .draw_series(LineSeries::new(points, color))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], color));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .border_style(INK.mix(0.3))
            .draw()?;
        Ok(())
    }

    fn draw_failures(&self, area: &Area<'_>, scale: &Scale) -> Drawn<()> {
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(38)
            .y_label_area_size(58)
            .build_cartesian_2d(scale.seconds.clone(), scale.failures.clone())?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("seconds")
            .y_desc("failures in 0.1 s")
            .draw()?;
        let top = scale.failures.end;
        chart.draw_series(
            rotations(self.report).map(|at| PathElement::new([(at, 0), (at, top)], ROTATION)),
        )?;
        let width = BUCKET.as_secs_f64();
        chart.draw_series(self.failures.iter().map(|&(at, count)| {
            Rectangle::new([(at, 0), (at + width, count)], FAILURE.filled())
        }))?;
        Ok(())
    }
}

fn rotations(report: &Report) -> impl Iterator<Item = f64> {
    report.rotations.iter().map(Duration::as_secs_f64)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
