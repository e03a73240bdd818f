//! The only user of `std::fs`: every error names the operation and the path, every write sets its exact mode, and no
//! write follows a symbolic link.

#![allow(clippy::disallowed_methods)] // this is where those methods are wrapped

mod change;
mod disk_folder;
mod edit;
mod error;
mod fault;
mod folder;
mod held_folder;
mod lock;
mod look;
mod mounts;
mod pipe;
mod regular;
mod remove;
mod replace;
mod tree;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::{Error, ErrorKind};

pub use disk_folder::DiskFolder;
pub use error::FsError;
pub use fault::{FaultAction, FaultHook, Op, Step, When};
pub use folder::{EntryKind, FolderEntry, FolderReader};
pub(crate) use folder::{MemoryFolder, clean};
pub use held_folder::HeldFolder;
pub use lock::{LockFile, Locked};
pub use look::{Kind, Metadata};
pub(crate) use regular::Near;
pub use regular::{Entry, Folder, RegularFile};
pub(crate) use tree::WorkingTree;

/// The result of a file operation.
pub(crate) type Result<T> = std::result::Result<T, FsError>;

/// The disk, as an argument. Cheap to clone.
#[derive(Clone, Default)]
pub struct Disk {
    faults: Option<FaultHook>,
    patience: Option<Duration>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.faults.is_some() { "Disk(with faults)" } else { "Disk" })
    }
}

/// The fault hook's answer for a step.
#[derive(PartialEq, Eq)]
enum Verdict {
    Go,
    Partial,
    Skip,
}

impl Disk {
    /// The real disk.
    pub const fn real() -> Self {
        Self { faults: None, patience: None }
    }

    /// A disk that calls `hook` before and after every change. For tests.
    #[doc(hidden)]
    pub fn with_faults(hook: FaultHook) -> Self {
        Self { faults: Some(hook), patience: None }
    }

    /// The same disk with a time limit for reading a pipe, a terminal or a device that was named.
    #[must_use]
    pub(crate) const fn with_patience(mut self, limit: Duration) -> Self {
        self.patience = Some(limit);
        self
    }

    fn patience(&self) -> Duration {
        self.patience.unwrap_or(pipe::PATIENCE)
    }

    /// The working directory, to which relative paths are relative.
    pub(crate) fn working_directory() -> std::result::Result<PathBuf, Error> {
        std::env::current_dir()
            .map_err(|e| Error::new(ErrorKind::Io, "cannot find the working directory").with_source(e))
    }

    fn ask(&self, op: Op, path: &Path, when: When) -> Result<Verdict> {
        let Some(hook) = &self.faults else { return Ok(Verdict::Go) };
        match hook(&Step { op, path, when }) {
            FaultAction::Continue => Ok(Verdict::Go),
            FaultAction::Partial => Ok(Verdict::Partial),
            FaultAction::Skip => Ok(Verdict::Skip),
            FaultAction::Fail(errno) => Err(FsError::new(op, path, io::Error::from_raw_os_error(errno))),
            FaultAction::Kill => {
                let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                Err(FsError::new(op, path, killed.err().unwrap_or(Errno::INTR)))
            }
        }
    }

    /// One step that changes the disk; `run` gets whether to fail half-way.
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

    /// A step that happens entirely or not at all.
    fn whole_step(&self, op: Op, path: &Path, run: impl FnOnce() -> io::Result<()>) -> Result<()> {
        self.step(op, path, |partial| if partial { Ok(()) } else { run() })
    }

    /// Sets the permissions of an open file of this process's user. A file system may refuse that even to the owner
    /// (WSL, blobfuse, some NFS and vfat mounts): the mode at creation then stays, and can be read back.
    fn set_mode(&self, file: &File, path: &Path, mode: u32) -> io::Result<()> {
        match self.ask(Op::Mode, path, When::Before) {
            Ok(Verdict::Skip) => return Ok(()),
            Ok(Verdict::Partial) => return Err(Errno::NOSPC.into()),
            Ok(Verdict::Go) => {}
            Err(e) => return unless_refused(Err(e.into_io())),
        }
        if file.metadata()?.mode() & 0o7777 == mode {
            return Ok(());
        }
        unless_refused(file.set_permissions(fs::Permissions::from_mode(mode)))
    }
}

/// The causes by which a file system says that it does not have an operation.
const UNSUPPORTED: [Errno; 3] = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];

/// A refusal to the owner of a file counts as done.
fn unless_refused(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|e| if is_refused(&e) { Ok(()) } else { Err(e) })
}

fn is_refused(e: &io::Error) -> bool {
    let refusals = [Errno::PERM, Errno::ACCESS].into_iter().chain(UNSUPPORTED);
    refusals.into_iter().any(|errno| e.raw_os_error() == Some(errno.raw_os_error()))
}

fn open_unfollowed(path: &Path, flags: OFlags) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(os_flags(flags | OFlags::NOFOLLOW)).open(path)
}

fn os_flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn reads_are_bounded_and_name_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let disk = Disk::real();
        disk.write_new(&path, b"12345", 0o640).unwrap();
        assert_eq!(disk.read(&path, 5).unwrap(), b"12345");
        let error = disk.read(&path, 4).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read {}: it holds more than 4 bytes", path.display()));
    }

    #[test]
    fn a_new_file_never_follows_a_link_or_replaces_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        symlink(&target, &link).unwrap();
        let disk = Disk::real();
        assert!(disk.write_new(&link, b"x", 0o600).is_err());
        assert!(!target.exists());
        disk.write_new(&target, b"x", 0o600).unwrap();
        assert!(disk.write_new(&target, b"y", 0o600).is_err());
        assert!(disk.chmod(&link, 0o777).is_err());
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_missing_path_is_not_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        let gone = dir.path().join("gone");
        assert!(disk.metadata(&gone).unwrap().is_none());
        assert_eq!(disk.link_target(&gone).unwrap(), None);
        disk.remove_file(&gone).unwrap();
        disk.remove_tree(&gone).unwrap();
        symlink("nowhere", &gone).unwrap();
        assert_eq!(disk.metadata(&gone).unwrap().map(|m| m.kind), Some(Kind::Link));
        assert!(disk.metadata_followed(&gone).unwrap().is_none());
    }

    #[test]
    fn removing_a_tree_does_not_follow_its_links() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        let (kept, tree) = (dir.path().join("kept"), dir.path().join("tree"));
        disk.create_dirs(&kept.join("inner")).unwrap();
        disk.create_dir(&tree, 0o700).unwrap();
        symlink(&kept, tree.join("link")).unwrap();
        disk.remove_tree(&tree).unwrap();
        assert!(!tree.exists() && kept.join("inner").is_dir());
    }

    #[test]
    fn rename_noreplace_fails_on_an_existing_path_and_exchange_swaps() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        disk.write_new(&a, b"a", 0o600).unwrap();
        disk.create_dir(&b, 0o700).unwrap();
        assert!(disk.rename_noreplace(&a, &b).is_err());
        if disk.exchange(&a, &b).unwrap() {
            assert_eq!((a.is_dir(), disk.read(&b, 9).unwrap().as_slice()), (true, b"a".as_slice()));
        }
        assert!(disk.exchange(&a, &dir.path().join("gone")).is_err());
    }
}
