//! fabcert's state folder, opened and checked: a key that somebody else put there would be certified.

use std::ffi::OsString;
use std::path::Path;

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::InstallError;
use crate::disk::{Disk, FsError, HeldFolder, Kind, LockFile, Locked, Metadata, Op};

/// The largest state file that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// The suffix of an incomplete state file.
pub(super) const UNFINISHED: &str = ".tmp";

/// The open state folder. It and every file that is read from it belong to the effective user or to root (or, with a
/// group given, to that group), and nobody else may write them.
pub(super) struct StateFolder<'a> {
    folder: HeldFolder<'a>,
    owners: Owners,
}

/// Who may own state.
#[derive(Clone, Copy)]
struct Owners {
    user: u32,
    group: Option<u32>,
    /// On a file system that keeps neither owner nor mode: the owner that it shows for what this process creates. Such
    /// a file system cannot say who wrote a file; who may write there is up to its mount.
    shown: Option<u32>,
    /// The owner of the target, for files in it.
    target: Option<u32>,
}

/// What a write syncs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    Nothing,
    /// The content. The name is synced with the next file of the folder that is written with [`Sync::All`].
    Content,
    All,
}

impl Owners {
    /// Why an entry with this metadata cannot be used; `None` if it can.
    fn refuse(&self, found: &Metadata) -> Option<String> {
        let is_group = self.group == Some(found.gid);
        if ![Some(self.user), Some(0), self.shown, self.target].contains(&Some(found.uid)) && !is_group {
            return Some(format!("it belongs to user {}, and fabcert runs as user {}", found.uid, self.user));
        }
        let others = if is_group { 0o002 } else { 0o022 };
        (self.shown.is_none() && found.mode & others != 0)
            .then(|| format!("other users may write to it (mode {:04o})", found.mode))
    }
}

impl<'a> StateFolder<'a> {
    /// Opens the state folder at `path`, which may be shared with `group`; `None` if it does not exist.
    pub(super) fn open(disk: &'a Disk, path: &Path, group: Option<u32>) -> Result<Option<Self>, InstallError> {
        let owners = Owners { user: disk.user(), group, shown: None, target: None };
        let folder = match disk.hold(path) {
            Ok(Some(folder)) => folder,
            Ok(None) => return Ok(None),
            Err(e) => return Err(cannot_open(disk, path, owners, e)),
        };
        let Some(reason) = owners.refuse(folder.metadata()) else { return Ok(Some(Self { folder, owners })) };
        let shown = folder.owner_of_all()?;
        let owners = Owners { shown, ..owners };
        if shown.is_none() || owners.refuse(folder.metadata()).is_some() {
            return Err(InstallError::NotOwn { path: path.to_owned(), reason });
        }
        Ok(Some(Self { folder, owners }))
    }

    /// Opens the state folder at `path`, and creates it and the missing folders above it if necessary.
    pub(super) fn make(disk: &'a Disk, path: &Path, group: Option<u32>) -> Result<Self, InstallError> {
        if let Some(state) = Self::open(disk, path, group)? {
            state.close_to_others()?;
            return Ok(state);
        }
        disk.create_dirs(path.parent().unwrap_or(path))?;
        match disk.create_dir(path, if group.is_some() { 0o750 } else { 0o700 }) {
            // Another process created it first.
            Err(e) if e.is(Errno::EXIST) => {}
            done => done?,
        }
        let state = Self::open(disk, path, group)?.ok_or_else(|| FsError::new(Op::Look, path, Errno::NOENT))?;
        state.close_to_others()?;
        Ok(state)
    }

    /// Closes an own folder to all but the user, since it holds pending keys, and opens it to the group if one is given.
    fn close_to_others(&self) -> Result<(), InstallError> {
        let found = self.folder.metadata();
        if found.uid != self.owners.user {
            return Ok(());
        }
        let group = self.owners.group.filter(|gid| *gid != found.gid);
        let mode = found.mode & 0o7770 | if self.owners.group.is_some() { 0o050 } else { 0 };
        if mode != found.mode || group.is_some() {
            self.folder.open_to(mode, group)?;
        }
        Ok(())
    }

    /// The content of the file `name`; `None` if it does not exist.
    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, InstallError> {
        let (bytes, found) = match self.folder.read(name, LIMIT) {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(None),
            Err(e) if e.is(Errno::LOOP) => return Err(self.not_own(name, "it is a symbolic link".to_owned())),
            Err(e) => return Err(e.into()),
        };
        match self.owners.refuse(&found) {
            Some(reason) => Err(self.not_own(name, reason)),
            None => Ok(Some(bytes)),
        }
    }

