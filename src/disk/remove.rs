//! Removes a folder with all its content, however deep it is: without recursion, with few open files, and never through a
//! link, even if an entry is swapped meanwhile.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fchmod, fstat, openat, unlinkat};
use rustix::io::Errno;

use super::Kind;
use super::regular::{Entry, entries};

/// A folder on the way down: its name in the folder above, and its identity, by which the way up is checked.
struct Level {
    name: OsString,
    id: (u64, u64),
    rest: Vec<Entry>,
}

/// Removes the folder at `path`, and everything in it. A missing path is not an error.
pub(super) fn tree(path: &Path) -> io::Result<()> {
    // Some FUSE file systems leave entries out of a list while others are removed, so that a folder is not empty yet.
    for _ in 0..3 {
        match emptied(path) {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            done => return done,
        }
    }
    emptied(path)
}

fn emptied(path: &Path) -> io::Result<()> {
    let Some(mut current) = entered(CWD, path)? else { return Ok(()) };
    let mut levels = vec![Level::of(OsString::new(), &current)?];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.rest.pop() else {
            let done = levels.pop();
            if let (Some(done), Some(above)) = (done, levels.last()) {
                let up = openat(&current, "..", FOLDER, Mode::empty())?;
                if id(&up)? != above.id {
                    return Err(io::Error::other("a folder in it was moved meanwhile"));
                }
                absent_is_done(unlinkat(&up, &done.name, AtFlags::REMOVEDIR))?;
                current = up;
            }
            continue;
        };
        let unlinked = match entry.kind {
            Kind::Dir => Err(Errno::ISDIR),
            _ => unlinkat(&current, &entry.name, AtFlags::empty()),
        };
        match unlinked {
            Err(Errno::ISDIR) => {
                if let Some(below) = entered(&current, Path::new(&entry.name))? {
                    levels.push(Level::of(entry.name, &below)?);
                    current = below;
                }
            }
            done => absent_is_done(done)?,
        }
    }
    absent_is_done(unlinkat(CWD, path, AtFlags::REMOVEDIR))
}

/// Removes one entry of the folder at `path`.
pub(super) fn first_entry(path: &Path) -> io::Result<()> {
    let Some(folder) = entered(CWD, path)? else { return Ok(()) };
    match entries(&folder)?.first() {
        Some(entry) if entry.kind == Kind::Dir => tree(&path.join(&entry.name)),
        Some(entry) => absent_is_done(unlinkat(&folder, &entry.name, AtFlags::empty())),
        None => Ok(()),
    }
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a folder; `None` if it is gone. Own folders without the owner's rights, carried over unchanged, get them.
fn entered(above: impl AsFd, name: &Path) -> io::Result<Option<OwnedFd>> {
    let folder = match openat(&above, name, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::ACCESS) => {
            let path = openat(&above, name, FOLDER.union(OFlags::PATH), Mode::empty())?;
            rustix::fs::chmod(Path::new("/proc/self/fd").join(path.as_raw_fd().to_string()), Mode::RWXU)?;
            openat(&above, name, FOLDER, Mode::empty())?
        }
        opened => opened?,
    };
    let found = fstat(&folder)?;
    if found.st_mode & 0o700 != 0o700 {
        // Without the right to, the removal fails and says why.
        let _ = fchmod(&folder, Mode::RWXU);
    }
    Ok(Some(folder))
}

impl Level {
    fn of(name: OsString, folder: &OwnedFd) -> io::Result<Self> {
        Ok(Self { name, id: id(folder)?, rest: entries(folder)? })
    }
}

fn id(folder: &OwnedFd) -> io::Result<(u64, u64)> {
    let found = fstat(folder)?;
    Ok((found.st_dev, found.st_ino))
}

fn absent_is_done(done: Result<(), Errno>) -> io::Result<()> {
    match done {
        Err(Errno::NOENT) => Ok(()),
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::regular::reached;
    use super::*;

    #[test]
    fn a_tree_of_any_depth_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("top");
        let mut path = top.clone();
        for _ in 0..1200 {
            fs::create_dir(reached(&path).unwrap().as_path()).unwrap();
            fs::write(reached(&path.join("f")).unwrap().as_path(), b"").unwrap();
            path.push("d");
        }
        tree(&top).unwrap();
        assert!(!top.exists());
        tree(&top).unwrap();
    }

    #[test]
    fn closed_folders_are_opened_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (top, kept) = (dir.path().join("top"), dir.path().join("kept"));
        fs::create_dir_all(top.join("closed/inner")).unwrap();
        fs::create_dir(&kept).unwrap();
        symlink(&kept, top.join("closed/link")).unwrap();
        fs::write(kept.join("file"), b"").unwrap();
        fs::set_permissions(top.join("closed/inner"), fs::Permissions::from_mode(0o0)).unwrap();
        fs::set_permissions(top.join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
        tree(&top).unwrap();
        assert!(!top.exists() && kept.join("file").exists());
    }
}
