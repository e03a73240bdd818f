//! The content of a folder as data: paths, bytes and modes.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::KeyAccess;
use crate::disk::MemoryFolder;

/// A folder to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDir {
    /// Path relative to the target.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Group id; `None` is the default of new folders.
    pub group: Option<u32>,
}

/// A file to write. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Path relative to the target.
    pub path: PathBuf,
    /// Content, possibly a private key.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Permission bits.
    pub mode: u32,
    /// Group id; `None` is the default of new files.
    pub group: Option<u32>,
}

impl fmt::Debug for PlannedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes, {:04o})", self.path.display(), self.bytes.len(), self.mode)
    }
}

/// The planned content of a folder. Entries of the target outside the owned paths are carried over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderPlan {
    /// The folders below the target.
    pub dirs: Vec<PlannedDir>,
    /// The files, the identity's certificate first.
    pub files: Vec<PlannedFile>,
    /// The files and folders that fabcert owns: replaced, or removed when not planned.
    pub owned: Vec<PathBuf>,
}

impl FolderPlan {
    /// The path of the identity's certificate.
    pub fn certificate(&self) -> &Path {
        self.files.first().map_or_else(|| Path::new(""), |file| &file.path)
    }

    /// Adds a folder unless it is there.
    pub(crate) fn dir(&mut self, path: &str, mode: u32) {
        if !self.dirs.iter().any(|d| d.path == Path::new(path)) {
            self.dirs.push(PlannedDir { path: path.into(), mode, group: None });
        }
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>, mode: u32) {
        self.files.push(PlannedFile { path: path.into(), bytes: Zeroizing::new(bytes.into()), mode, group: None });
    }

    /// Adds a file with the permissions `access`.
    pub(crate) fn private_file(&mut self, path: impl Into<PathBuf>, bytes: Zeroizing<Vec<u8>>, access: KeyAccess) {
        self.files.push(PlannedFile { path: path.into(), bytes, mode: access.mode, group: access.group });
    }

    /// The resulting tree, with `carried` added.
    pub(crate) fn over(&self, carried: &MemoryFolder) -> MemoryFolder {
        let mut tree = carried.clone();
        self.owned.iter().for_each(|path| tree.remove(path));
        self.dirs.iter().for_each(|dir| tree.insert_folder(&dir.path));
        self.files.iter().for_each(|file| tree.insert(&file.path, file.bytes.to_vec()));
        tree
    }
}
