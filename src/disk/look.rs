//! Operations that do not change the disk.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::regular::{open, reached};
use super::{Disk, FsError, Op, Result, pipe};

/// The kind of a path.
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

/// Metadata of a path.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metadata {
    /// The kind.
    pub kind: Kind,
    /// Permission bits, with set-uid, set-gid and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of the file system.
    pub device: u64,
    /// Inode number, unique on that file system.
    pub inode: u64,
    /// Size in bytes.
    pub len: u64,
    /// Modification time.
    pub modified: SystemTime,
}

impl Kind {
    pub(super) fn of(file_type: fs::FileType) -> Self {
        if file_type.is_file() {
            Self::File
        } else if file_type.is_dir() {
            Self::Dir
        } else if file_type.is_symlink() {
            Self::Link
        } else {
            Self::Special
        }
    }

    pub(super) const fn known(file_type: rustix::fs::FileType) -> Self {
        match file_type {
            rustix::fs::FileType::RegularFile => Self::File,
            rustix::fs::FileType::Directory => Self::Dir,
            rustix::fs::FileType::Symlink => Self::Link,
            _ => Self::Special,
        }
    }
}

impl Metadata {
    pub(super) fn of(found: &fs::Metadata) -> io::Result<Self> {
        Ok(Self {
            kind: Kind::of(found.file_type()),
            mode: found.mode() & 0o7777,
            uid: found.uid(),
            gid: found.gid(),
            device: found.dev(),
            inode: found.ino(),
            len: found.len(),
            modified: found.modified()?,
        })
    }
}

impl Disk {
    /// The content of the file that the user named, symbolic links followed. It may be a pipe, such as `/dev/fd/63` for
    /// `<(command)` in a shell: that is read within a time limit.
    ///
    /// # Errors
    /// When it cannot be read, is larger than `limit` bytes, or is a pipe that is not written to its end in time.
    pub fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>> {
        let read = || {
            let (mut file, metadata) = open(path)?;
            match metadata.kind {
                Kind::File => read_bounded(&mut file, metadata.len, limit),
                Kind::Dir => Err(Errno::ISDIR.into()),
                Kind::Link | Kind::Special => pipe::read_bounded(&mut file, limit, self.patience()),
            }
        };
        read().map_err(|e| FsError::new(Op::Read, path, e))
    }

    /// Like [`Disk::read`], for keys and secrets: the bytes are wiped when dropped.
    ///
    /// # Errors
    /// As [`Disk::read`].
    pub fn read_secret(&self, path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
        self.read(path, limit).map(Zeroizing::new)
    }

    /// The names in the folder at `path`, sorted by bytes as Go's `os.ReadDir` sorts them; links in `path` are
    /// followed.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn read_dir(&self, path: &Path) -> Result<Vec<std::ffi::OsString>> {
        Ok(self.list(path)?.into_iter().map(|entry| entry.name).collect())
    }

    /// The metadata of `path`, a symbolic link at its end not followed; `None` if it does not exist.
    ///
    /// # Errors
    /// When the path cannot be inspected.
    pub fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        found(path, reached(path).and_then(|p| fs::symlink_metadata(p.as_path())))
    }

    /// Like [`Disk::metadata`], with a symbolic link followed; `None` for a dangling link too.
    ///
    /// # Errors
    /// When the path cannot be inspected.
    pub fn metadata_followed(&self, path: &Path) -> Result<Option<Metadata>> {
        found(path, reached(path).and_then(|p| fs::metadata(p.as_path())))
    }

    /// The target of the symbolic link at `path`, as written; `None` if `path` is not a link.
    ///
    /// # Errors
    /// When the path cannot be inspected.
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
    /// When it does not exist or cannot be inspected.
    pub fn canonical(&self, path: &Path) -> Result<PathBuf> {
        fs::canonicalize(path).map_err(|e| FsError::new(Op::Look, path, e))
    }

    /// Whether this process may create and remove entries in the folder at `path` (`false` on a read-only file system).
    pub fn may_write_in(&self, path: &Path) -> bool {
        rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
    }

    /// Whether this process may remove the content of the folder at `path` with the metadata `found`: it may write
    /// there, or as the owner may give itself that right.
    pub fn may_empty(&self, path: &Path, found: &Metadata) -> bool {
        found.uid == rustix::process::geteuid().as_raw() || self.may_write_in(path)
    }

    /// Fails if the folder at `path` with the metadata `found` cannot be moved out of its parent: in a sticky folder
    /// only its owner may move it, and overlayfs does not move a folder of a lower layer. `not_empty` is an own folder
    /// beside it that is not empty where this is [overlayfs](Self::is_overlay).
    ///
    /// # Errors
    /// The one that the move would end with.
    pub fn may_move(&self, path: &Path, found: &Metadata, not_empty: &Path) -> Result<()> {
        let user = rustix::process::geteuid();
        let parent = self.metadata(&path.join(".."))?;
        let is_sticky = parent.is_some_and(|p| p.mode & 0o1000 != 0 && p.uid != user.as_raw());
        if is_sticky && found.uid != user.as_raw() && !user.is_root() {
            return Err(FsError::new(Op::Move, path, Errno::PERM));
        }
        if self.is_overlay(path) && is_in_lower_layer(path, not_empty) {
            Err(FsError::new(Op::Move, path, Errno::XDEV))
        } else {
            Ok(())
        }
    }

    /// Whether `path` is on overlayfs.
    #[allow(clippy::unused_self, reason = "it belongs to the operations of a disk")]
    pub(crate) fn is_overlay(&self, path: &Path) -> bool {
        rustix::fs::statfs(path).is_ok_and(|s| u64::try_from(s.f_type) == Ok(OVERLAYFS))
    }

    /// Whether the file or folder at `path` has one of the attributes immutable and append-only (`chattr`), by which
    /// nobody can remove it; `false` where the file system does not say.
    pub fn is_immutable(&self, path: &Path) -> bool {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let fixed = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
        rustix::fs::statx(CWD, path, flags, StatxFlags::empty()).is_ok_and(|s| s.stx_attributes.intersects(fixed))
    }

    /// Whether `path` is a mount point of a file system or bind mount; a symbolic link is not one.
    ///
    /// Linux 5.8 and newer report it (`STATX_ATTR_MOUNT_ROOT`). On older kernels the device is compared with the
    /// parent's, which misses a bind mount from the same file system.
    ///
    /// # Errors
    /// When the path cannot be inspected.
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
}

/// The number of overlayfs (`OVERLAYFS_SUPER_MAGIC` in Linux).
const OVERLAYFS: u64 = 0x794c_7630;

/// Whether `path`, on overlayfs, is a folder of a lower layer: overlayfs refuses to move it (`EXDEV`) before it looks at the
/// destination. The destination here is a folder that is not empty: nothing can be moved there on overlayfs.
fn is_in_lower_layer(path: &Path, not_empty: &Path) -> bool {
    rustix::fs::rename(path, not_empty) == Err(Errno::XDEV)
}

/// Reads a file, whose size was `len` when it was opened.
pub(super) fn read_bounded(file: &mut File, len: u64, limit: usize) -> io::Result<Vec<u8>> {
    let expected = usize::try_from(len).unwrap_or(usize::MAX);
    // One byte more than expected, so that a growing buffer never moves a secret.
    let mut bytes = Vec::with_capacity(expected.min(limit).saturating_add(1));
    file.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(pipe::too_large(limit));
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
