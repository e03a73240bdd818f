//! The folder in which a run works on an identity whose store is not on this disk.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, LockFile, Locked};
use crate::identity::state::random_id::random_id;
use crate::{Error, ErrorKind};

/// The beginning of the folders' names.
const PREFIX: &str = "fabcert-";

/// Locked while a run works in the folder.
const LOCK: &str = "lock";

/// Names the identity of a folder that may hold what its Secrets do not.
const UNSAVED: &str = "unsaved";

/// A folder of its own, with mode 0700, removed with the value unless it holds something that is not saved. Use a folder on tmpfs:
/// keys are written to it.
pub(crate) struct WorkFolder<'a> {
    disk: &'a Disk,
    root: PathBuf,
    folders: PathBuf,
    _lock: Option<LockFile>,
}

impl<'a> WorkFolder<'a> {
    /// A new folder below `parent`; the folders of the identity `name` are in it. Removes those that killed runs left and that hold
    /// nothing of worth.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(crate) fn create(disk: &'a Disk, parent: &Path, name: &str) -> Result<Self, Error> {
        let id = random_id()?;
        let (hidden, root) = (parent.join(format!(".{PREFIX}{id}")), parent.join(format!("{PREFIX}{id}")));
        let create = || {
            disk.create_dir(&hidden, 0o700)?;
            let lock = lock(disk, &hidden);
            disk.create_dir(&hidden.join(name), 0o700)?;
            // It is locked before another run can find it.
            disk.rename_noreplace(&hidden, &root)?;
            Ok::<_, Error>(lock)
        };
        let lock = create().map_err(|e| {
            Error::new(ErrorKind::Io, "cannot create a folder to work in").with_source(e).with_help(
                "in a pod with a read-only root, mount an emptyDir with medium: Memory, and set TMPDIR to its path",
            )
        })?;
        for (left, _lock) in left(disk, parent).filter(|(left, _)| unsaved(disk, left).is_none()) {
            drop(disk.remove_tree(&left));
        }
        Ok(Self { disk, folders: root.join(name), root, _lock: lock })
    }

    pub(super) const fn disk(&self) -> &'a Disk {
        self.disk
    }

    /// The folder that holds the others.
    pub(crate) fn folders(&self) -> &Path {
        &self.folders
    }

    /// Notes that the folder may hold what the Secrets of `identity` do not.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn note_unsaved(&self, identity: &str) -> Result<(), Error> {
        let note = self.root.join(UNSAVED);
        if self.disk.metadata(&note)?.is_none() {
            self.disk.write_new(&note, identity.as_bytes(), 0o600)?;
        }
        Ok(())
    }

    /// Notes that the Secrets hold all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn note_saved(&self) -> Result<(), Error> {
        Ok(self.disk.remove_file(&self.root.join(UNSAVED))?)
    }

    /// Whether it may hold what the Secrets do not.
    pub(super) fn is_unsaved(&self) -> bool {
        unsaved(self.disk, &self.root).is_some()
    }

    /// The folders of earlier runs for `identity` that may hold what the Secrets do not, each locked, with the folders in it.
    pub(super) fn earlier(&self, identity: &str) -> Vec<(PathBuf, PathBuf, LockFile)> {
        let (Some(parent), Some(name)) = (self.root.parent(), self.folders.file_name()) else { return Vec::new() };
        left(self.disk, parent)
            .filter(|(left, _)| unsaved(self.disk, left).as_deref() == Some(identity))
            .map(|(left, lock)| (left.clone(), left.join(name), lock))
            .collect()
    }

    /// Removes what is in the folder.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(super) fn empty(&self) -> Result<(), Error> {
        self.disk.remove_tree(&self.folders)?;
        Ok(self.disk.create_dir(&self.folders, 0o700)?)
    }

    pub(crate) fn msp(&self) -> PathBuf {
        self.folders.join("msp")
    }

    pub(crate) fn tls(&self) -> PathBuf {
        self.folders.join("tls")
    }
}

