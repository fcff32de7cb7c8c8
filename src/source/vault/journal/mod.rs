//! The lease journal: a file for each lease that is alive, so that what a killed process has left is revoked by the next one.
//!
//! A file belongs to the process that has locked it. The kernel releases the lock when the process ends, however it ends:
//! whoever can lock a file knows that nobody uses its lease any more.

mod directory;
mod entry;
mod recovery;

pub(super) use directory::Journal;
pub(super) use entry::Entry;
pub(super) use recovery::recover;
