//! A folder that lists each folder and reads each file once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::disk::{FolderEntry, FolderReader, clean};

type Known<T> = RefCell<BTreeMap<PathBuf, Result<T, Arc<io::Error>>>>;

/// Remembers the entries of the folders and the content of the files.
pub(crate) struct ReadOnce<'a> {
    folder: &'a dyn FolderReader,
    listed: Known<Vec<FolderEntry>>,
    read: Known<Zeroizing<Vec<u8>>>,
}

impl<'a> ReadOnce<'a> {
    /// The folder, of which nothing is read yet.
    pub(crate) fn new(folder: &'a dyn FolderReader) -> Self {
        Self { folder, listed: RefCell::default(), read: RefCell::default() }
    }
}

/// An error that is given more than once. Most are of files that may be missing: nobody reads their text.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Again(Arc<io::Error>);

fn once<T: Clone>(known: &Known<T>, path: &Path, read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut known = known.borrow_mut();
    let content = known.entry(clean(path)).or_insert_with(|| read().map_err(Arc::new));
    content.clone().map_err(|e| io::Error::new(e.kind(), Again(e)))
}

impl FolderReader for ReadOnce<'_> {
    fn list(&self, dir: &Path) -> io::Result<Vec<FolderEntry>> {
        once(&self.listed, dir, || self.folder.list(dir))
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        once(&self.read, file, || self.folder.read(file))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A folder that holds `a`, and counts what is asked of it.
    #[derive(Default)]
    struct Counting(Cell<usize>);

    impl FolderReader for Counting {
        fn list(&self, dir: &Path) -> io::Result<Vec<FolderEntry>> {
            self.0.set(self.0.get() + 1);
            Err(io::Error::new(io::ErrorKind::NotFound, format!("no {}", dir.display())))
        }

        fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
            self.0.set(self.0.get() + 1);
            if file == Path::new("a") { Ok(Zeroizing::new(vec![1])) } else { Err(io::ErrorKind::NotFound.into()) }
        }
    }

    #[test]
    fn what_was_read_or_is_missing_is_not_asked_for_again() {
        let counting = Counting::default();
        let folder = ReadOnce::new(&counting);
        for path in ["a", "./a"] {
            assert_eq!(*folder.read(Path::new(path)).unwrap(), [1]);
            assert_eq!(folder.read(Path::new("b")).unwrap_err().kind(), io::ErrorKind::NotFound);
            let missing = folder.list(Path::new("c")).unwrap_err();
            assert_eq!((missing.kind(), missing.to_string().as_str()), (io::ErrorKind::NotFound, "no c"));
        }
        assert_eq!(counting.0.get(), 3);
    }
}