impl Drop for WorkFolder<'_> {
    fn drop(&mut self) {
        let root = self.root.display();
        if self.is_unsaved() {
            tracing::warn!(
                "{root} stays: it may hold a key and a certificate that are in no Secret; the next run with this TMPDIR stores them"
            );
        } else if let Err(e) = self.disk.remove_tree(&self.root) {
            tracing::warn!("{e}; it holds private keys: remove it");
        }
    }
}

/// The identity of a folder that is not saved.
fn unsaved(disk: &Disk, root: &Path) -> Option<String> {
    String::from_utf8(disk.read(&root.join(UNSAVED), 1024).ok()?.clone()).ok()
}

/// Locks a folder; `None` where another run has it, or the file system has no locks.
fn lock(disk: &Disk, root: &Path) -> Option<LockFile> {
    match disk.hold(root).ok()??.try_lock(LOCK) {
        Ok(Locked::ByUs(lock)) => Some(lock),
        _ => None,
    }
}

/// The folders below `parent` that this user's runs left, each locked.
fn left<'d>(disk: &'d Disk, parent: &Path) -> impl Iterator<Item = (PathBuf, LockFile)> + use<'d> {
    let parent = parent.to_owned();
    let is_ours = |name: &OsString| name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
    let names = disk.read_dir(&parent).unwrap_or_default().into_iter().filter(is_ours);
    names.filter_map(move |name| {
        let root = parent.join(name);
        let found = disk.metadata(&root).ok()??;
        let is_a_run = found.uid == disk.user() && disk.metadata(&root.join(LOCK)).ok()?.is_some();
        is_a_run.then(|| lock(disk, &root)).flatten().map(|lock| (root, lock))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(disk: &Disk, dir: &Path) -> Vec<String> {
        let names = disk.read_dir(dir).unwrap().into_iter().map(|name| name.into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }

    /// The folder of a run that was killed: its lock is free.
    fn killed(disk: &Disk, parent: &Path, is_unsaved: bool) -> PathBuf {
        let folder = WorkFolder::create(disk, parent, "peer1").unwrap();
        let root = folder.root.clone();
        folder.note_unsaved("ns/peer1").unwrap();
        drop(folder);
        if !is_unsaved {
            disk.remove_file(&root.join(UNSAVED)).unwrap();
        }
        root
    }

    #[test]
    fn a_folder_is_removed_with_the_run_and_after_a_killed_one() {
        let (disk, dir) = (Disk::real(), tempfile::tempdir().unwrap());
        killed(&disk, dir.path(), false);
        disk.create_dir(&dir.path().join("fabcert-of-somebody"), 0o700).unwrap();
        let folder = WorkFolder::create(&disk, dir.path(), "peer1").unwrap();
        let own = folder.root.file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected = vec![own, "fabcert-of-somebody".to_owned()];
        expected.sort_unstable();
        assert_eq!(names(&disk, dir.path()), expected);
        let other = WorkFolder::create(&disk, dir.path(), "peer1").unwrap();
        assert!(folder.folders.is_dir(), "a run at work keeps its folder");
        drop((folder, other));
        assert_eq!(names(&disk, dir.path()), ["fabcert-of-somebody"]);
    }

    #[test]
    fn what_is_not_saved_stays_for_the_next_run_of_the_identity() {
        let (disk, dir) = (Disk::real(), tempfile::tempdir().unwrap());
        let left = killed(&disk, dir.path(), true);
        let folder = WorkFolder::create(&disk, dir.path(), "peer1").unwrap();
        assert!(folder.earlier("ns/peer2").is_empty());
        let earlier = folder.earlier("ns/peer1");
        let [(root, folders, _)] = earlier.as_slice() else { panic!("{} folders", earlier.len()) };
        assert_eq!((root, folders), (&left, &left.join("peer1")));
    }
}
