//! The lock file.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use rustix::io::Errno;

use super::{FsError, Op, Result};

/// The result of an attempt to lock.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Locked {
    /// This process holds the lock.
    ByUs(LockFile),
    /// Another process holds the lock; with the text that it wrote to the file.
    ByOther(String),
    /// The file was removed meanwhile: the lock on it is worth nothing. On a file system without fixed inode numbers it
    /// only looks so.
    Removed(LockFile),
}

/// A locked file; dropping it unlocks it.
#[derive(Debug)]
pub struct LockFile(Holder);

#[derive(Debug)]
enum Holder {
    File(File),
    /// The file system has no locks. The name is free again when the socket is dropped.
    Name {
        file: File,
        _socket: UnixDatagram,
    },
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is starting has a copy of the handle until it runs its
        // program.
        if let Holder::File(file) = &self.0 {
            let _ = file.unlock();
        }
    }
}

impl LockFile {
    /// The open file.
    pub(super) const fn file(&self) -> &File {
        let (Holder::File(file) | Holder::Name { file, .. }) = &self.0;
        file
    }

    /// Whether processes on other machines that share the file system are locked out too.
    pub const fn is_shared(&self) -> bool {
        matches!(self.0, Holder::File(_))
    }

    /// Replaces the content of the file with `text`. The file is made shorter afterwards: ext4 writes one that was emptied to
    /// the disk as soon as it is closed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn rewrite(&self, path: &Path, text: &str) -> Result<()> {
        let write = || -> io::Result<()> {
            let file = self.file();
            file.write_all_at(text.as_bytes(), 0)?;
            file.set_len(text.len() as u64)
        };
        write().map_err(|e| FsError::new(Op::Write, path, e))
    }
}

/// Locks the open lock file for this process.
pub(super) fn lock(file: File) -> io::Result<Locked> {
    match file.try_lock() {
        Ok(()) => Ok(Locked::ByUs(LockFile(Holder::File(file)))),
        Err(TryLockError::WouldBlock) => by_other(&file),
        Err(TryLockError::Error(e)) if has_no_locks(&e) => lock_by_name(file),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// The text is a note for people; whatever else is in the file, the lock holds.
fn by_other(file: &File) -> io::Result<Locked> {
    let mut text = Vec::new();
    file.take(4096).read_to_end(&mut text)?;
    Ok(Locked::ByOther(String::from_utf8_lossy(&text).into_owned()))
}

/// Network file systems without a lock service, and FUSE file systems without locks.
fn has_no_locks(e: &io::Error) -> bool {
    let unsupported = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL, Errno::NOTTY];
    unsupported.iter().any(|errno| e.raw_os_error() == Some(errno.raw_os_error()))
}

/// Locks by a name that only one process of this machine (or pod: a network namespace) can have. The kernel frees it
/// with the process, as it frees a file lock.
pub(super) fn lock_by_name(file: File) -> io::Result<Locked> {
    let found = file.metadata()?;
    let name = format!("fabcert-lock-{:x}-{:x}", found.dev(), found.ino());
    match UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name)?) {
        Ok(socket) => Ok(Locked::ByUs(LockFile(Holder::Name { file, _socket: socket }))),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => by_other(&file),
        Err(e) => Err(e),
    }
}
