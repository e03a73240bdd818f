//! The only user of `std::fs`: every error names the operation and the path, every write is exact in its mode, and no
//! write follows a symbolic link.

#![allow(clippy::disallowed_methods)] // this is where those methods are wrapped

mod error;
mod fault;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, CWD, OFlags, RenameFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

pub use error::FsError;
pub use fault::{FaultAction, FaultHook, Op, Step, When};

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

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Special,
}

/// Facts about what stands at a path.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, with set-uid, set-gid and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub len: u64,
    /// Time of modification.
    pub modified: SystemTime,
}

impl Metadata {
    fn of(found: &fs::Metadata) -> io::Result<Self> {
        let file_type = found.file_type();
        let kind = if file_type.is_file() {
            Kind::File
        } else if file_type.is_dir() {
            Kind::Dir
        } else if file_type.is_symlink() {
            Kind::Link
        } else {
            Kind::Special
        };
        Ok(Self {
            kind,
            mode: found.mode() & 0o7777,
            uid: found.uid(),
            gid: found.gid(),
            inode: found.ino(),
            len: found.len(),
            modified: found.modified()?,
        })
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

    /// The content of the file at `path`, symbolic links followed.
    ///
    /// # Errors
    /// When it cannot be read or holds more than `limit` bytes.
    pub fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>> {
        read_bounded(path, limit).map_err(|e| FsError::new(Op::Read, path, e))
    }

    /// Like [`Disk::read`], for keys and secrets: the bytes are wiped when dropped.
    ///
    /// # Errors
    /// As [`Disk::read`].
    pub fn read_secret(&self, path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
        self.read(path, limit).map(Zeroizing::new)
    }

    /// The names in the folder at `path`, sorted by bytes as Go's `os.ReadDir` sorts them; links in `path` followed.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn read_dir(&self, path: &Path) -> Result<Vec<std::ffi::OsString>> {
        let list = || -> io::Result<Vec<_>> {
            let mut names = fs::read_dir(path)?.map(|e| e.map(|e| e.file_name())).collect::<io::Result<Vec<_>>>()?;
            names.sort();
            Ok(names)
        };
        list().map_err(|e| FsError::new(Op::List, path, e))
    }

