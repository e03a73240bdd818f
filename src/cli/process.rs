//! What the process gets from the system: standard input, the clock, a runtime, signals.

use std::io::Read as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Timestamp, secret};

/// Forbids core dumps, which would hold secrets and keys: by the limit, and for systems that pass them to a program whatever
/// the limit is. Where the system refuses, the run goes on.
pub(super) fn forbid_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let results = (setrlimit(Resource::Core, none), set_dumpable_behavior(DumpableBehavior::NotDumpable));
    if results != (Ok(()), Ok(())) {
        tracing::debug!("core dumps could not be forbidden");
    }
}

/// The size limit of standard input that is not a secret, in bytes.
const CONTENT_LIMIT: usize = 64 * 1024 * 1024;

/// Reads standard input to its end; it may hold keys.
///
/// # Errors
/// When it cannot be read, or holds more than 64 MiB.
pub(super) fn read_stdin() -> Result<Zeroizing<Vec<u8>>, Error> {
    let content = read_beyond(CONTENT_LIMIT)?;
    if content.len() > CONTENT_LIMIT {
        return Err(Error::new(ErrorKind::Input, format!("standard input holds more than {CONTENT_LIMIT} bytes"))
            .with_help("give it in parts, or as files"));
    }
    Ok(content)
}

/// Reads a secret from standard input; of one that is too large, as much as shows it.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read_secret() -> Result<Zeroizing<Vec<u8>>, Error> {
    read_beyond(secret::LIMIT)
}

/// Reads standard input to its end, or to one byte beyond `limit`.
fn read_beyond(limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let more = limit.saturating_add(1);
    // A secret is read without growing, so that no copy is left behind.
    let mut content = Zeroizing::new(Vec::with_capacity(more.min(secret::LIMIT + 1)));
    let mut stdin = std::io::stdin().lock().take(u64::try_from(more).unwrap_or(u64::MAX));
    stdin
        .read_to_end(&mut content)
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

/// Makes a write beyond the limit for file sizes (`ulimit -f`) an error; by default SIGXFSZ ends the process there.
pub(super) fn outlive_file_size_limit() {
    if getrlimit(Resource::Fsize).current.is_none() {
        return;
    }
    if let Ok(runtime) = runtime() {
        let _entered = runtime.enter();
        // The handler stays after the runtime.
        drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())));
    }
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

/// Notified before the echo of the terminal is turned off: from then on no signal may end the process without restoring it.
pub(super) static SILENT: Notify = Notify::const_new();

/// Set when the handlers of [`hung_up`] are in place.
pub(super) static HANDLED: OnceLock<()> = OnceLock::new();

/// Waits for a signal that comes from a terminal or for it, from the first silent question on. Before, the process may have
/// been started with `nohup`.
async fn hung_up() -> Result<(u8, &'static str), Error> {
    SILENT.notified().await;
    let failed = |e: std::io::Error| Error::new(ErrorKind::Io, "cannot wait for signals").with_source(e);
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let mut quit = signal(SignalKind::quit()).map_err(failed)?;
    HANDLED.get_or_init(|| ());
    tokio::select! {
        _ = hangup.recv() => Ok((1, "SIGHUP")),
        _ = quit.recv() => Ok((3, "SIGQUIT")),
    }
}

/// Whether a command waits in [`until_signal`], and so ends itself.
static ENDS_ITSELF: AtomicBool = AtomicBool::new(false);

/// Runs `work` to its end, or stops it at Ctrl-C or SIGTERM while it waits for the network. Steps on the disk are finished
/// first.
pub(super) async fn until_signal<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let signals = Signals::new()?;
    ENDS_ITSELF.store(true, Ordering::Relaxed);
    tokio::select! {
        biased;
        done = work => done,
        (number, name) = signals.received() => Err(ended(number, name)),
    }
}

/// Runs `work`, which is told of Ctrl-C or SIGTERM by its argument and then ends in its own time.
#[cfg(feature = "kubernetes")]
pub(super) async fn until_signal_and_done<F>(
    work: impl FnOnce(tokio::sync::oneshot::Receiver<()>) -> F,
) -> Result<std::convert::Infallible, Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let signals = Signals::new()?;
    ENDS_ITSELF.store(true, Ordering::Relaxed);
    let (end, ending) = tokio::sync::oneshot::channel();
    let mut work = std::pin::pin!(work(ending));
    let (number, name) = tokio::select! {
        biased;
        done = &mut work => return Err(done.err().unwrap_or_else(|| Error::new(ErrorKind::Bug, "the command ended early"))),
        received = signals.received() => received,
    };
    // It is received unless the work is done.
    let _ = end.send(());
    work.await?;
    Err(ended(number, name))
}

fn ended(number: u8, name: &str) -> Error {
    Error::new(ErrorKind::Signal(number), format!("ended by {name}; nothing is half written"))
        .with_help("run the same command again: it continues where this run stopped")
}

/// The stack of a command on a thread of its own: as large as that of a main thread usually is.
const STACK: usize = 8 << 20;

/// The time that a command has to finish its step on the disk after a signal.
const GRACE: Duration = Duration::from_secs(2);

/// The time of a command whose last step is at an API server that may be slow; a kubelet gives 30 s.
const LONG_GRACE: Duration = Duration::from_secs(20);

/// Whether the command has [`LONG_GRACE`].
static STORES_ELSEWHERE: AtomicBool = AtomicBool::new(false);

/// Gives the command time after a signal to store what it has elsewhere.
#[cfg(feature = "kubernetes")]
pub(super) fn stores_elsewhere() {
    STORES_ELSEWHERE.store(true, Ordering::Relaxed);
}

/// Runs a command on a thread of its own and ends it at Ctrl-C or SIGTERM, whatever it does: a command that blocks on a
/// pipe or a slow disk sees no signal, and the kernel ignores both for process 1 of a container without handlers. A step on
/// the disk that takes longer than [`GRACE`] is interrupted as by a kill, after which the next run continues.
pub(super) fn watched<T: Send + 'static>(
    command: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    runtime()?.block_on(async {
        // Before the command starts, so that no signal is lost.
        let signals = Signals::new()?;
        let (end, mut ending) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new().name("command".to_owned()).stack_size(STACK).spawn(move || {
            drop(end.send(command()));
        });
        let thread =
            thread.map_err(|e| Error::new(ErrorKind::Io, "cannot start the command's thread").with_source(e))?;
        let (number, name) = tokio::select! {
            done = &mut ending => return match (done, thread) {
                (Ok(result), _) => result,
                (Err(_), thread) => match thread.join() {
                    Err(panic) => std::panic::resume_unwind(panic),
                    Ok(()) => Err(Error::new(ErrorKind::Bug, "the command ended without a result")),
                },
            },
            received = signals.received() => received,
            received = hung_up() => received?,
        };
        // The thread goes away with the process, and restores nothing.
        super::prompt::restore_echo();
        let grace = match (ENDS_ITSELF.load(Ordering::Relaxed), STORES_ELSEWHERE.load(Ordering::Relaxed)) {
            (true, true) => LONG_GRACE,
            (true, false) => GRACE,
            (false, _) => Duration::ZERO,
        };
        match tokio::time::timeout(grace, ending).await {
            Ok(Ok(result)) => result,
            _ => Err(ended(number, name)),
        }
    })
}
