//! The folder in which a run works on an identity whose store is not on this disk.

use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::identity::state::random_id::random_id;
use crate::{Error, ErrorKind};

/// A folder of its own, with mode 0700, removed with the value. Use a folder on tmpfs: keys are written to it.
pub(crate) struct WorkFolder<'a> {
    disk: &'a Disk,
    root: PathBuf,
    folders: PathBuf,
}

impl<'a> WorkFolder<'a> {
    /// A new folder below `parent`; the folders of the identity `name` are in it.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(crate) fn create(disk: &'a Disk, parent: &Path, name: &str) -> Result<Self, Error> {
        let root = parent.join(format!("fabcert-{}", random_id()?));
        let folders = root.join(name);
        let created = disk.create_dir(&root, 0o700).and_then(|()| disk.create_dir(&folders, 0o700));
        created.map_err(|e| {
            Error::new(ErrorKind::Io, "cannot create a folder to work in").with_source(e).with_help(
                "in a pod with a read-only root, mount an emptyDir with medium: Memory, and set TMPDIR to its path",
            )
        })?;
        Ok(Self { disk, root, folders })
    }

    pub(super) const fn disk(&self) -> &'a Disk {
        self.disk
    }

    /// The folder that holds the others.
    pub(crate) fn folders(&self) -> &Path {
        &self.folders
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
        if let Err(e) = self.disk.remove_tree(&self.root) {
            tracing::warn!("{e}; it holds private keys: remove it");
        }
    }
}