    /// What stands at `path`, a symbolic link at its end not followed; `None` when nothing does.
    ///
    /// # Errors
    /// When the path cannot be looked at.
    pub fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        found(path, fs::symlink_metadata(path))
    }

    /// Like [`Disk::metadata`], with a symbolic link followed; `None` also for a link that leads nowhere.
    ///
    /// # Errors
    /// When the path cannot be looked at.
    pub fn metadata_followed(&self, path: &Path) -> Result<Option<Metadata>> {
        found(path, fs::metadata(path))
    }

    /// Where the symbolic link at `path` points to, as it is written; `None` when no link stands there.
    ///
    /// # Errors
    /// When the path cannot be looked at.
    pub fn link_target(&self, path: &Path) -> Result<Option<PathBuf>> {
        match fs::read_link(path) {
            Ok(to) => Ok(Some(to)),
            Err(e) if is_absent(&e) || e.kind() == io::ErrorKind::InvalidInput => Ok(None),
            Err(e) => Err(FsError::new(Op::Look, path, e)),
        }
    }

    /// The absolute form of `path` with every symbolic link resolved.
    ///
    /// # Errors
    /// When it does not exist or cannot be looked at.
    pub fn canonical(&self, path: &Path) -> Result<PathBuf> {
        fs::canonicalize(path).map_err(|e| FsError::new(Op::Look, path, e))
    }

    /// Whether this process may make and remove entries in the folder at `path` (`false` on a read-only file system).
    pub fn may_write_in(&self, path: &Path) -> bool {
        rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
    }

    /// Whether a file system or bind mount begins at `path`; a symbolic link there is none.
    ///
    /// Linux 5.8 and newer say so (`STATX_ATTR_MOUNT_ROOT`); on older ones a device other than the parent's tells, which
    /// misses a bind mount from the same file system.
    ///
    /// # Errors
    /// When the path cannot be looked at.
    pub fn is_mount_point(&self, path: &Path) -> Result<bool> {
        let look = |e| FsError::new(Op::Look, path, e);
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statx(CWD, path, flags, StatxFlags::empty()) {
            Ok(found) if found.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT) => {
                return Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
            }
            Ok(_) | Err(Errno::NOSYS | Errno::PERM) => {}
            Err(e) => return Err(look(e.into())),
        }
        let own = fs::symlink_metadata(path).map_err(look)?;
        if !own.is_dir() {
            return Ok(false);
        }
        let parent = fs::symlink_metadata(path.join("..")).map_err(look)?;
        Ok(own.dev() != parent.dev() || own.ino() == parent.ino())
    }

    /// Makes the folder `path` with the permissions `mode`, whatever the umask; a set-gid bit that the parent hands
    /// down stays.
    ///
    /// # Errors
    /// When something stands there already or the folder cannot be made.
    pub fn create_dir(&self, path: &Path, mode: u32) -> Result<()> {
        self.whole_step(Op::CreateDir, path, || {
            fs::DirBuilder::new().mode(mode & 0o700).create(path)?;
            let dir = open_unfollowed(path, OFlags::DIRECTORY)?;
            let inherited = dir.metadata()?.mode() & 0o2000;
            dir.set_permissions(fs::Permissions::from_mode(mode | inherited))
        })
    }

    /// Makes `path` and every missing folder above it, each with mode `0755`.
    ///
    /// # Errors
    /// When one of them cannot be made, or something else stands in its place.
    pub fn create_dirs(&self, path: &Path) -> Result<()> {
        match self.metadata_followed(path)? {
            Some(m) if m.kind == Kind::Dir => return Ok(()),
            Some(_) => return Err(FsError::new(Op::CreateDir, path, Errno::NOTDIR)),
            None => {}
        }
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            self.create_dirs(parent)?;
        }
        match self.create_dir(path, 0o755) {
            // Another process made it in the meantime.
            Err(e) if e.is(Errno::EXIST) && matches!(self.metadata_followed(path)?, Some(m) if m.kind == Kind::Dir) => {
                Ok(())
            }
            done => done,
        }
    }

    /// Makes the file `path` with these bytes and the permissions `mode`, whatever the umask. The bytes are on the disk
    /// only after [`Disk::sync`].
    ///
    /// # Errors
    /// When something stands there already, a symbolic link included, or the bytes cannot be written; then a part of
    /// them may stand there.
    pub fn write_new(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        self.step(Op::Write, path, |partial| {
            let mut file = create_new(path)?;
            file.write_all(if partial { &bytes[..bytes.len() / 2] } else { bytes })?;
            file.set_permissions(fs::Permissions::from_mode(mode))
        })
    }

    /// Copies the regular file `from` to `to`, with mode, time of modification and, where they differ, owner and group.
    ///
    /// # Errors
    /// When something stands at `to`, the owner may not be set by this process, or the bytes cannot be copied; then a
    /// part of them may stand there.
    pub fn copy_file(&self, from: &Path, to: &Path) -> Result<()> {
        self.step(Op::Copy, from, |partial| {
            let mut source = open_unfollowed(from, OFlags::NONBLOCK)?;
            let found = source.metadata()?;
            let mut file = create_new(to)?;
            if partial {
                return io::copy(&mut source.take(found.len() / 2), &mut file).map(drop);
            }
            io::copy(&mut source, &mut file)?;
            let made = file.metadata()?;
            if (made.uid(), made.gid()) != (found.uid(), found.gid()) {
                std::os::unix::fs::fchown(&file, Some(found.uid()), Some(found.gid()))?;
            }
            file.set_permissions(fs::Permissions::from_mode(found.mode() & 0o7777))?;
            file.set_modified(found.modified()?)
        })
    }

    /// Forces the file or folder `path` to the disk.
    ///
    /// # Errors
    /// When it cannot be opened or the disk reports an error.
    pub fn sync(&self, path: &Path) -> Result<()> {
        self.whole_step(Op::Sync, path, || open_unfollowed(path, OFlags::empty())?.sync_all())
    }

    /// Moves `from` to `to`, over a file or link that stands there.
    ///
    /// # Errors
    /// When the move fails; nothing has changed then.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.whole_step(Op::Move, to, || fs::rename(from, to))
    }

    /// Moves `from` to `to`, where nothing may stand.
    ///
    /// # Errors
    /// When something stands at `to`, or the move fails; nothing has changed then.
    pub fn rename_noreplace(&self, from: &Path, to: &Path) -> Result<()> {
        self.whole_step(Op::Move, to, || match rename_with(from, to, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag; callers hold a lock, so that a look before the move will do.
            Err(e) if is_unsupported(e) => {
                if fs::symlink_metadata(to).is_ok() {
                    return Err(Errno::EXIST.into());
                }
                fs::rename(from, to)
            }
            done => Ok(done?),
        })
    }

    /// Swaps `a` and `b` in one step (`renameat2` with `RENAME_EXCHANGE`). `false`: the file system or kernel cannot;
    /// nothing has changed then.
    ///
    /// # Errors
    /// When one of them is missing or the swap fails; nothing has changed then.
    pub fn exchange(&self, a: &Path, b: &Path) -> Result<bool> {
        match self.ask(Op::Exchange, b, When::Before) {
            // So a test says that the file system cannot.
            Err(e) if e.is(Errno::INVAL) => return Ok(false),
            Err(e) => return Err(e),
            Ok(Verdict::Partial) => return Err(FsError::new(Op::Exchange, b, Errno::NOSPC)),
            Ok(Verdict::Go) => {}
        }
        match rename_with(a, b, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            Err(e) if is_unsupported(e) => return Ok(false),
            Err(e) => return Err(FsError::new(Op::Exchange, b, e)),
        }
        self.ask(Op::Exchange, b, When::After)?;
        Ok(true)
    }

    /// Makes a symbolic link at `path` that points to `to`.
    ///
    /// # Errors
    /// When something stands at `path` or the link cannot be made.
    pub fn symlink(&self, to: &Path, path: &Path) -> Result<()> {
        self.whole_step(Op::Link, path, || std::os::unix::fs::symlink(to, path))
    }

    /// Sets the permissions of the file or folder `path`.
    ///
    /// # Errors
    /// When it is a symbolic link, or the mode cannot be set.
    pub fn chmod(&self, path: &Path, mode: u32) -> Result<()> {
        self.whole_step(Op::Mode, path, || {
            open_unfollowed(path, OFlags::NONBLOCK)?.set_permissions(fs::Permissions::from_mode(mode))
        })
    }

    /// Sets owner and group of `path`, of a link itself where one stands there; `None` leaves it.
    ///
    /// # Errors
    /// When this process may not.
    pub fn chown(&self, path: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        self.whole_step(Op::Own, path, || std::os::unix::fs::lchown(path, uid, gid))
    }

    /// Sets the time of modification of `path`, of a link itself where one stands there.
    ///
    /// # Errors
    /// When it cannot be set.
    pub fn set_modified(&self, path: &Path, time: SystemTime) -> Result<()> {
        self.whole_step(Op::Time, path, || {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let last_modification = rustix::fs::Timespec::try_from(since).map_err(|_| Errno::OVERFLOW)?;
            let last_access = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
            let times = rustix::fs::Timestamps { last_access, last_modification };
            Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
        })
    }

    /// Removes the file or link `path`; nothing there is no error.
    ///
    /// # Errors
    /// When it is a folder or cannot be removed.
    pub fn remove_file(&self, path: &Path) -> Result<()> {
        if self.metadata(path)?.is_none() {
            return Ok(());
        }
        self.whole_step(Op::Remove, path, || fs::remove_file(path).or_else(absent_is_done))
    }

    /// Removes whatever stands at `path`, a folder with all that is in it; links are removed, never followed. Nothing
    /// there is no error.
    ///
    /// # Errors
    /// When something in it cannot be removed; then a part may be gone.
    pub fn remove_tree(&self, path: &Path) -> Result<()> {
        match self.metadata(path)? {
            None => Ok(()),
            Some(m) if m.kind != Kind::Dir => self.remove_file(path),
            Some(_) => self.step(Op::RemoveTree, path, |partial| {
                if partial {
                    let first = fs::read_dir(path)?.next().transpose()?.map(|e| e.path());
                    return first
                        .map_or(Ok(()), |p| if p.is_dir() { fs::remove_dir_all(p) } else { fs::remove_file(p) });
                }
                match fs::remove_dir_all(path) {
                    // Folders of ours without the owner's write bit, carried over as they were.
                    Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                        open_up(path)?;
                        fs::remove_dir_all(path)
                    }
                    done => done.or_else(absent_is_done),
                }
            }),
        }
    }

    /// Opens the lock file `path`, made with mode `0600` where it is missing, and locks it for this
    /// process alone. The lock ends with the file handle, so also with the process.
    ///
    /// # Errors
    /// When the file cannot be opened or the file system knows no locks.
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

