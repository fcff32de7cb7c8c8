//! Pages to read. There is no code in here.

pub mod failures;
pub mod model;
pub mod operating;
pub mod why;
