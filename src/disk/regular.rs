//! Reads paths that anybody may have created: pipes and devices are never read, long paths work, and an entry that is
//! swapped in meanwhile is not followed.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{Disk, FsError, Kind, Metadata, Op, Result};

/// The kernel takes paths below `PATH_MAX`, 4096 bytes. Longer ones are opened in steps.
const LONGEST: usize = 4000;

/// A regular file that is open for reading.
#[derive(Debug)]
pub struct RegularFile {
    file: File,
    metadata: Metadata,
}

impl RegularFile {
    /// Metadata of the open file, even if its path now holds another.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl Read for RegularFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// The number of bytes of a folder's list that are read at once.
const LIST: usize = 32 * 1024;

/// A folder that is open for reading.
#[derive(Debug)]
pub struct Folder<'a> {
    file: File,
    metadata: Metadata,
    path: &'a Path,
}

impl Folder<'_> {
    /// Metadata of the open folder.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Its entries, sorted by the bytes of their names.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        entries(&self.file).map_err(|e| FsError::new(Op::List, self.path, e))
    }
}

/// Paths of this length and more are opened from a folder above, where one is open.
const FAR: usize = 512;

/// The folder that a walk opened last.
#[derive(Debug)]
pub(crate) struct Near {
    path: PathBuf,
    file: File,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without a path.
    pub name: OsString,
    /// The kind, a link not followed.
    pub kind: Kind,
}

impl Disk {
    /// Opens the regular file at `path`, links followed; `None` if it is not a regular file. Opening a pipe does not
    /// wait for its other end and reads nothing.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_regular(&self, path: &Path) -> Result<Option<RegularFile>> {
        let opened = open_unless_special(path).map_err(|e| FsError::new(Op::Read, path, e))?;
        Ok(opened.filter(|(_, m)| m.kind == Kind::File).map(|(file, metadata)| RegularFile { file, metadata }))
    }

    /// The content of the regular file at `path`, links followed; wiped when dropped.
    ///
    /// # Errors
    /// When it cannot be read, is not a regular file, or is larger than `limit` bytes.
    pub fn read_regular(&self, path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
        let read = || -> io::Result<_> {
            match open_unless_special(path)? {
                Some((mut file, Metadata { kind: Kind::File, len, .. })) => {
                    super::look::read_bounded(&mut file, len, limit)
                }
                Some((_, Metadata { kind: Kind::Dir, .. })) => Err(Errno::ISDIR.into()),
                _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
            }
        };
        read().map(Zeroizing::new).map_err(|e| FsError::new(Op::Read, path, e))
    }

    /// The entries of the folder at `path`, sorted by the bytes of their names; links in `path` are followed.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        self.open_folder(path)?.entries()
    }

    /// Like [`Self::open_folder`], for a walk: a folder far down is opened from `near`, the one that was opened last, if
    /// it is in that folder. The kernel looks up each part of a path, so that a chain of folders would cost the square of
    /// its length.
    ///
    /// # Errors
    /// As [`Self::open_folder`].
    pub(crate) fn open_folder_near<'a>(&self, path: &'a Path, near: &mut Option<Near>) -> Result<Folder<'a>> {
        if path.as_os_str().len() < FAR {
            return self.open_folder(path);
        }
        let open = || -> io::Result<Option<Folder<'a>>> {
            let (Some(near), Some(name)) = (near.as_ref(), path.file_name()) else { return Ok(None) };
            if path.parent() != Some(near.path.as_path()) {
                return Ok(None);
            }
            let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
            let file = File::from(rustix::fs::openat(&near.file, name, flags, Mode::empty())?);
            let metadata = Metadata::of(&file.metadata()?)?;
            Ok(Some(Folder { file, metadata, path }))
        };
        let folder = match open().map_err(|e| FsError::new(Op::List, path, e))? {
            Some(folder) => folder,
            None => self.open_folder(path)?,
        };
        *near = folder.file.try_clone().ok().map(|file| Near { path: path.to_owned(), file });
        Ok(folder)
    }

    /// Opens the folder at `path`, links followed.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_folder<'a>(&self, path: &'a Path) -> Result<Folder<'a>> {
        let open = || -> io::Result<Folder<'a>> {
            let flags = super::os_flags(OFlags::DIRECTORY);
            let file = OpenOptions::new().read(true).custom_flags(flags).open(reached(path)?.as_path())?;
            let metadata = Metadata::of(&file.metadata()?)?;
            Ok(Folder { file, metadata, path })
        };
        open().map_err(|e| FsError::new(Op::List, path, e))
    }
}

