//! A folder that reads each file once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::disk::{FolderEntry, FolderReader, clean};

type Content = Result<Zeroizing<Vec<u8>>, (io::ErrorKind, String)>;

/// Caches the content of the files.
pub(super) struct ReadOnce<'a> {
    folder: &'a dyn FolderReader,
    read: RefCell<BTreeMap<PathBuf, Content>>,
}

impl<'a> ReadOnce<'a> {
    pub(super) fn new(folder: &'a dyn FolderReader) -> Self {
        Self { folder, read: RefCell::default() }
    }
}

impl FolderReader for ReadOnce<'_> {
    fn list(&self, dir: &Path) -> io::Result<Vec<FolderEntry>> {
        self.folder.list(dir)
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut read = self.read.borrow_mut();
        let content =
            read.entry(clean(file)).or_insert_with(|| self.folder.read(file).map_err(|e| (e.kind(), e.to_string())));
        content.clone().map_err(|(kind, text)| io::Error::new(kind, text))
    }
}