    /// Writes the file `name` in one step.
    pub(super) fn write(
        &self,
        name: &str,
        bytes: &[u8],
        (mode, group): (u32, Option<u32>),
        sync: Sync,
    ) -> Result<(), FsError> {
        let unfinished = format!("{name}{UNFINISHED}");
        let write = || self.folder.write_new(&unfinished, bytes, mode, group, sync != Sync::Nothing);
        let written = match write() {
            // A run that was killed left it.
            Err(e) if e.is(Errno::EXIST) => self.folder.remove(&unfinished).and_then(|_| write()),
            done => done,
        };
        let written = written
            .and_then(|()| self.folder.rename(&unfinished, name))
            .and_then(|()| if sync == Sync::All { self.folder.sync() } else { Ok(()) });
        if written.is_err() {
            // The write's own error says more than the cleanup's.
            let _ = self.folder.remove(&unfinished);
        }
        written
    }

    /// Removes the file `name`; a missing one is not an error.
    pub(super) fn remove(&self, name: &str, durable: bool) -> Result<(), FsError> {
        if self.folder.remove(name)? && durable { self.folder.sync() } else { Ok(()) }
    }

    /// Locks the file `name`.
    pub(super) fn try_lock(&self, name: &str) -> Result<Locked, InstallError> {
        if let Some(found) = self.entry(name)? {
            if found.kind != Kind::File {
                return Err(self.not_own(name, "it is not a regular file".to_owned()));
            }
            if let Some(reason) = self.owners.refuse(&found) {
                return Err(self.not_own(name, reason));
            }
        }
        Ok(self.folder.try_lock(name)?)
    }

    /// Removes the folder if it holds nothing but the lock file, which `locked` holds.
    pub(super) fn remove_unused(self, lock: &str, locked: LockFile) -> Result<(), FsError> {
        if self.folder.names()? != [lock] {
            return Ok(());
        }
        self.folder.remove(lock)?;
        // FUSE keeps an open file under another name.
        drop(locked);
        self.folder.remove_folder()
    }

    /// Checks a folder outside the state folder as the state folder itself is checked.
    pub(super) fn vouch_for(&self, path: &Path, found: &Metadata) -> Result<(), InstallError> {
        let reason = self.owners.refuse(found);
        reason.map_or(Ok(()), |reason| Err(InstallError::NotOwn { path: path.to_owned(), reason }))
    }

    /// The names of all entries.
    pub(super) fn names(&self) -> Result<Vec<OsString>, FsError> {
        self.folder.names()
    }

    fn entry(&self, name: &str) -> Result<Option<Metadata>, FsError> {
        self.folder.entry(name)
    }

    fn not_own(&self, name: &str, reason: String) -> InstallError {
        InstallError::NotOwn { path: self.folder.path().join(name), reason }
    }
}

/// Checks that a file of the target, which may be in a folder that others may write, belongs to the effective user, to
/// root, to the group of the place, or to the owner of the target, and that nobody else may write it. `mode` is the mode
/// that it was written with.
pub(super) fn vouch_for_file(
    disk: &Disk,
    state: Option<&StateFolder<'_>>,
    (target, group): (&Path, Option<u32>),
    file: &Path,
    mode: u32,
) -> Result<(), InstallError> {
    let path = target.join(file);
    let Some(mut found) = disk.metadata_followed(&path)? else { return Ok(()) };
    found.mode &= !(mode & 0o020);
    let owners = Owners {
        user: disk.user(),
        group,
        shown: state.and_then(|state| state.owners.shown),
        target: disk.metadata(target)?.map(|target| target.uid),
    };
    owners.refuse(&found).map_or(Ok(()), |reason| Err(InstallError::NotOwn { path, reason }))
}

/// The error for a state folder that cannot be opened: a link, a file, or a folder of another user.
fn cannot_open(disk: &Disk, path: &Path, owners: Owners, error: FsError) -> InstallError {
    let reason = match disk.metadata(path) {
        Ok(Some(found)) if found.kind == Kind::Link => Some("it is a symbolic link".to_owned()),
        Ok(Some(found)) if found.kind != Kind::Dir => return InstallError::NotAFolder { path: path.to_owned() },
        Ok(Some(found)) => owners.refuse(&found),
        _ => None,
    };
    match reason {
        Some(reason) => InstallError::NotOwn { path: path.to_owned(), reason },
        None => error.into(),
    }
}
