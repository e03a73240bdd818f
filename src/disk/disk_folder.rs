//! A folder on disk, read through [`Disk`].

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::folder::{EntryKind, FolderEntry, FolderReader};
use crate::disk::{Disk, Entry, FsError, Kind};

/// Fabric has no limit, except for keys; a revocation list of a million entries is smaller than this.
const LIMIT: usize = 64 * 1024 * 1024;

/// A folder on disk. Links are followed, as Fabric follows them.
#[derive(Clone, Debug)]
pub struct DiskFolder<'a> {
    disk: &'a Disk,
    root: PathBuf,
}

impl<'a> DiskFolder<'a> {
    /// The folder at `root`, which may be missing.
    pub fn new(disk: &'a Disk, root: impl Into<PathBuf>) -> Self {
        Self { disk, root: root.into() }
    }
}

fn io_error(e: FsError) -> io::Error {
    io::Error::new(e.io_kind(), e)
}

impl FolderReader for DiskFolder<'_> {
    fn list(&self, dir: &Path) -> io::Result<Vec<FolderEntry>> {
        let dir = self.root.join(dir);
        let entries = self.disk.list(&dir).map_err(io_error)?;
        Ok(entries
            .into_iter()
            .map(|Entry { name, kind }| {
                let found = match kind {
                    Kind::Link => self.disk.metadata_followed(&dir.join(&name)).ok().flatten().map(|m| m.kind),
                    kind => Some(kind),
                };
                FolderEntry { name, kind: if found == Some(Kind::Dir) { EntryKind::Folder } else { EntryKind::File } }
            })
            .collect())
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        self.disk.read_regular(&self.root.join(file), LIMIT).map_err(io_error)
    }
}
