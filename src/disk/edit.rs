//! Replaces the content of a file that belongs to somebody else, and keeps everything but its content.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, XattrFlags};
use rustix::io::Errno;

use super::look::read_bounded;
use super::{Disk, FsError, Op, Result, os_flags};

/// The most bytes of the list of extended attributes and of each of them; Linux allows no more.
const ATTRIBUTE: usize = 64 * 1024;

/// A regular file that is open and locked for a change of its content.
#[derive(Debug)]
pub(crate) struct Edit {
    file: File,
    /// As it was named, for errors.
    path: PathBuf,
    /// Without links.
    target: PathBuf,
    bytes: Vec<u8>,
}

impl Drop for Edit {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is starting has a copy of the handle.
        let _ = self.file.unlock();
    }
}

impl Disk {
    /// Opens and reads the regular file at `path` for a change of its content, links followed. Other edits of the file
    /// wait until this one ends.
    ///
    /// # Errors
    /// When the file leads out of all of the folders or files `within` (without links), nobody may write it, it has
    /// other hard links, or it cannot be read or is larger than `limit` bytes.
    pub(crate) fn edit(&self, path: &Path, within: &[PathBuf], limit: usize) -> Result<Edit> {
        let refuse = |why: String| FsError::new(Op::Edit, path, io::Error::new(io::ErrorKind::PermissionDenied, why));
        let target = self.canonical(path)?;
        if !within.iter().any(|folder| target.starts_with(folder)) {
            return Err(refuse(format!("it is a link to {}, outside the audited folders", target.display())));
        }
        loop {
            let flags = os_flags(OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY);
            let open = || OpenOptions::new().read(true).custom_flags(flags).open(&target);
            let mut file = open().map_err(|e| FsError::new(Op::Read, path, e))?;
            // A file system without locks has no other edits of this kind either.
            let _ = file.lock();
            let found = file.metadata().map_err(|e| FsError::new(Op::Look, path, e))?;
            if !is_at(&found, &target) {
                // An edit that was waited for has replaced it.
                continue;
            }
            if !found.is_file() {
                return Err(refuse("it is not a regular file".to_owned()));
            }
            if found.mode() & 0o222 == 0 {
                return Err(refuse(format!("nobody may write it (mode {:04o})", found.mode() & 0o7777)));
            }
            if found.nlink() > 1 {
                return Err(refuse(format!("it has {} hard links, which a new file would not have", found.nlink())));
            }
            rustix::fs::access(&target, rustix::fs::Access::WRITE_OK).map_err(|e| FsError::new(Op::Edit, path, e))?;
            let bytes = read_bounded(&mut file, found.len(), limit).map_err(|e| FsError::new(Op::Read, path, e))?;
            return Ok(Edit { file, path: path.to_owned(), target, bytes });
        }
    }

    /// Replaces the content with `bytes` in one step: a reader sees the old file or the new one. Owner, group, mode,
    /// extended attributes and access control lists stay.
    ///
    /// # Errors
    /// When the file has changed since it was read, one of its properties cannot be kept, or a step fails; the file is
    /// then unchanged. Only after an error of [`Op::Sync`] it has the new content, which a power failure may undo.
    pub(crate) fn finish(&self, edit: &Edit, bytes: &[u8]) -> Result<()> {
        let Edit { file, path, target, .. } = edit;
        self.through_staged(path, target, |staged| {
            self.step(Op::Write, staged, |partial| {
                let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(staged)?;
                new.write_all(if partial { &bytes[..bytes.len() / 2] } else { bytes })?;
                keep_properties(file, &new)?;
                new.sync_all()
            })?;
            self.whole_step(Op::Move, target, || {
                if !is_unchanged(edit)? {
                    return Err(io::Error::other("it has changed since it was read; run the command again"));
                }
                fs::rename(staged, target)
            })
        })?;
        target.parent().map_or(Ok(()), |folder| self.sync(folder))
    }
}

impl Edit {
    /// The content as it was read.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn is_at(found: &fs::Metadata, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|at| (at.dev(), at.ino()) == (found.dev(), found.ino()))
}

