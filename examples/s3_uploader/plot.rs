//! Draws latency, throughput and failures over time as SVG: one panel per quantity, one line per strategy.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::scale::Scale;
use crate::summary::Summary;
use crate::svg::{Anchor, Point, Stroke, Svg, TextStyle};
use crate::timeline::{Interval, Timeline, interval_for};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 640.0;
/// Where the time axis begins and ends.
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 20.0;

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

const INK: &str = "#333333";
const FAINT: &str = "#777777";
const GRID: &str = "#e6e6e6";
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

const HEADING: TextStyle = TextStyle {
    size: 18,
    color: INK,
};
const TITLE: TextStyle = TextStyle {
    size: 14,
    color: INK,
};
const LABEL: TextStyle = TextStyle {
    size: 12,
    color: FAINT,
};

/// Draws the strategies into an SVG file.
pub(crate) fn write(summaries: &[Summary], path: &Path) -> anyhow::Result<()> {
    let svg = draw(summaries);
    std::fs::write(path, svg).with_context(|| format!("`{}` cannot be written", path.display()))
}

fn draw(summaries: &[Summary]) -> String {
    let longest = summaries.iter().map(|summary| summary.uploading).max();
    let interval = interval_for(longest.unwrap_or_default());
    let colors = COLORS.iter().rev().cycle();
    let mut series: Vec<_> = summaries
        .iter()
        .rev()
        .zip(colors)
        .map(|(summary, &color)| Series {
            summary,
            timeline: Timeline::new(&summary.requests, summary.uploading, interval),
            color,
        })
        .collect();
    series.reverse();
    let ends = series.iter().map(|series| series.timeline.end());
    let mut figure = Figure {
        svg: Svg::new(WIDTH, HEIGHT),
        time: Scale::Linear {
            max: ends.fold(interval.as_secs_f64(), f64::max),
        },
        series,
    };
    figure.draw_header();
    figure.draw_latency();
    figure.draw_throughput();
    figure.draw_failures();
    figure.draw_time_axis();
    figure.svg.finish()
}

/// One strategy, as it is drawn.
struct Series<'s> {
    summary: &'s Summary,
    timeline: Timeline,
    color: Color,
}

/// The color of a strategy.
#[derive(Clone, Copy)]
struct Color {
    full: &'static str,
    light: &'static str,
}

/// The place of one quantity.
#[derive(Clone, Copy)]
struct Panel {
    title: &'static str,
    top: f64,
    bottom: f64,
}

/// How a quantity is drawn.
#[derive(Clone, Copy)]
enum Line {
    Thick,
    Thin,
}

struct Figure<'s> {
    svg: Svg,
    time: Scale,
    series: Vec<Series<'s>>,
}

