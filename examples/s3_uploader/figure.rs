//! The frame of a plot: heading, legend, panels above each other, and the time axis that they share.

use crate::scale::Scale;
use crate::svg::{Anchor, Point, Stroke, Svg, TextStyle};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 640.0;
/// Where the time axis begins and ends.
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 20.0;
/// The baselines of the heading and the legend.
const HEADING_Y: f64 = 28.0;
const LEGEND_Y: f64 = 52.0;
/// How far above its panel a title is.
const TITLE_GAP: f64 = 10.0;

const INK: &str = "#333333";
const FAINT: &str = "#777777";
const GRID: &str = "#e6e6e6";

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

/// The place of one quantity.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// A plot in the making.
pub(crate) struct Figure {
    svg: Svg,
    time: Scale,
    /// Where the next entry of the legend begins.
    legend_x: f64,
}

impl Figure {
    /// Starts a plot over so many seconds.
    pub(crate) fn new(heading: &str, seconds: f64) -> Self {
        let mut svg = Svg::new(WIDTH, HEIGHT);
        let at = Point {
            x: LEFT,
            y: HEADING_Y,
        };
        svg.text(at, Anchor::Start, HEADING, heading);
        Self {
            svg,
            time: Scale::Linear { max: seconds },
            legend_x: LEFT,
        }
    }

    /// Adds a line to the legend.
    pub(crate) fn legend_line(&mut self, stroke: Stroke, name: &str) {
        let (x, y) = (self.legend_x, LEGEND_Y - 4.0);
        let sample = [x, x + 24.0].map(|x| Point { x, y });
        self.svg.line(&sample, stroke);
        self.legend_name(30.0, name);
    }

    /// Adds a mark of moments to the legend.
    pub(crate) fn legend_mark(&mut self, stroke: Stroke, name: &str) {
        let x = self.legend_x + 8.0;
        let sample = [LEGEND_Y - 12.0, LEGEND_Y + 2.0].map(|y| Point { x, y });
        self.svg.line(&sample, stroke);
        self.legend_name(16.0, name);
    }

    fn legend_name(&mut self, gap: f64, name: &str) {
        let at = Point {
            x: self.legend_x + gap,
            y: LEGEND_Y,
        };
        self.svg.text(at, Anchor::Start, TITLE, name);
        // The width of a text depends on the font: this is enough for usual ones.
        self.legend_x = at.x + 7.0 * name.len() as f64 + 24.0;
    }

    /// Draws a panel's title, and a note at the other end of its line.
    pub(crate) fn title(&mut self, panel: Panel, note: &str) {
        let y = panel.top - TITLE_GAP;
        let at = Point { x: LEFT, y };
        self.svg.text(at, Anchor::Start, TITLE, panel.title);
        let at = Point { x: RIGHT, y };
        self.svg.text(at, Anchor::End, LABEL, note);
    }

    /// Draws a panel's grid and labels.
    pub(crate) fn grid(&mut self, panel: Panel, scale: Scale, labels: usize) {
        for value in scale.ticks(labels) {
            let y = panel.y(scale, value);
            let ends = [LEFT, RIGHT].map(|x| Point { x, y });
            self.svg.line(&ends, Stroke::thin(GRID));
            let label = Point {
                x: LEFT - 8.0,
                y: y + 4.0,
            };
            let value = value.to_string();
            self.svg.text(label, Anchor::End, LABEL, &value);
        }
    }

    /// Draws a text in the middle of a panel, where there is nothing else to draw.
    pub(crate) fn note_in(&mut self, panel: Panel, note: &str) {
        let middle = Point {
            x: (LEFT + RIGHT) / 2.0,
            y: (panel.top + panel.bottom) / 2.0 + 5.0,
        };
        self.svg.text(middle, Anchor::Middle, TITLE, note);
    }

    /// Marks a moment, in seconds.
    pub(crate) fn mark(&mut self, panel: Panel, at: f64, stroke: Stroke) {
        let x = self.x(at);
        let ends = [panel.top, panel.bottom].map(|y| Point { x, y });
        self.svg.line(&ends, stroke);
    }

    /// Draws a line through values at moments in seconds. A moment without a value interrupts the line.
    pub(crate) fn line(
        &mut self,
        panel: Panel,
        scale: Scale,
        values: impl Iterator<Item = (f64, Option<f64>)>,
        stroke: Stroke,
    ) {
        let mut points = Vec::new();
        for (at, value) in values {
            match value {
                Some(value) => points.push(Point {
                    x: self.x(at),
                    y: panel.y(scale, value),
                }),
                None => self.svg.line(&std::mem::take(&mut points), stroke),
            }
        }
        self.svg.line(&points, stroke);
    }

    /// Draws a bar from zero to `value`, between two moments in seconds.
    pub(crate) fn bar(
        &mut self,
        panel: Panel,
        scale: Scale,
        (from, to): (f64, f64),
        value: f64,
        color: &str,
    ) {
        let upper_left = Point {
            x: self.x(from),
            y: panel.y(scale, value),
        };
        let lower_right = Point {
            x: self.x(to),
            y: panel.bottom,
        };
        self.svg.rectangle(upper_left, lower_right, color);
    }

    /// Draws the time axis under the last panel, and returns the plot as SVG.
    pub(crate) fn finish(mut self, last: Panel, title: &str) -> String {
        let y = last.bottom;
        let ends = [LEFT, RIGHT].map(|x| Point { x, y });
        self.svg.line(&ends, Stroke::thin(INK));
        for seconds in self.time.ticks(12) {
            let x = self.x(seconds);
            let tick = [y, y + 5.0].map(|y| Point { x, y });
            self.svg.line(&tick, Stroke::thin(INK));
            let label = Point { x, y: y + 19.0 };
            let seconds = seconds.to_string();
            self.svg.text(label, Anchor::Middle, LABEL, &seconds);
        }
        let at = Point {
            x: (LEFT + RIGHT) / 2.0,
            y: y + 38.0,
        };
        self.svg.text(at, Anchor::Middle, LABEL, title);
        self.svg.finish()
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + self.time.position(seconds) * (RIGHT - LEFT)
    }
}

impl Panel {
    fn y(self, scale: Scale, value: f64) -> f64 {
        self.bottom - scale.position(value) * (self.bottom - self.top)
    }
}
