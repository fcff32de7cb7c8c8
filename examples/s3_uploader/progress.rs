//! What is seen while it runs: bars on a terminal, a line each second elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::board::Board;
use crate::flights::Flights;
use crate::way::{Live, Way};

/// Shows something until it is told to end.
#[derive(Debug)]
#[must_use]
pub(crate) struct Shown(JoinHandle<()>);

impl Shown {
    /// Bars go; lines stay.
    pub(crate) fn end(self) {
        self.0.abort();
    }
}

/// Shows how the work goes.
pub(crate) fn show<W: Way>(
    way: Arc<W>,
    flights: Flights,
    board: Arc<Board>,
    concurrency: u16,
) -> Shown {
    Shown(tokio::spawn(async move {
        let view = View::new(W::NAME, &board, concurrency);
        let mut ticks = interval(view.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // The first tick is at once, when there is nothing to see yet.
        ticks.tick().await;
        let mut speed = Speed::new(&board);
        loop {
            ticks.tick().await;
            let live = way.live();
            let in_flight = flights.in_flight(&live.access_key_id);
            view.draw(&board, &live, in_flight, speed.of(&board));
        }
    }))
}

/// Shows how far the reading back is.
pub(crate) fn reading_back(done: Arc<AtomicUsize>, of: usize) -> Shown {
    Shown(tokio::spawn(async move {
        if !is_terminal() {
            println!("reading {of} objects back");
            return;
        }
        let style = style("reading back {bar:40.cyan} {pos}/{len}");
        let bar = Gone(vec![
            target().add(ProgressBar::new(of as u64).with_style(style)),
        ]);
        let mut ticks = interval(REDRAW);
        loop {
            ticks.tick().await;
            bar.0[0].set_position(done.load(Ordering::Relaxed) as u64);
        }
    }))
}

enum View {
    Lines {
        name: &'static str,
    },
    Bars {
        name: &'static str,
        bars: Gone,
        _all: MultiProgress,
    },
}

impl View {
    fn new(name: &'static str, board: &Board, concurrency: u16) -> Self {
        if !is_terminal() {
            return Self::Lines { name };
        }
        let all = target();
        let length = (board.until() - board.begun()).as_millis() as u64;
        let bars = [
            (length, "{bar:40.cyan} {msg}"),
            (1, "{msg}"),
            (
                concurrency.into(),
                "{bar:40.yellow} {pos:>4} in flight on an old key",
            ),
            (
                concurrency.into(),
                "{bar:40.green} {pos:>4} in flight on the new key",
            ),
        ];
        let bars = bars.map(|(length, template)| {
            all.add(ProgressBar::new(length).with_style(style(template)))
        });
        Self::Bars {
            name,
            bars: Gone(bars.into()),
            _all: all,
        }
    }

    fn period(&self) -> Duration {
        match self {
            Self::Lines { .. } => Duration::from_secs(1),
            Self::Bars { .. } => REDRAW,
        }
    }

    fn draw(
        &self,
        board: &Board,
        live: &Live,
        (old, new): (usize, usize),
        (objects, megabytes): (f64, f64),
    ) {
        let elapsed = board.begun().elapsed();
        let (stored, _, failures) = board.so_far();
        let speed = format!("{objects:.0} objects/s, {megabytes:.1} MB/s");
        let key = format!("generation {}, key …{}", live.generation, live.id_suffix());
        let deaf = live
            .deaf
            .as_ref()
            .map_or(String::new(), |reason| format!(", deaf: {reason}"));
        match self {
            Self::Lines { name } => println!(
                "{name} {:>3.0} s: {stored} objects, {speed}, {key}, in flight {old} on an old key and {new} on the new, \
                 {failures} failures{deaf}",
                elapsed.as_secs_f64(),
            ),
            Self::Bars {
                name,
                bars: Gone(bars),
                ..
            } => {
                bars[0].set_position(elapsed.as_millis() as u64);
                bars[0].set_message(format!("{name}: {stored} objects, {speed}"));
                bars[1].set_message(format!("{key}, {failures} failures{deaf}"));
                bars[2].set_position(old as u64);
                bars[3].set_position(new as u64);
            }
        }
    }
}

/// Objects and megabytes a second, over the last second.
struct Speed {
    since: Instant,
    from: (usize, u64),
    speed: (f64, f64),
}

impl Speed {
    fn new(board: &Board) -> Self {
        Self {
            since: board.begun(),
            from: (0, 0),
            speed: (0.0, 0.0),
        }
    }

    fn of(&mut self, board: &Board) -> (f64, f64) {
        let seconds = self.since.elapsed().as_secs_f64();
        // A tick comes a little early or late.
        if seconds > 0.9 {
            let (objects, bytes, _) = board.so_far();
            self.speed = (
                (objects - self.from.0) as f64 / seconds,
                (bytes - self.from.1) as f64 / 1e6 / seconds,
            );
            self.since = Instant::now();
            self.from = (objects, bytes);
        }
        self.speed
    }
}

/// Bars that do not stay on the terminal.
struct Gone(Vec<ProgressBar>);

impl Drop for Gone {
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
    ProgressStyle::with_template(template).expect("a template of ours")
}

/// Often enough to look alive.
const REDRAW: Duration = Duration::from_millis(200);
