//! A line on standard error that says how far a run is, on a terminal only.

use std::io::{IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::output::{shown, takes_escapes};
use crate::auditor::Progress;
use crate::renew;

/// Whether the line is on the screen.
static DRAWN: AtomicBool = AtomicBool::new(false);

/// Removes the line from the screen. `stderr` is locked.
pub(super) fn wipe(stderr: &mut impl Write) {
    if DRAWN.swap(false, Ordering::Relaxed) {
        drop(stderr.write_all(b"\r\x1b[K"));
    }
}

/// The line. It is wiped when it goes, and by what is printed on standard error.
pub(super) struct Line {
    /// When it is drawn next; `None` if it is never drawn.
    next: Option<Mutex<Instant>>,
}

/// A run that is over sooner needs no line.
const PATIENCE: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(100);

#[allow(clippy::disallowed_methods, reason = "how often the line is drawn is a matter of the terminal")]
impl Line {
    pub(super) fn new(quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal() && takes_escapes();
        // The first line waits for PATIENCE.
        Self { next: visible.then(|| Mutex::new(Instant::now() + PATIENCE)) }
    }

    /// Draws the line, unless it was drawn a moment ago.
    fn draw(&self, text: impl FnOnce() -> String) {
        let Some(mut next) = self.next.as_ref().map(|next| next.lock().unwrap_or_else(PoisonError::into_inner)) else {
            return;
        };
        let now = Instant::now();
        if now >= *next {
            *next = now + PAUSE;
            let mut stderr = std::io::stderr().lock();
            DRAWN.store(true, Ordering::Relaxed);
            drop(write!(stderr, "\r\x1b[K{}", text()));
        }
    }

    /// Shows how far a pass of renewals is.
    pub(super) fn renewing(&self, progress: &renew::Progress<'_>) {
        self.draw(|| renewing(progress));
    }
}

impl Progress for Line {
    fn done(&self, units: usize, found: usize, searching: bool) {
        self.draw(|| audited(units, found, searching));
    }

    fn end(&self) {
        wipe(&mut std::io::stderr().lock());
    }
}

/// The bar, once it is known how much there is; until then how much was found.
fn audited(units: usize, found: usize, searching: bool) -> String {
    if searching {
        return format!("audited {units}, found {found} so far");
    }
    bar(units, found)
}

fn renewing(progress: &renew::Progress<'_>) -> String {
    let renew::Progress { done, of, failed, id } = *progress;
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    // A long line would wrap, and its first part stay on the screen.
    let id: String = id.chars().take(20).collect();
    format!("{}{failed}: {}", bar(done, of), shown(&id))
}

fn bar(done: usize, of: usize) -> String {
    const WIDTH: usize = 30;
    let filled = done.saturating_mul(WIDTH) / of.max(1);
    format!("[{:<WIDTH$}] {done} of {of}", "#".repeat(filled.min(WIDTH)))
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
        assert_eq!(audited(5, 70, true), "audited 5, found 70 so far");
        assert_eq!(audited(0, 10, false), format!("[{}] 0 of 10", " ".repeat(30)));
        assert_eq!(audited(5, 10, false), format!("[{}{}] 5 of 10", "#".repeat(15), " ".repeat(15)));
        assert_eq!(audited(10, 10, false), format!("[{}] 10 of 10", "#".repeat(30)));
    }

    #[test]
    fn a_pass_shows_failures_and_a_safe_id() {
        let progress = renew::Progress { done: 10, of: 10, failed: 2, id: "peer\u{1b}[2J" };
        let shown = renewing(&progress);
        assert!(shown.starts_with('[') && shown.contains("] 10 of 10, 2 failed: peer"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}
