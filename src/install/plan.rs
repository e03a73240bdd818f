//! What goes into a folder: paths, bytes and modes, and no disk.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::KeyAccess;
use crate::disk::MemoryFolder;

/// A folder to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDir {
    /// Where, relative to the target.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Group id, where it is not to be the one that new folders get.
    pub group: Option<u32>,
}

/// A file to write. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Where, relative to the target.
    pub path: PathBuf,
    /// What goes in, perhaps a private key.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Its permission bits.
    pub mode: u32,
    /// Group id, where it is not to be the one that new files get.
    pub group: Option<u32>,
}

impl fmt::Debug for PlannedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes, {:04o})", self.path.display(), self.bytes.len(), self.mode)
    }
}

/// What a folder will hold. What stands in the target at none of the owned paths is carried over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderPlan {
    /// The folders below the target; the target itself is not among them.
    pub dirs: Vec<PlannedDir>,
    /// The files, the identity's certificate first.
    pub files: Vec<PlannedFile>,
    /// The files and folders that are ours: replaced whole, or gone when nothing is planned there.
    pub owned: Vec<PathBuf>,
}

impl FolderPlan {
    /// Where the identity's certificate goes.
    pub fn certificate(&self) -> &Path {
        self.files.first().map_or_else(|| Path::new(""), |file| &file.path)
    }

    /// Adds a folder, once.
    pub(crate) fn dir(&mut self, path: &str, mode: u32) {
        if !self.dirs.iter().any(|d| d.path == Path::new(path)) {
            self.dirs.push(PlannedDir { path: path.into(), mode, group: None });
        }
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>, mode: u32) {
        self.files.push(PlannedFile { path: path.into(), bytes: Zeroizing::new(bytes.into()), mode, group: None });
    }

    /// Adds a file that others may read only as `access` says.
    pub(crate) fn private_file(&mut self, path: impl Into<PathBuf>, bytes: Zeroizing<Vec<u8>>, access: KeyAccess) {
        self.files.push(PlannedFile { path: path.into(), bytes, mode: access.mode, group: access.group });
    }

    /// The tree as it will be, with what is carried over.
    pub(crate) fn over(&self, carried: &MemoryFolder) -> MemoryFolder {
        let mut tree = carried.clone();
        self.owned.iter().for_each(|path| tree.remove(path));
        self.dirs.iter().for_each(|dir| tree.insert_folder(&dir.path));
        self.files.iter().for_each(|file| tree.insert(&file.path, file.bytes.to_vec()));
        tree
    }
}