/// The entries of an open folder, sorted by the bytes of their names.
pub(super) fn entries(folder: &impl AsFd) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut room = Vec::with_capacity(LIST);
    let mut list = RawDir::new(folder, room.spare_capacity_mut());
    while let Some(found) = list.next() {
        let found = match found {
            // It was removed during the listing.
            Err(Errno::NOENT) => break,
            found => found?,
        };
        let name = found.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            let kind = match found.file_type() {
                FileType::Unknown => {
                    let looked = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(looked.st_mode)
                }
                known => known,
            };
            entries.push(Entry { name: OsStr::from_bytes(name.to_bytes()).to_owned(), kind: Kind::known(kind) });
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Opens `path` unless it is a pipe, a socket or a device: to open a device can have an effect.
fn open_unless_special(path: &Path) -> io::Result<Option<(File, Metadata)>> {
    let looked = rustix::fs::stat(reached(path)?.as_path())?;
    match Kind::known(FileType::from_raw_mode(looked.st_mode)) {
        Kind::Special => Ok(None),
        _ => open(path).map(Some),
    }
}

/// Opens `path` without blocking, and reads the metadata of the open file.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(super::os_flags(flags)).open(reached(path)?.as_path())?;
    let metadata = Metadata::of(&file.metadata()?)?;
    Ok((file, metadata))
}

/// A path that the kernel takes.
pub(super) struct Reached<'a> {
    path: Cow<'a, Path>,
    /// Keeps open the folder from which a long path starts.
    _from: Option<OwnedFd>,
}

impl Reached<'_> {
    pub(super) fn as_path(&self) -> &Path {
        &self.path
    }
}

/// Opens the leading folders of a path that is too long.
pub(super) fn reached(path: &Path) -> io::Result<Reached<'_>> {
    if path.as_os_str().len() <= LONGEST {
        return Ok(Reached { path: Cow::Borrowed(path), _from: None });
    }
    let mut from: Option<OwnedFd> = None;
    let mut rest = PathBuf::new();
    for part in path.components() {
        if rest.as_os_str().len() + part.as_os_str().len() >= LONGEST {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let start = from.as_ref().map_or(CWD, |fd| fd.as_fd());
            from = Some(rustix::fs::openat(start, &rest, flags, Mode::empty())?);
            rest = PathBuf::new();
        }
        rest.push(part);
    }
    let path = match &from {
        Some(fd) => Path::new("/proc/self/fd").join(fd.as_raw_fd().to_string()).join(rest),
        None => rest,
    };
    Ok(Reached { path: Cow::Owned(path), _from: from })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn pipes_sockets_devices_and_folders_are_not_regular_files() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        let (pipe, socket) = (dir.path().join("pipe"), dir.path().join("socket"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _listener = UnixListener::bind(&socket).unwrap();
        assert!(disk.open_regular(&pipe).unwrap().is_none(), "and it does not wait for a writer");
        assert!(disk.open_regular(Path::new("/dev/null")).unwrap().is_none());
        assert!(disk.open_regular(dir.path()).unwrap().is_none());
        assert!(disk.open_regular(&socket).unwrap().is_none());
        let kinds: Vec<Kind> = disk.list(dir.path()).unwrap().into_iter().map(|e| e.kind).collect();
        assert_eq!(kinds, [Kind::Special, Kind::Special]);
        assert!(disk.read_regular(dir.path(), 9).unwrap_err().to_string().ends_with(": is a directory"));
        assert!(disk.read_regular(&pipe, 9).unwrap_err().to_string().ends_with("it is not a regular file"));
    }

    #[test]
    fn a_path_longer_than_path_max_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        let step = "d".repeat(200);
        let mut path = dir.path().to_owned();
        for _ in 0..45 {
            path.push(&step);
            fs::create_dir(reached(&path).unwrap().as_path()).unwrap();
        }
        let file = path.join("file");
        assert!(file.as_os_str().len() > 9000);
        fs::write(reached(&file).unwrap().as_path(), b"deep").unwrap();
        assert_eq!(disk.read_regular(&file, 9).unwrap().as_slice(), b"deep");
        assert_eq!(disk.list(&path).unwrap(), [Entry { name: "file".into(), kind: Kind::File }]);
        assert_eq!(disk.metadata_followed(&file).unwrap().map(|m| m.len), Some(4));
        assert_eq!(disk.metadata(&file.join("x")).unwrap().map(|m| m.len), None);
        assert_eq!(disk.read_dir(&path).unwrap(), ["file"]);
    }
}
