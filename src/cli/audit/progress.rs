//! A line on standard error that says how far the audit is, on a terminal only.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::auditor::Progress;
use crate::cli::logging::takes_escapes;

/// The line. It is wiped when it goes.
pub(super) struct Line {
    shown: Cell<Option<Instant>>,
    visible: bool,
    /// Whether the line is on the screen.
    drawn: Cell<bool>,
}

/// A run that is over sooner needs no line.
const PATIENCE: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(100);

impl Line {
    #[allow(clippy::disallowed_methods, reason = "how often the line is drawn is a matter of the terminal")]
    pub(super) fn new(quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal() && takes_escapes();
        // The first line waits for PATIENCE.
        Self { shown: Cell::new(Some(Instant::now() + PATIENCE)), visible, drawn: Cell::new(false) }
    }
}

impl Progress for Line {
    #[allow(clippy::disallowed_methods, reason = "as above")]
    fn done(&self, units: usize, found: usize, searching: bool) {
        if !self.visible {
            return;
        }
        let now = Instant::now();
        if self.shown.get().is_none_or(|next| now >= next) {
            self.shown.set(Some(now + PAUSE));
            self.drawn.set(true);
            drop(write!(std::io::stderr(), "\r\x1b[K{}", text(units, found, searching)));
        }
    }

    fn end(&self) {
        if self.drawn.take() {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}

/// The bar, once it is known how much there is; until then how much was found.
fn text(units: usize, found: usize, searching: bool) -> String {
    const WIDTH: usize = 30;
    if searching {
        return format!("audited {units}, found {found} so far");
    }
    let filled = units.saturating_mul(WIDTH) / found.max(1);
    format!("[{:<WIDTH$}] {units} of {found}", "#".repeat(filled.min(WIDTH)))
}

/// An error ends the run early.
impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_up() {
        assert_eq!(text(5, 70, true), "audited 5, found 70 so far");
        assert_eq!(text(0, 10, false), format!("[{}] 0 of 10", " ".repeat(30)));
        assert_eq!(text(5, 10, false), format!("[{}{}] 5 of 10", "#".repeat(15), " ".repeat(15)));
        assert_eq!(text(10, 10, false), format!("[{}] 10 of 10", "#".repeat(30)));
    }
}
