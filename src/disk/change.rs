//! Operations that change the disk: each is one step with a fault point on either side.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, CWD, OFlags, RenameFlags};
use rustix::io::Errno;

use super::{
    Disk, FsError, Kind, Op, Result, UNSUPPORTED, Verdict, When, is_refused, open_unfollowed, os_flags, unless_refused,
};

/// The number of bytes written at once.
const BUFFER: usize = 64 * 1024;

impl Disk {
    /// Creates the folder `path` with the permissions `mode`, whatever the umask; a set-gid bit inherited from the
    /// parent stays.
    ///
    /// # Errors
    /// When the path exists or the folder cannot be created.
    pub fn create_dir(&self, path: &Path, mode: u32) -> Result<()> {
        self.whole_step(Op::CreateDir, path, || {
            fs::DirBuilder::new().mode(mode & 0o777).create(path)?;
            let dir = open_unfollowed(path, OFlags::DIRECTORY)?;
            let inherited = dir.metadata()?.mode() & 0o2000;
            self.set_mode(&dir, path, mode | inherited)
        })
    }

    /// Creates `path` and every missing folder above it, each with mode `0755` and its name synced to the disk.
    ///
    /// # Errors
    /// When one of them cannot be created, or is not a folder.
    pub fn create_dirs(&self, path: &Path) -> Result<()> {
        match self.metadata_followed(path)? {
            Some(m) if m.kind == Kind::Dir => return Ok(()),
            Some(_) => return Err(FsError::new(Op::CreateDir, path, Errno::NOTDIR)),
            None => {}
        }
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.create_dirs(parent)?;
        }
        match self.create_dir(path, 0o755).and_then(|()| self.sync(parent.unwrap_or_else(|| Path::new(".")))) {
            // Another process created it in the meantime.
            Err(e) if e.is(Errno::EXIST) && matches!(self.metadata_followed(path)?, Some(m) if m.kind == Kind::Dir) => {
                Ok(())
            }
            done => done,
        }
    }

    /// Creates the file `path` with these bytes and the permissions `mode`, whatever the umask. The bytes are on the
    /// disk only after [`Disk::sync`].
    ///
    /// # Errors
    /// When the path exists, as a symbolic link too, or the bytes cannot be written; a part of them may then be
    /// written.
    pub fn write_new(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        self.step(Op::Write, path, |partial| {
            let mut file = create_new(path, mode)?;
            file.write_all(if partial { &bytes[..bytes.len() / 2] } else { bytes })?;
            self.set_mode(&file, path, mode)
        })
    }

    /// Replaces the content of the regular file `path` where it is: a file that is mounted alone cannot be replaced by
    /// another. A missing file is created with the permissions `mode`. A reader may see a part of the bytes.
    ///
    /// # Errors
    /// When the path is a link, or the bytes cannot be written.
    pub(crate) fn write_in_place(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        self.step(Op::Write, path, |partial| {
            let flags = os_flags(OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY);
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(mode).custom_flags(flags);
            options.open(path)?.write_all(if partial { &bytes[..bytes.len() / 2] } else { bytes })
        })
    }

    /// Like [`Self::write_new`], with bytes from `write`.
    ///
    /// # Errors
    /// As [`Self::write_new`], and when `write` fails.
    pub fn write_new_with(
        &self,
        path: &Path,
        mode: u32,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<()> {
        self.step(Op::Write, path, |partial| {
            let file = create_new(path, mode)?;
            if partial {
                return Ok(());
            }
            let mut out = io::BufWriter::with_capacity(BUFFER, &file);
            write(&mut out)?;
            out.flush()?;
            self.set_mode(&file, path, mode)
        })
    }

    /// Copies the regular file `from` to `to`, with permissions and modification time. Set-uid and set-gid are left out:
    /// the copy may have another owner.
    ///
    /// # Errors
    /// When `to` exists, or the bytes cannot be copied; a part of them may then be written.
    pub fn copy_file(&self, from: &Path, to: &Path) -> Result<()> {
        self.step(Op::Copy, from, |partial| {
            let mut source = open_unfollowed(from, OFlags::NONBLOCK)?;
            let found = source.metadata()?;
            let mut file = create_new(to, 0o600)?;
            if partial {
                return io::copy(&mut source.take(found.len() / 2), &mut file).map(drop);
            }
            io::copy(&mut source, &mut file)?;
            self.set_mode(&file, to, found.mode() & 0o1777)?;
            unless_refused(file.set_modified(found.modified()?))
        })
    }

    /// Syncs the file or folder `path` to the disk, if the file system can sync it.
    ///
    /// # Errors
    /// When it cannot be opened or the disk reports an error.
    pub fn sync(&self, path: &Path) -> Result<()> {
        self.sync_step(path, || open_unfollowed(path, OFlags::empty())?.sync_all())
    }

    /// Lets the system begin to write the content of the file `path`, which a later [`Disk::sync`] waits for. Linux does so
    /// when a process says that it needs the content no more; what is not written is kept. A file system that does not is no
    /// error.
    #[allow(clippy::unused_self, reason = "it belongs to the operations of a disk")]
    pub(crate) fn begin_sync(&self, path: &Path) {
        if let Ok(file) = open_unfollowed(path, OFlags::NONBLOCK) {
            let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        }
    }

    /// Some network and FUSE file systems have no sync for a folder.
    pub(super) fn sync_step(&self, path: &Path, sync: impl FnOnce() -> io::Result<()>) -> Result<()> {
        match self.whole_step(Op::Sync, path, sync) {
            Err(e) if UNSUPPORTED.iter().any(|errno| e.is(*errno)) => Ok(()),
            done => done,
        }
    }

    /// Moves `from` to `to`, replacing a file or link there.
    ///
    /// # Errors
    /// When the move fails; nothing has changed then.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.whole_step(Op::Move, to, || fs::rename(from, to))
    }

    /// Moves `from` to `to`, which must not exist.
    ///
    /// # Errors
    /// When `to` exists, or the move fails; nothing has changed then.
    pub fn rename_noreplace(&self, from: &Path, to: &Path) -> Result<()> {
        self.whole_step(Op::Move, to, || match rename_with(from, to, RenameFlags::NOREPLACE) {
            // Not every file system supports the flag; callers hold a lock, so a check before the move is enough.
            Err(e) if is_unsupported(e) => {
                if fs::symlink_metadata(to).is_ok() {
                    return Err(Errno::EXIST.into());
                }
                fs::rename(from, to)
            }
            done => Ok(done?),
        })
    }

    /// Swaps `a` and `b` in one step (`renameat2` with `RENAME_EXCHANGE`). `false`: the file system or kernel does not
    /// support it; nothing has changed then.
    ///
    /// # Errors
    /// When one of them is missing or the swap fails; nothing has changed then.
    pub fn exchange(&self, a: &Path, b: &Path) -> Result<bool> {
        match self.ask(Op::Exchange, b, When::Before) {
            // In this way a test says that the file system does not support it.
            Err(e) if UNSUPPORTED.iter().any(|errno| e.is(*errno)) => return Ok(false),
            Err(e) => return Err(e),
            Ok(Verdict::Partial) => return Err(FsError::new(Op::Exchange, b, Errno::NOSPC)),
            Ok(Verdict::Go | Verdict::Skip) => {}
        }
        match rename_with(a, b, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            Err(e) if is_unsupported(e) => return Ok(false),
            Err(e) => return Err(FsError::new(Op::Exchange, b, e)),
        }
        self.ask(Op::Exchange, b, When::After)?;
        Ok(true)
    }

    /// Creates a symbolic link at `path` that points to `to`.
    ///
    /// # Errors
    /// When `path` exists or the link cannot be created.
    pub fn symlink(&self, to: &Path, path: &Path) -> Result<()> {
        self.whole_step(Op::Link, path, || std::os::unix::fs::symlink(to, path))
    }

    /// Sets the permissions of the file or folder `path`.
    ///
    /// # Errors
    /// When it is a symbolic link, or the mode cannot be set.
    pub fn chmod(&self, path: &Path, mode: u32) -> Result<()> {
        let set = || -> io::Result<()> { self.set_mode(&open_unfollowed(path, OFlags::NONBLOCK)?, path, mode) };
        set().map_err(|e| FsError::new(Op::Mode, path, e))?;
        self.ask(Op::Mode, path, When::After).map(drop)
    }

    /// Gives `path` to the group `gid`. A file system that refuses this to everybody is not an error.
    ///
    /// # Errors
    /// When this process is not a member of the group.
    pub fn chgrp(&self, path: &Path, gid: u32) -> Result<()> {
        self.whole_step(Op::Own, path, || give_group(&open_unfollowed(path, OFlags::NONBLOCK)?, gid))
    }

    /// Sets owner and group of `path`, of a link itself if it is one; `None` leaves a value as it is.
    ///
    /// # Errors
    /// When this process is not permitted to.
    pub fn chown(&self, path: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        self.whole_step(Op::Own, path, || std::os::unix::fs::lchown(path, uid, gid))
    }

    /// Whether a file system that keeps owners would let this process give a file to this owner and this group.
    pub fn may_give(&self, uid: Option<u32>, gid: Option<u32>) -> bool {
        (uid.is_none() || rustix::process::geteuid().is_root()) && gid.is_none_or(is_member)
    }

    /// Sets the modification time of `path`, of a link itself if it is one.
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

    /// Removes the file or link `path`; a missing path is not an error.
    ///
    /// # Errors
    /// When it is a folder or cannot be removed.
    pub fn remove_file(&self, path: &Path) -> Result<()> {
        if self.metadata(path)?.is_none() {
            return Ok(());
        }
        self.whole_step(Op::Remove, path, || fs::remove_file(path).or_else(absent_is_done))
    }

    /// Removes `path`, a folder with all its content; links are removed, never followed. A missing path is not an
    /// error.
    ///
    /// # Errors
    /// When an entry cannot be removed; other entries may be gone.
    pub fn remove_tree(&self, path: &Path) -> Result<()> {
        match self.metadata(path)? {
            None => Ok(()),
            Some(m) if m.kind != Kind::Dir => self.remove_file(path),
            Some(_) => self.step(Op::RemoveTree, path, |partial| {
                if partial {
                    return super::remove::first_entry(path);
                }
                super::remove::tree(path)
            }),
        }
    }
}

