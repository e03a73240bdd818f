//! A readable folder, on disk or in memory, so that the code that reads and judges MSP folders does not touch the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

/// The kind of an entry, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, or a dangling link, which cannot be read.
    File,
    /// A folder.
    Folder,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// The name, without a path.
    pub name: OsString,
    /// The kind.
    pub kind: EntryKind,
}

/// A folder that can be read. Every path is relative to it.
pub trait FolderReader {
    /// The entries of `dir`, in any order. An absent folder is [`io::ErrorKind::NotFound`].
    ///
    /// # Errors
    /// When `dir` is absent, not a folder, or cannot be read.
    fn list(&self, dir: &Path) -> io::Result<Vec<FolderEntry>>;

    /// The content of `file`, links followed. An absent file is [`io::ErrorKind::NotFound`]; a folder is another error.
    ///
    /// # Errors
    /// When `file` is absent, a folder, or cannot be read.
    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>>;
}

/// A folder in memory. `Debug` shows paths and sizes, never content.
#[derive(Clone, Default)]
pub(crate) struct MemoryFolder {
    files: BTreeMap<PathBuf, Zeroizing<Vec<u8>>>,
    folders: BTreeSet<PathBuf>,
}

impl MemoryFolder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a file and the folders above it; replaces an existing entry.
    pub(crate) fn insert(&mut self, file: impl AsRef<Path>, content: impl Into<Vec<u8>>) {
        self.files.insert(clean(file.as_ref()), Zeroizing::new(content.into()));
    }

    /// Adds an empty folder.
    pub(crate) fn insert_folder(&mut self, dir: impl AsRef<Path>) {
        self.folders.insert(clean(dir.as_ref()));
    }

    /// The paths of its files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// Removes the file or folder at `path` with all its content.
    pub(crate) fn remove(&mut self, path: impl AsRef<Path>) {
        let path = clean(path.as_ref());
        self.files.retain(|f, _| !f.starts_with(&path));
        self.folders.retain(|d| !d.starts_with(&path));
    }

    /// Copies the file `path` of `from`, or the folder with its files, to the same path here. Leaves out folders in it,
    /// which Fabric ignores, and files that cannot be read.
    pub(crate) fn copy_from(&mut self, from: &dyn FolderReader, path: &Path) {
        let mut files = vec![path.to_owned()];
        if let Ok(entries) = from.list(path) {
            self.insert_folder(path);
            files = entries.into_iter().filter(|e| e.kind == EntryKind::File).map(|e| path.join(e.name)).collect();
        }
        for file in files {
            if let Ok(content) = from.read(&file) {
                self.insert(&file, content.to_vec());
            }
        }
    }
}

impl FolderReader for MemoryFolder {
    fn list(&self, dir: &Path) -> io::Result<Vec<FolderEntry>> {
        let dir = clean(dir);
        if self.files.contains_key(&dir) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let mut names: BTreeMap<OsString, EntryKind> = BTreeMap::new();
        for (path, leaf) in
            self.files.keys().map(|f| (f, EntryKind::File)).chain(self.folders.iter().map(|d| (d, EntryKind::Folder)))
        {
            let Ok(below) = path.strip_prefix(&dir) else { continue };
            let mut parts = below.components();
            if let Some(Component::Normal(name)) = parts.next() {
                let kind = if parts.next().is_some() { EntryKind::Folder } else { leaf };
                names.insert(name.to_owned(), kind);
            }
        }
        if names.is_empty() && !self.folders.contains(&dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(names.into_iter().map(|(name, kind)| FolderEntry { name, kind }).collect())
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        let file = clean(file);
        match self.files.get(&file) {
            Some(content) => Ok(content.clone()),
            None if self.list(&file).is_ok() => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl fmt::Debug for MemoryFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.files.iter().map(|(path, content)| (path, content.len()));
        f.debug_map().entries(sizes).entries(self.folders.iter().map(|d| (d, "folder"))).finish()
    }
}

/// Cleans `path` as Go's `filepath.Join(dir, path)` does below `dir`: relative even with a leading `/`, without `.`,
/// and with `..` resolved lexically. A path that leaves the folder keeps its leading `..`.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::ParentDir => out.push(".."),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_in_go() {
        for (text, expected) in [
            ("/cacerts/ca.pem", "cacerts/ca.pem"),
            ("./a/../b", "b"),
            ("../x", "../x"),
            ("a/../../x", "../x"),
            ("", ""),
        ] {
            assert_eq!(clean(Path::new(text)), Path::new(expected), "{text}");
        }
    }

    #[test]
    fn a_folder_in_memory_answers_as_the_disk() {
        let mut folder = MemoryFolder::new();
        folder.insert("cacerts/ca.pem", "x");
        folder.insert_folder("admincerts");
        let kind = |r: io::Result<Vec<FolderEntry>>| r.map_err(|e| e.kind());
        assert_eq!(kind(folder.list(Path::new("admincerts"))), Ok(Vec::new()));
        assert_eq!(kind(folder.list(Path::new("crls"))), Err(io::ErrorKind::NotFound));
        assert_eq!(kind(folder.list(Path::new("cacerts/ca.pem"))), Err(io::ErrorKind::NotADirectory));
        let top: Vec<OsString> = folder.list(Path::new("")).unwrap().into_iter().map(|e| e.name).collect();
        assert_eq!(top, ["admincerts", "cacerts"]);
        assert_eq!(folder.read(Path::new("cacerts")).map_err(|e| e.kind()), Err(io::ErrorKind::IsADirectory));
        folder.remove("cacerts");
        assert_eq!(folder.read(Path::new("cacerts/ca.pem")).map_err(|e| e.kind()), Err(io::ErrorKind::NotFound));
        assert!(!format!("{folder:?}").contains('x'));
    }
}
