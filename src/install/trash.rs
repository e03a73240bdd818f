//! Sets on their way out: moved to a name of their own before they are removed, so that nothing half removed has the
//! name of a set.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::disk::{Disk, FsError};

const TRASH: &str = "trash";

/// Whether this module uses `name` in the state folder.
pub(super) fn is_own_name(name: &str) -> bool {
    name.strip_prefix(TRASH).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// A free path in the state folder for a set that goes.
pub(super) fn free(disk: &Disk, state: &Path) -> Result<PathBuf, FsError> {
    let mut path = state.join(TRASH);
    let mut number = 0;
    while disk.metadata(&path)?.is_some() {
        number += 1;
        path = state.join(format!("{TRASH}-{number}"));
    }
    Ok(path)
}

/// Removes a set that was moved to a free path. NFS keeps a file that a reader has open under another name (`.nfs...`),
/// so that its folder is not empty: it stays until a later run.
pub(super) fn remove(disk: &Disk, path: &Path) -> Result<(), FsError> {
    match disk.remove_tree(path) {
        Err(e) if e.is(Errno::NOTEMPTY) || e.is(Errno::BUSY) => Ok(()),
        done => done,
    }
}

/// Removes what earlier runs moved away.
pub(super) fn empty(disk: &Disk, state: &Path) -> Result<(), FsError> {
    for name in disk.read_dir(state)? {
        if name.to_str().is_some_and(is_own_name) {
            remove(disk, &state.join(name))?;
        }
    }
    Ok(())
}
