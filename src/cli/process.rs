//! What the process gets from the system: standard input, the clock, a runtime, signals.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Timestamp};

/// Reads standard input to its end; it may hold keys.
pub(super) fn read_stdin() -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut content = Zeroizing::new(Vec::new());
    std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut content)
        .map_err(|e| Error::new(ErrorKind::Io, "cannot read standard input").with_source(e))?;
    Ok(content)
}

/// The time, from the one call to the system clock.
#[allow(clippy::disallowed_methods, reason = "the edge at which time comes in")]
pub(super) fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A runtime on one thread: an enrolment sends one request at a time.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Io, "cannot start the runtime").with_source(e))
}

/// Handlers for SIGTERM and Ctrl-C. Without them, process 1 of a container would ignore SIGTERM.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Error> {
        let failed = |e: std::io::Error| Error::new(ErrorKind::Io, "cannot wait for signals").with_source(e);
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Waits for one of them, and gives its number and name.
    pub(super) async fn received(mut self) -> (u8, &'static str) {
        tokio::select! {
            _ = self.terminate.recv() => (15, "SIGTERM"),
            _ = self.interrupt.recv() => (2, "Ctrl-C"),
        }
    }
}

/// Runs `work` to its end, or stops it at Ctrl-C or SIGTERM while it waits for the network. Steps on the disk are finished
/// first.
pub(super) async fn until_signal<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let signals = Signals::new()?;
    let (number, name) = tokio::select! {
        biased;
        done = work => return done,
        signal = signals.received() => signal,
    };
    Err(Error::new(ErrorKind::Signal(number), format!("ended by {name}; nothing is half written"))
        .with_help("run the same command again: it continues where this run stopped"))
}
