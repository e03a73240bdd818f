//! The only user of `std::fs`: every error names the operation and the path, every write is exact in its mode, and no
//! write follows a symbolic link.

#![allow(clippy::disallowed_methods)] // this is where those methods are wrapped

mod change;
mod error;
mod fault;
mod lock;
mod look;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

pub use error::FsError;
pub use fault::{FaultAction, FaultHook, Op, Step, When};
pub use lock::{LockFile, Locked};
pub use look::{Kind, Metadata};

/// The result of a file operation.
pub type Result<T> = std::result::Result<T, FsError>;

/// The disk, as an argument. Cheap to clone.
#[derive(Clone, Default)]
pub struct Disk {
    faults: Option<FaultHook>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.faults.is_some() { "Disk(with faults)" } else { "Disk" })
    }
}

/// What the fault hook lets a step do.
#[derive(PartialEq, Eq)]
enum Verdict {
    Go,
    Partial,
}

impl Disk {
    /// The disk as it is.
    pub const fn real() -> Self {
        Self { faults: None }
    }

    /// A disk that asks `hook` before and after every step that changes something. For tests.
    #[doc(hidden)]
    pub fn with_faults(hook: FaultHook) -> Self {
        Self { faults: Some(hook) }
    }

    fn ask(&self, op: Op, path: &Path, when: When) -> Result<Verdict> {
        let Some(hook) = &self.faults else { return Ok(Verdict::Go) };
        match hook(&Step { op, path, when }) {
            FaultAction::Continue => Ok(Verdict::Go),
            FaultAction::Partial => Ok(Verdict::Partial),
            FaultAction::Fail(errno) => Err(FsError::new(op, path, io::Error::from_raw_os_error(errno))),
            FaultAction::Kill => {
                let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                Err(FsError::new(op, path, killed.err().unwrap_or(Errno::INTR)))
            }
        }
    }

    /// One step that changes the disk; `run` is told whether it is to fail half-way.
    fn step<T>(&self, op: Op, path: &Path, run: impl FnOnce(bool) -> io::Result<T>) -> Result<T> {
        let verdict = self.ask(op, path, When::Before)?;
        let done = run(verdict == Verdict::Partial).map_err(|e| FsError::new(op, path, e))?;
        if verdict == Verdict::Partial {
            return Err(FsError::new(op, path, if op == Op::RemoveTree { Errno::IO } else { Errno::NOSPC }));
        }
        if self.ask(op, path, When::After)? == Verdict::Partial {
            return Err(FsError::new(op, path, Errno::NOSPC));
        }
        Ok(done)
    }

    /// A step that happens or does not.
    fn whole_step(&self, op: Op, path: &Path, run: impl FnOnce() -> io::Result<()>) -> Result<()> {
        self.step(op, path, |partial| if partial { Ok(()) } else { run() })
    }
}

fn open_unfollowed(path: &Path, flags: OFlags) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(os_flags(flags | OFlags::NOFOLLOW)).open(path)
}

fn os_flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}