/// Whether the path still holds the open file with the content that was read.
fn is_unchanged(edit: &Edit) -> io::Result<bool> {
    let found = edit.file.metadata()?;
    if !is_at(&found, &edit.target) || found.nlink() > 1 || found.len() != edit.bytes.len() as u64 {
        return Ok(false);
    }
    let mut again = File::open(&edit.target)?;
    Ok(read_bounded(&mut again, found.len(), edit.bytes.len()).is_ok_and(|bytes| bytes == edit.bytes))
}

/// Gives `new` the owner, group, extended attributes, access control list and mode of `old`.
fn keep_properties(old: &File, new: &File) -> io::Result<()> {
    let (wanted, given) = (old.metadata()?, new.metadata()?);
    let (uid, gid) = (wanted.uid(), wanted.gid());
    if (uid, gid) != (given.uid(), given.gid()) {
        let cannot = |e: io::Error| io::Error::new(e.kind(), format!("its owner {uid}:{gid} cannot be kept: {e}"));
        std::os::unix::fs::fchown(new, Some(uid), Some(gid)).map_err(cannot)?;
    }
    let wanted_attributes = attributes(old)?;
    for name in attributes(new)? {
        if !wanted_attributes.contains(&name) && !is_given_by_the_system(&name) {
            rustix::fs::fremovexattr(new, &name)?;
        }
    }
    for name in wanted_attributes {
        let value = attribute(old, &name)?;
        if attribute(new, &name).ok().as_ref() != Some(&value) {
            let cannot = |e: Errno| {
                let why = format!("its attribute {} cannot be kept: {e}", name.to_string_lossy());
                io::Error::new(io::Error::from(e).kind(), why)
            };
            rustix::fs::fsetxattr(new, &name, &value, XattrFlags::empty()).map_err(cannot)?;
        }
    }
    new.set_permissions(fs::Permissions::from_mode(wanted.mode() & 0o7777))
}

/// Labels of security modules, which each new file has.
fn is_given_by_the_system(name: &CString) -> bool {
    name.to_bytes().starts_with(b"security.")
}

/// The names of the extended attributes; none on a file system without them.
fn attributes(file: &File) -> io::Result<Vec<CString>> {
    let mut room = vec![0u8; ATTRIBUTE];
    let used = match rustix::fs::flistxattr(file, room.as_mut_slice()) {
        Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Vec::new()),
        used => used?,
    };
    let names = room[..used].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| CString::new(name).map_err(io::Error::other)).collect()
}