impl Figure<'_> {
    fn draw_header(&mut self) {
        let heading = "Uploads to S3 while the key that signs them is rotated";
        let at = Point { x: LEFT, y: 28.0 };
        self.svg.text(at, Anchor::Start, HEADING, heading);
        let y = 52.0;
        let mut x = LEFT;
        for Series { summary, color, .. } in &self.series {
            let sample = [
                Point { x, y: y - 4.0 },
                Point {
                    x: x + 24.0,
                    y: y - 4.0,
                },
            ];
            self.svg.line(&sample, thick(color.full));
            let name = Point { x: x + 30.0, y };
            self.svg.text(name, Anchor::Start, TITLE, summary.strategy);
            x += 56.0 + 6.8 * summary.strategy.len() as f64;
        }
        let sample = [
            Point {
                x: x + 12.0,
                y: y - 12.0,
            },
            Point {
                x: x + 12.0,
                y: y + 2.0,
            },
        ];
        self.svg.line(&sample, rotation_line(FAINT));
        let name = Point { x: x + 20.0, y };
        self.svg.text(name, Anchor::Start, TITLE, "rotation");
    }

    fn draw_latency(&mut self) {
        let intervals = self.series.iter().flat_map(|s| &s.timeline.intervals);
        let values = intervals.flat_map(|interval| [interval.p50, interval.p99]);
        let values = values.flatten().map(millis);
        let scale = Scale::logarithmic(values);
        self.draw_panel(LATENCY, scale, 8);
        self.draw_lines(LATENCY, scale, Line::Thin, |interval, _| {
            interval.p99.map(millis)
        });
        self.draw_lines(LATENCY, scale, Line::Thick, |interval, _| {
            interval.p50.map(millis)
        });
    }

    fn draw_throughput(&mut self) {
        let scale = self.scale_of_rates(|interval| interval.requests);
        self.draw_panel(THROUGHPUT, scale, 4);
        self.draw_lines(THROUGHPUT, scale, Line::Thick, |interval, seconds| {
            Some(f64::from(interval.requests) / seconds)
        });
    }

    fn draw_failures(&mut self) {
        let panel = FAILURES;
        let totals: Vec<_> = self
            .series
            .iter()
            .map(|s| (s.summary.strategy, s.summary.failures))
            .collect();
        if totals.iter().all(|&(_, failures)| failures == 0) {
            self.draw_empty_panel(panel, "none");
            return;
        }
        let scale = self.scale_of_rates(|interval| interval.failures);
        self.draw_panel(panel, scale, 4);
        for series in &self.series {
            let seconds = series.timeline.interval.as_secs_f64();
            for (start, interval) in series.timeline.iter() {
                if interval.failures == 0 {
                    continue;
                }
                let rate = f64::from(interval.failures) / seconds;
                let upper_left = Point {
                    x: x(self.time, start),
                    y: panel.y(scale, rate),
                };
                let lower_right = Point {
                    x: x(self.time, start + seconds),
                    y: panel.bottom,
                };
                self.svg
                    .rectangle(upper_left, lower_right, series.color.full);
            }
        }
        let totals = totals.iter().map(|(strategy, failures)| match failures {
            0 => format!("{strategy}: none"),
            some => format!("{strategy}: {some}"),
        });
        let totals = totals.collect::<Vec<_>>().join(", ");
        let at = Point {
            x: RIGHT,
            y: panel.top - 10.0,
        };
        self.svg.text(at, Anchor::End, LABEL, &totals);
    }

    /// Draws a panel's title, its grid with the labels, and the rotations.
    fn draw_panel(&mut self, panel: Panel, scale: Scale, ticks: usize) {
        self.draw_title(panel);
        for value in scale.ticks(ticks) {
            let y = panel.y(scale, value);
            let ends = [Point { x: LEFT, y }, Point { x: RIGHT, y }];
            self.svg.line(&ends, THIN.with(GRID));
            let label = Point {
                x: LEFT - 8.0,
                y: y + 4.0,
            };
            let value = value.to_string();
            self.svg.text(label, Anchor::End, LABEL, &value);
        }
        self.draw_rotations(panel);
    }

    fn draw_empty_panel(&mut self, panel: Panel, text: &str) {
        self.draw_title(panel);
        self.draw_rotations(panel);
        let middle = Point {
            x: (LEFT + RIGHT) / 2.0,
            y: (panel.top + panel.bottom) / 2.0 + 5.0,
        };
        self.svg.text(middle, Anchor::Middle, TITLE, text);
    }

    fn draw_title(&mut self, panel: Panel) {
        let at = Point {
            x: LEFT,
            y: panel.top - 10.0,
        };
        self.svg.text(at, Anchor::Start, TITLE, panel.title);
    }

    fn draw_rotations(&mut self, panel: Panel) {
        let Scale::Linear { max: end } = self.time else {
            return;
        };
        for Series { summary, color, .. } in &self.series {
            let rotations = summary.rotations.iter().map(Duration::as_secs_f64);
            for at in rotations.filter(|&at| at <= end) {
                let x = x(self.time, at);
                let ends = [panel.top, panel.bottom].map(|y| Point { x, y });
                self.svg.line(&ends, rotation_line(color.full));
            }
        }
    }

    /// Draws a line per strategy through the values of its intervals. An interval without a value interrupts the line.
    fn draw_lines(
        &mut self,
        panel: Panel,
        scale: Scale,
        line: Line,
        value: impl Fn(&Interval, f64) -> Option<f64>,
    ) {
        for series in &self.series {
            let stroke = match line {
                Line::Thick => thick(series.color.full),
                Line::Thin => THIN.with(series.color.light),
            };
            let seconds = series.timeline.interval.as_secs_f64();
            let mut points = Vec::new();
            for (start, interval) in series.timeline.iter() {
                match value(interval, seconds) {
                    Some(value) => points.push(Point {
                        x: x(self.time, start + seconds / 2.0),
                        y: panel.y(scale, value),
                    }),
                    None => self.svg.line(&std::mem::take(&mut points), stroke),
                }
            }
            self.svg.line(&points, stroke);
        }
    }

    fn draw_time_axis(&mut self) {
        let y = FAILURES.bottom;
        let ends = [Point { x: LEFT, y }, Point { x: RIGHT, y }];
        self.svg.line(&ends, THIN.with(INK));
        for seconds in self.time.ticks(12) {
            let x = x(self.time, seconds);
            let tick = [Point { x, y }, Point { x, y: y + 5.0 }];
            self.svg.line(&tick, THIN.with(INK));
            let label = Point { x, y: y + 19.0 };
            let seconds = seconds.to_string();
            self.svg.text(label, Anchor::Middle, LABEL, &seconds);
        }
        let at = Point {
            x: (LEFT + RIGHT) / 2.0,
            y: y + 38.0,
        };
        let title = "seconds since the start of the uploads";
        self.svg.text(at, Anchor::Middle, LABEL, title);
    }

    fn scale_of_rates(&self, count: impl Fn(&Interval) -> u32) -> Scale {
        Scale::linear(self.series.iter().flat_map(|series| {
            let seconds = series.timeline.interval.as_secs_f64();
            let intervals = series.timeline.intervals.iter();
            intervals
                .map(|interval| f64::from(count(interval)) / seconds)
                .collect::<Vec<_>>()
        }))
    }
}

impl Panel {
    fn y(self, scale: Scale, value: f64) -> f64 {
        self.bottom - scale.position(value) * (self.bottom - self.top)
    }
}

fn x(time: Scale, seconds: f64) -> f64 {
    LEFT + time.position(seconds) * (RIGHT - LEFT)
}

const THIN: Stroke = Stroke {
    color: INK,
    width: 1.0,
    dashed: false,
};

fn thick(color: &'static str) -> Stroke {
    Stroke {
        width: 1.6,
        ..THIN.with(color)
    }
}

fn rotation_line(color: &'static str) -> Stroke {
    Stroke {
        dashed: true,
        ..THIN.with(color)
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