/// What became of an attempt to lock.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Locked {
    /// The lock is held by this process.
    ByUs(LockFile),
    /// The lock is held by another; the text is what that one wrote into the file.
    ByOther(String),
}

/// A locked file; dropping it unlocks it.
#[derive(Debug)]
pub struct LockFile(File);

impl LockFile {
    /// Puts `text` in place of what is in the file.
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

fn read_bounded(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // Room for one byte more than expected, so that a secret is never moved by a growing buffer.
    let mut bytes = Vec::with_capacity(expected.min(limit).saturating_add(1));
    file.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it holds more than {limit} bytes")));
    }
    Ok(bytes)
}

fn found(path: &Path, looked: io::Result<fs::Metadata>) -> Result<Option<Metadata>> {
    match looked.and_then(|m| Metadata::of(&m)) {
        Ok(m) => Ok(Some(m)),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(FsError::new(Op::Look, path, e)),
    }
}

fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn absent_is_done(e: io::Error) -> io::Result<()> {
    if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) }
}

fn create_new(path: &Path) -> io::Result<File> {
    // O_EXCL follows no link at the end of the path.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn open_unfollowed(path: &Path, flags: OFlags) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(os_flags(flags | OFlags::NOFOLLOW)).open(path)
}

fn os_flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn rename_with(from: &Path, to: &Path, flags: RenameFlags) -> std::result::Result<(), Errno> {
    rustix::fs::renameat_with(CWD, from, CWD, to, flags)
}

/// `EINVAL`: the file system does not know the flag; `ENOSYS`: the kernel does not know the call.
const fn is_unsupported(e: Errno) -> bool {
    matches!(e, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// Gives the owner every right on the folders below `path`.
fn open_up(path: &Path) -> io::Result<()> {
    open_unfollowed(path, OFlags::DIRECTORY)?.set_permissions(fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
