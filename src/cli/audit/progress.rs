//! A line on standard error that says how far the audit is, on a terminal only.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::audit::Progress;

/// The line. It is wiped when it goes.
pub(super) struct Line {
    shown: Cell<Option<Instant>>,
    visible: bool,
}

/// A run that is over sooner needs no line.
const PATIENCE: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(100);

impl Line {
    #[allow(clippy::disallowed_methods, reason = "how often the line is drawn is a matter of the terminal")]
    pub(super) fn new(quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        // The first line waits for PATIENCE.
        Self { shown: Cell::new(Some(Instant::now() + PATIENCE)), visible }
    }
}

impl Progress for Line {
    #[allow(clippy::disallowed_methods, reason = "as above")]
    fn done(&self, units: usize, all: usize) {
        if !self.visible {
            return;
        }
        let now = Instant::now();
        if self.shown.get().is_none_or(|next| now >= next) {
            self.shown.set(Some(now + PAUSE));
            let percent = units.saturating_mul(100) / all.max(1);
            drop(write!(std::io::stderr(), "\r\x1b[Kaudited {units} of {all} ({percent} %)"));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.visible {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}
