//! The environment of a run.

use crate::Timestamp;
use crate::disk::Disk;

/// The disk and the clock of a run.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// The clock.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
