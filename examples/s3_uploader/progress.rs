//! Shows the progress: bars on a terminal, one line per second elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::in_flight::{InFlight, InFlightCount};
use crate::stats::{Stats, Totals};
use crate::strategy::{CurrentKey, Strategy};

/// How often bars are drawn.
const REDRAW: Duration = Duration::from_millis(200);
/// How often lines are printed.
const PRINT: Duration = Duration::from_secs(1);

/// A task that shows the progress.
#[derive(Debug)]
#[must_use]
pub(crate) struct Display(JoinHandle<()>);

impl Display {
    /// Stops showing. Bars disappear, lines stay.
    pub(crate) fn end(self) {
        self.0.abort();
    }
}

/// Shows the progress of the uploads.
pub(crate) fn uploading<S: Strategy>(
    strategy: Arc<S>,
    in_flight: InFlight,
    stats: Arc<Stats>,
    concurrency: u16,
) -> Display {
    Display(tokio::spawn(async move {
        let view = View::new(S::NAME, &stats, concurrency);
        let mut ticks = interval(view.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // The first tick comes at once, when there is nothing to show yet.
        ticks.tick().await;
        let mut speed = Speedometer::new(&stats);
        loop {
            ticks.tick().await;
            let current = strategy.current();
            let progress = Progress {
                elapsed: stats.started().elapsed(),
                totals: stats.totals(),
                speed: speed.measure(&stats),
                in_flight: in_flight.count(&current.access_key_id),
                current,
            };
            view.draw(&progress);
        }
    }))
}

/// Shows how many of `total` objects have been read back.
pub(crate) fn reading_back(done: Arc<AtomicUsize>, total: usize) -> Display {
    Display(tokio::spawn(async move {
        if !is_terminal() {
            println!("reading {total} objects back");
            return;
        }
        let style = style("reading back {bar:40.cyan} {pos}/{len}");
        let bar = ProgressBar::new(total as u64).with_style(style);
        let bars = TransientBars(vec![target().add(bar)]);
        let mut ticks = interval(REDRAW);
        loop {
            ticks.tick().await;
            bars.0[0].set_position(done.load(Ordering::Relaxed) as u64);
        }
    }))
}

struct Progress {
    elapsed: Duration,
    totals: Totals,
    speed: Speed,
    in_flight: InFlightCount,
    current: CurrentKey,
}

enum View {
    Lines {
        name: &'static str,
    },
    Bars {
        name: &'static str,
        bars: TransientBars,
        _all: MultiProgress,
    },
}

impl View {
    fn new(name: &'static str, stats: &Stats, concurrency: u16) -> Self {
        if !is_terminal() {
            return Self::Lines { name };
        }
        let all = target();
        let length = (stats.deadline() - stats.started()).as_millis() as u64;
        let concurrency = u64::from(concurrency);
        let bars = [
            (length, "{bar:40.cyan} {msg}"),
            (1, "{msg}"),
            (
                concurrency,
                "{bar:40.yellow} {pos:>4} in flight on an old key",
            ),
            (
                concurrency,
                "{bar:40.green} {pos:>4} in flight on the new key",
            ),
        ];
        let bars = bars.map(|(length, template)| {
            all.add(ProgressBar::new(length).with_style(style(template)))
        });
        Self::Bars {
            name,
            bars: TransientBars(bars.into()),
            _all: all,
        }
    }

    fn period(&self) -> Duration {
        match self {
            Self::Lines { .. } => PRINT,
            Self::Bars { .. } => REDRAW,
        }
    }

    fn draw(&self, progress: &Progress) {
        let Progress {
            elapsed,
            totals: Totals {
                objects, failures, ..
            },
            in_flight: InFlightCount { old, current },
            ..
        } = progress;
        let speed = format!(
            "{:.0} objects/s, {:.1} MB/s",
            progress.speed.objects, progress.speed.megabytes
        );
        let key = &progress.current;
        let disconnected = match &key.disconnected {
            Some(reason) => format!(", disconnected: {reason}"),
            None => String::new(),
        };
        let key = format!("generation {}, key …{}", key.generation, key.id_suffix());
        match self {
            Self::Lines { name } => println!(
                "{name} {:>3.0} s: {objects} objects, {speed}, {key}, in flight {old} on an old key and {current} on the \
                 new, {failures} failures{disconnected}",
                elapsed.as_secs_f64(),
            ),
            Self::Bars {
                name,
                bars: TransientBars(bars),
                ..
            } => {
                bars[0].set_position(elapsed.as_millis() as u64);
                bars[0].set_message(format!("{name}: {objects} objects, {speed}"));
                bars[1].set_message(format!("{key}, {failures} failures{disconnected}"));
                bars[2].set_position(*old as u64);
                bars[3].set_position(*current as u64);
            }
        }
    }
}

/// What is uploaded per second.
#[derive(Clone, Copy, Default)]
struct Speed {
    objects: f64,
    megabytes: f64,
}

/// Measures the speed over the last second.
struct Speedometer {
    since: Instant,
    before: Totals,
    speed: Speed,
}

impl Speedometer {
    fn new(stats: &Stats) -> Self {
        Self {
            since: stats.started(),
            before: Totals::default(),
            speed: Speed::default(),
        }
    }

    fn measure(&mut self, stats: &Stats) -> Speed {
        let seconds = self.since.elapsed().as_secs_f64();
        // A tick comes a little early or late.
        if seconds > 0.9 {
            let now = stats.totals();
            self.speed = Speed {
                objects: (now.objects - self.before.objects) as f64 / seconds,
                megabytes: (now.bytes - self.before.bytes) as f64 / 1e6 / seconds,
            };
            self.since = Instant::now();
            self.before = now;
        }
        self.speed
    }
}

/// Bars that disappear from the terminal when they are dropped.
struct TransientBars(Vec<ProgressBar>);

impl Drop for TransientBars {
    fn drop(&mut self) {
        for bar in &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

fn target() -> MultiProgress {
    MultiProgress::with_draw_target(ProgressDrawTarget::stdout())
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is valid")
}
