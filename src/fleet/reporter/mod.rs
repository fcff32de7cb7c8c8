//! The consumer's side: follows a refreshable and reports which versions this process uses.

mod builder;
mod handle;
mod report_sink;
mod schedule;
mod status;
mod task;
mod usage_tracker;

pub use builder::ReporterBuilder;
pub use handle::Reporter;
pub use report_sink::ReportSink;
pub use status::ReporterStatus;