fn absent_is_done(e: io::Error) -> io::Result<()> {
    if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) }
}

fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    // `O_EXCL` does not follow a link at the end of the path.
    OpenOptions::new().write(true).create_new(true).mode(mode & 0o777).open(path)
}

/// Gives an open file to the group `gid`. Where a member of the group is refused, the file system has no groups.
pub(super) fn give_group(file: &File, gid: u32) -> io::Result<()> {
    if file.metadata()?.gid() == gid {
        return Ok(());
    }
    match std::os::unix::fs::fchown(file, None, Some(gid)) {
        Err(e) if is_refused(&e) && is_member(gid) => Ok(()),
        done => done,
    }
}

/// Whether a file system that keeps groups would let this process give a file to the group `gid`.
fn is_member(gid: u32) -> bool {
    let is_own = || rustix::process::getegid().as_raw() == gid;
    let is_other = || rustix::process::getgroups().is_ok_and(|all| all.iter().any(|g| g.as_raw() == gid));
    rustix::process::geteuid().is_root() || is_own() || is_other()
}

fn rename_with(from: &Path, to: &Path, flags: RenameFlags) -> std::result::Result<(), Errno> {
    rustix::fs::renameat_with(CWD, from, CWD, to, flags)
}

/// `EINVAL`: the file system does not support the flag; `ENOSYS`: the kernel does not have the call.
fn is_unsupported(e: Errno) -> bool {
    UNSUPPORTED.contains(&e)
}
