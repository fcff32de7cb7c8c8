//! Writes SVG: the few elements that a plot needs.

use std::fmt::Write;

/// A picture to which elements are added, each above the ones before.
#[derive(Debug)]
pub(crate) struct Svg {
    elements: String,
    width: f64,
    height: f64,
}

/// A position in pixels from the upper left corner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// Which end of a text is at its position.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    color: &'static str,
    width: f64,
    dashed: bool,
}

/// The size in pixels and the color of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextStyle {
    pub(crate) size: u32,
    pub(crate) color: &'static str,
}

impl Stroke {
    /// Returns a stroke for lines that should stand out.
    pub(crate) fn thick(color: &'static str) -> Self {
        Self {
            width: 1.6,
            ..Self::thin(color)
        }
    }

    /// Returns a stroke for lines in the background.
    pub(crate) fn thin(color: &'static str) -> Self {
        Self {
            color,
            width: 1.0,
            dashed: false,
        }
    }

    /// Returns a stroke for marks.
    pub(crate) fn dashed(color: &'static str) -> Self {
        Self {
            dashed: true,
            ..Self::thin(color)
        }
    }
}

impl Svg {
    /// Starts a white picture.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self {
            elements: String::new(),
            width,
            height,
        }
    }

    /// Adds a line through `points`.
    pub(crate) fn line(&mut self, points: &[Point], stroke: Stroke) {
        if points.is_empty() {
            return;
        }
        let points = points.iter().map(|p| format!("{:.1},{:.1}", p.x, p.y));
        let points = points.collect::<Vec<_>>().join(" ");
        let Stroke { color, width, .. } = stroke;
        let dashes = match stroke.dashed {
            true => " stroke-dasharray=\"2 3\"",
            false => "",
        };
        self.add(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"{dashes}/>"
        ));
    }

    /// Adds a filled rectangle between two opposite corners.
    pub(crate) fn rectangle(&mut self, upper_left: Point, lower_right: Point, color: &str) {
        let Point { x, y } = upper_left;
        let (width, height) = (lower_right.x - x, lower_right.y - y);
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"/>"
        ));
    }

    /// Adds a text whose baseline is at `at`.
    pub(crate) fn text(&mut self, at: Point, anchor: Anchor, style: TextStyle, text: &str) {
        if text.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let TextStyle { size, color } = style;
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{color}\">{text}</text>",
            at.x, at.y
        ));
    }

    /// Returns the picture as an SVG document.
    pub(crate) fn finish(self) -> String {
        let Self {
            elements,
            width,
            height,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{elements}</svg>\n"
        )
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.elements, "{element}").expect("writing to a string does not fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut svg = Svg::new(10.0, 10.0);
        let style = TextStyle {
            size: 12,
            color: "#000000",
        };
        svg.text(Point { x: 1.0, y: 2.0 }, Anchor::Start, style, "a < b & c");
        let document = svg.finish();
        assert!(document.starts_with("<svg") && document.ends_with("</svg>\n"));
        assert!(document.contains("a &lt; b &amp; c"), "{document}");
    }
}
