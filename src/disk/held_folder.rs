//! A folder held open: its entries are reached through the handle and links are not followed, so that nobody can put
//! another folder or file in the way between a check and a use.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::change::give_group;
use super::lock::{lock, lock_by_name};
use super::look::read_bounded;
use super::{Disk, FsError, Kind, Locked, Metadata, Op, Result, open_unfollowed};

/// A folder held open.
#[derive(Debug)]
pub struct HeldFolder<'a> {
    disk: &'a Disk,
    dir: File,
    metadata: Metadata,
    path: PathBuf,
}

impl Disk {
    /// Opens the folder at `path`, a link at its end not followed; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be opened, or is not a folder.
    pub fn hold(&self, path: &Path) -> Result<Option<HeldFolder<'_>>> {
        let open = || -> io::Result<_> {
            let dir = open_unfollowed(path, OFlags::DIRECTORY)?;
            let metadata = Metadata::of(&dir.metadata()?)?;
            Ok(HeldFolder { disk: self, dir, metadata, path: path.to_owned() })
        };
        match open() {
            Ok(folder) => Ok(Some(folder)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FsError::new(Op::Look, path, e)),
        }
    }

    /// The effective user of this process.
    pub fn user(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }
}

impl HeldFolder<'_> {
    /// Metadata of the open folder.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The path by which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of its entries.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn names(&self) -> Result<Vec<OsString>> {
        let list = || -> io::Result<Vec<OsString>> {
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(&self.dir)? {
                let name = entry?.file_name().to_bytes().to_vec();
                if name != b"." && name != b".." {
                    names.push(std::os::unix::ffi::OsStringExt::from_vec(name));
                }
            }
            names.sort_unstable();
            Ok(names)
        };
        list().map_err(|e| FsError::new(Op::List, &self.path, e))
    }

    /// Metadata of the entry `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be inspected.
    pub fn entry(&self, name: &str) -> Result<Option<Metadata>> {
        let look = || Metadata::of(&self.open(name, OFlags::PATH, 0)?.metadata()?);
        match look() {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FsError::new(Op::Look, &self.path.join(name), e)),
        }
    }

    /// The content of the regular file `name`, with its metadata; `None` if it does not exist. Wiped when dropped.
    ///
    /// # Errors
    /// When it cannot be read, is not a regular file, or holds more than `limit` bytes.
    pub fn read(&self, name: &str, limit: usize) -> Result<Option<(Zeroizing<Vec<u8>>, Metadata)>> {
        let read = || -> io::Result<_> {
            let mut file = self.open(name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY, 0)?;
            let found = Metadata::of(&file.metadata()?)?;
            if found.kind != Kind::File {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
            }
            Ok((Zeroizing::new(read_bounded(&mut file, found.len, limit)?), found))
        };
        match read() {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FsError::new(Op::Read, &self.path.join(name), e)),
        }
    }

    /// Creates the file `name` with these bytes, the permissions `mode`, and the group `group` if given. If `durable`, it is
    /// synced to the disk.
    ///
    /// # Errors
    /// When the name exists, or the file cannot be written; a part of the bytes may then be written.
    pub fn write_new(&self, name: &str, bytes: &[u8], mode: u32, group: Option<u32>, durable: bool) -> Result<()> {
        let path = self.path.join(name);
        let file = self.disk.step(Op::Write, &path, |partial| {
            let mut file = self.open(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)?;
            file.write_all(if partial { &bytes[..bytes.len() / 2] } else { bytes })?;
            if let Some(group) = group {
                give_group(&file, group)?;
            }
            self.disk.set_mode(&file, &path, mode)?;
            Ok(file)
        })?;
        if durable { self.disk.sync_step(&path, || file.sync_all()) } else { Ok(()) }
    }

    /// Syncs the folder to the disk.
    ///
    /// # Errors
    /// When the disk reports an error.
    pub fn sync(&self) -> Result<()> {
        self.disk.sync_step(&self.path, || self.dir.sync_all())
    }

    /// Moves the entry `from` to `to`, replacing a file or link there.
    ///
    /// # Errors
    /// When the move fails; nothing has changed then.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.disk
            .whole_step(Op::Move, &self.path.join(to), || Ok(rustix::fs::renameat(&self.dir, from, &self.dir, to)?))
    }

    /// Removes the file or link `name`. Returns whether there was one.
    ///
    /// # Errors
    /// When it is a folder or cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool> {
        if self.entry(name)?.is_none() {
            return Ok(false);
        }
        let removed = self.disk.whole_step(Op::Remove, &self.path.join(name), || {
            match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(e) => Err(e.into()),
            }
        });
        removed.map(|()| true)
    }

    /// Sets the group of the folder, if given, and its permissions.
    ///
    /// # Errors
    /// When this process is not permitted to.
    pub fn open_to(&self, mode: u32, group: Option<u32>) -> Result<()> {
        let open = || -> io::Result<()> {
            if let Some(group) = group {
                give_group(&self.dir, group)?;
            }
            self.disk.set_mode(&self.dir, &self.path, mode)
        };
        open().map_err(|e| FsError::new(Op::Mode, &self.path, e))
    }

    /// The owner that a new file gets, if this file system does not keep owner and mode as they are set (SMB, vfat,
    /// NFS with all users mapped to one); `None` if it does, or no file can be created here.
    ///
    /// # Errors
    /// When the file that finds this out cannot be removed.
    pub fn owner_of_all(&self) -> Result<Option<u32>> {
        // Processes of two containers may have the same number.
        let made = (0..64).find_map(|n| {
            let name = format!("probe-{}-{n}.tmp", std::process::id());
            match self.open(&name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, 0o600) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => None,
                made => Some(made.ok().map(|file| (name, file))),
            }
        });
        let Some((name, file)) = made.flatten() else { return Ok(None) };
        let path = self.path.join(&name);
        let looked = self.disk.set_mode(&file, &path, 0o600).and_then(|()| Metadata::of(&file.metadata()?));
        self.remove(&name)?;
        let found = looked.map_err(|e| FsError::new(Op::Look, &path, e))?;
        Ok((found.uid != self.disk.user() || found.mode & 0o777 != 0o600).then_some(found.uid))
    }

    /// Opens the lock file `name`, creates it with mode `0600` if it is missing, and locks it for this process. The
    /// lock ends with the file handle, and so with the process.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn try_lock(&self, name: &str) -> Result<Locked> {
        let path = self.path.join(name);
        let open = || self.open(name, OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK, 0o600);
        let locked = match self.disk.step(Op::Lock, &path, |_| lock(open()?)) {
            // In this way a test says that the file system has no locks.
            Err(e) if e.is(Errno::NOLCK) => open().and_then(lock_by_name).map_err(|e| FsError::new(Op::Lock, &path, e)),
            done => done,
        }?;
        let Locked::ByUs(file) = locked else { return Ok(locked) };
        let own = file.file().metadata().map_err(|e| FsError::new(Op::Look, &path, e))?;
        let is_there = self.entry(name)?.is_some_and(|m| (m.device, m.inode) == (own.dev(), own.ino()));
        Ok(if is_there { Locked::ByUs(file) } else { Locked::Removed(file) })
    }

    /// Removes the folder itself, which must be empty.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_folder(self) -> Result<()> {
        self.disk.whole_step(Op::Remove, &self.path, || std::fs::remove_dir(&self.path))
    }

    fn open(&self, name: &str, flags: OFlags, mode: u32) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.dir, name, flags, Mode::from_raw_mode(mode))?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::disk::{FaultAction, When};

    #[test]
    fn a_folder_that_was_swapped_for_another_is_still_the_first_one() {
        let dir = tempfile::tempdir().unwrap();
        let (state, moved) = (dir.path().join("state"), dir.path().join("moved"));
        fs::create_dir(&state).unwrap();
        let disk = Disk::real();
        let held = disk.hold(&state).unwrap().unwrap();
        held.write_new("file", b"own", 0o600, None, false).unwrap();
        fs::rename(&state, &moved).unwrap();
        fs::create_dir(&state).unwrap();
        fs::write(state.join("file"), "planted").unwrap();
        assert_eq!(held.read("file", 99).unwrap().unwrap().0.as_slice(), b"own");
        held.rename("file", "other").unwrap();
        held.remove("other").unwrap();
        assert_eq!(held.names().unwrap(), Vec::<OsString>::new());
        assert_eq!(fs::read_to_string(state.join("file")).unwrap(), "planted");
    }

    #[test]
    fn links_and_pipes_are_neither_followed_nor_read() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        assert!(disk.hold(&dir.path().join("link")).is_err());
        assert!(disk.hold(&dir.path().join("none")).unwrap().is_none());
        fs::write(dir.path().join("target"), "x").unwrap();
        symlink("../target", dir.path().join("real/file")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("real/pipe"), rustix::fs::FileType::Fifo, Mode::RWXU, 0)
            .unwrap();
        let held = disk.hold(&dir.path().join("real")).unwrap().unwrap();
        assert!(held.read("file", 9).is_err() && held.try_lock("file").is_err() && held.read("pipe", 9).is_err());
        assert!(held.write_new("file", b"x", 0o600, None, false).is_err());
        assert_eq!(held.entry("file").unwrap().map(|m| m.kind), Some(Kind::Link));
        held.remove("file").unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("target")).unwrap(), "x");
    }

    #[test]
    fn a_file_system_that_keeps_owner_and_mode_is_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        let held = disk.hold(dir.path()).unwrap().unwrap();
        assert_eq!(held.owner_of_all().unwrap(), None);
        assert_eq!(held.names().unwrap(), Vec::<OsString>::new());
    }

    /// Two pods on one volume: fabcert is process 1 in both.
    #[test]
    fn a_probe_of_another_container_is_not_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join(format!("probe-{}-0.tmp", std::process::id()));
        fs::write(&other, "").unwrap();
        // Each mode that is set comes out as it is: nothing of the kind is found, but only after a probe of its own.
        let probed = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&probed);
        let disk = Disk::with_faults(Arc::new(move |step| {
            if step.op == Op::Remove && step.when == When::After {
                seen.fetch_add(1, Ordering::Relaxed);
            }
            FaultAction::Continue
        }));
        assert_eq!(disk.hold(dir.path()).unwrap().unwrap().owner_of_all().unwrap(), None);
        assert_eq!((probed.load(Ordering::Relaxed), other.exists()), (1, true));
    }
}
