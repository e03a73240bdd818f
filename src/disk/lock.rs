//! The lock file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::{Disk, FsError, Op, Result, os_flags};

/// The result of an attempt to lock.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Locked {
    /// This process holds the lock.
    ByUs(LockFile),
    /// Another process holds the lock; with the text that it wrote to the file.
    ByOther(String),
}

/// A locked file; dropping it unlocks it.
#[derive(Debug)]
pub struct LockFile(File);

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is starting has a copy of the handle until it runs its
        // program.
        let _ = self.0.unlock();
    }
}

impl LockFile {
    /// Replaces the content of the file with `text`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn rewrite(&mut self, path: &Path, text: &str) -> Result<()> {
        let mut write = || -> io::Result<()> {
            self.0.set_len(0)?;
            self.0.write_all(text.as_bytes())
        };
        write().map_err(|e| FsError::new(Op::Write, path, e))
    }
}

impl Disk {
    /// Opens the lock file `path`, creates it with mode `0600` if it is missing, and locks it for this process. The
    /// lock ends with the file handle, and so with the process.
    ///
    /// # Errors
    /// When the file cannot be opened or the file system does not support locks.
    pub fn try_lock(&self, path: &Path) -> Result<Locked> {
        self.step(Op::Lock, path, |_| {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(os_flags(OFlags::NOFOLLOW))
                .open(path)?;
            match file.try_lock() {
                Ok(()) => Ok(Locked::ByUs(LockFile(file))),
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    file.take(4096).read_to_string(&mut text)?;
                    Ok(Locked::ByOther(text))
                }
                Err(TryLockError::Error(e)) => Err(e),
            }
        })
    }
}