fn attribute(file: &File, name: &CString) -> io::Result<Vec<u8>> {
    let mut room = vec![0u8; ATTRIBUTE];
    let used = rustix::fs::fgetxattr(file, name, room.as_mut_slice())?;
    room.truncate(used);
    Ok(room)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    use super::*;
    use crate::disk::{FaultAction, When};

    const LIMIT: usize = 1 << 20;

    fn edit(disk: &Disk, path: &Path, folder: &Path, bytes: &[u8]) -> Result<()> {
        let edit = disk.edit(path, &[folder.canonicalize().unwrap()], LIMIT)?;
        disk.finish(&edit, bytes)
    }

    /// The files of a folder with their content.
    fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let entry = |e: io::Result<fs::DirEntry>| {
            let path = e.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap_or_default())
        };
        let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(entry).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn mode_group_and_attributes_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        // Another group of this user, or any group as root.
        let groups = rustix::process::getgroups().unwrap();
        let is_root = rustix::process::geteuid().is_root();
        let other = groups.iter().map(|g| g.as_raw()).find(|g| *g != rustix::process::getegid().as_raw());
        let group = if is_root { Some(4242) } else { other };
        std::os::unix::fs::chown(&path, is_root.then_some(4243), group).unwrap();
        let has_attributes = match rustix::fs::setxattr(&path, "user.note", b"kept", XattrFlags::empty()) {
            Ok(()) => true,
            Err(e) => {
                assert!(matches!(e, Errno::NOTSUP | Errno::PERM), "{e}");
                false
            }
        };
        let before = fs::metadata(&path).unwrap();
        edit(&Disk::real(), &path, dir.path(), b"new").unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!((after.uid(), after.gid(), after.mode()), (before.uid(), before.gid(), before.mode()));
        assert_eq!(content(dir.path()), [("a.yaml".to_owned(), b"new".to_vec())]);
        if has_attributes {
            assert_eq!(attribute(&File::open(&path).unwrap(), &c"user.note".to_owned()).unwrap(), b"kept");
        }
    }

    #[test]
    fn a_link_within_the_folders_stays_and_one_that_leads_out_is_refused() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&dir, &outside] {
            fs::write(folder.path().join("a.yaml"), "old").unwrap();
        }
        let (inner, outer) = (dir.path().join("inner.yaml"), dir.path().join("outer.yaml"));
        symlink("a.yaml", &inner).unwrap();
        symlink(outside.path().join("a.yaml"), &outer).unwrap();
        edit(&Disk::real(), &inner, dir.path(), b"new").unwrap();
        assert_eq!(fs::read_link(&inner).unwrap(), Path::new("a.yaml"));
        assert_eq!(fs::read(dir.path().join("a.yaml")).unwrap(), b"new");
        let error = edit(&Disk::real(), &outer, dir.path(), b"new").unwrap_err();
        assert!(error.to_string().contains("outside the audited folders"), "{error}");
        assert_eq!(content(outside.path()), [("a.yaml".to_owned(), b"old".to_vec())]);
    }

    #[test]
    fn files_without_write_permission_or_with_hard_links_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (read_only, linked) = (dir.path().join("read-only.yaml"), dir.path().join("linked.yaml"));
        for path in [&read_only, &linked] {
            fs::write(path, "old").unwrap();
        }
        fs::set_permissions(&read_only, fs::Permissions::from_mode(0o444)).unwrap();
        fs::hard_link(&linked, dir.path().join("other.yaml")).unwrap();
        let before = content(dir.path());
        for (path, why) in [(&read_only, "nobody may write it (mode 0444)"), (&linked, "2 hard links")] {
            let error = edit(&Disk::real(), path, dir.path(), b"new").unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        assert_eq!(content(dir.path()), before);
    }

    #[test]
    fn a_file_that_changed_in_the_meantime_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        let within = [dir.path().canonicalize().unwrap()];
        let (kept, new) = (dir.path().join("kept"), dir.path().join("new"));
        fs::write(&kept, "").unwrap();
        let changes: [&dyn Fn(); 3] = [
            &|| fs::write(&path, "odd").unwrap(),
            &|| {
                fs::write(&new, "old").unwrap();
                fs::rename(&new, &path).unwrap();
            },
            &|| fs::remove_file(&path).unwrap(),
        ];
        for change in changes {
            fs::write(&path, "old").unwrap();
            let edit = Disk::real().edit(&path, &within, LIMIT).unwrap();
            change();
            let before = content(dir.path());
            let error = Disk::real().finish(&edit, b"new").unwrap_err();
            assert!(error.to_string().contains("it has changed since it was read"), "{error}");
            assert_eq!(content(dir.path()), before);
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_old_file_alone() {
        for op in [Op::Write, Op::Move] {
            for action in [FaultAction::Fail(5), FaultAction::Partial] {
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join("a.yaml");
                fs::write(&path, "old").unwrap();
                let disk = Disk::with_faults(Arc::new(move |step| {
                    if step.op == op && step.when == When::Before { action } else { FaultAction::Continue }
                }));
                let error = edit(&disk, &path, dir.path(), b"new").unwrap_err();
                assert_eq!(error.path(), path);
                assert_eq!(content(dir.path()), [("a.yaml".to_owned(), b"old".to_vec())], "{op:?}");
            }
        }
    }

    #[test]
    fn edits_at_the_same_time_wait_for_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        fs::write(&path, "").unwrap();
        let within = [dir.path().canonicalize().unwrap()];
        std::thread::scope(|scope| {
            for letter in b'a'..b'i' {
                let (path, within) = (&path, &within);
                scope.spawn(move || {
                    for _ in 0..5 {
                        let edit = Disk::real().edit(path, within, LIMIT).unwrap();
                        let bytes = [edit.bytes(), &[letter]].concat();
                        Disk::real().finish(&edit, &bytes).unwrap();
                    }
                });
            }
        });
        let mut found = fs::read(&path).unwrap();
        found.sort_unstable();
        assert_eq!(found, (b'a'..b'i').flat_map(|letter| [letter; 5]).collect::<Vec<_>>());
        assert_eq!(content(dir.path()).len(), 1, "no file is left beside it");
    }
}
