//! What the code under test logs.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// The lines that one thread has logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

/// Logs are collected until this is dropped.
pub(crate) struct Collecting {
    _here: DefaultGuard,
    _other: Dispatch,
}

impl Log {
    /// Collects what this thread logs, at `INFO` and above.
    pub(crate) fn collect() -> (Self, Collecting) {
        Self::collect_from(LevelFilter::INFO)
    }

    /// Collects what this thread logs, at this level and above.
    pub(crate) fn collect_from(level: LevelFilter) -> (Self, Collecting) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(level)
            .with_writer(log.clone());
        // While a process has one subscriber, `tracing` asks the thread that logs an event first whether anybody wants it, and
        // remembers the answer for all threads; that may be another test's. With two it asks both.
        let collecting = Collecting {
            _other: Dispatch::new(tracing_subscriber::registry()),
            _here: subscriber.finish().set_default(),
        };
        (log, collecting)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("text")
    }

    /// Returns the lines of this level that contain the text.
    pub(crate) fn lines(&self, level: &str, text: &str) -> Vec<String> {
        let all = self.text();
        let lines = all
            .lines()
            .filter(|line| line.contains(level) && line.contains(text));
        lines.map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
