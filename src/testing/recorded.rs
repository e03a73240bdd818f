//! The MSP folders of `testdata/msp`, which the real client wrote.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::Timestamp;
use crate::disk::{Disk, DiskFolder, FolderReader as _, MemoryFolder};

static DISK: LazyLock<Disk> = LazyLock::new(Disk::real);

/// The day on which the folders were recorded.
pub(crate) fn day() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-23T12:00:00Z").unwrap()
}

/// The folder at `path`.
pub(crate) fn folder(path: impl Into<PathBuf>) -> DiskFolder<'static> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/msp");
    DiskFolder::new(&DISK, all.join(path.into()))
}

/// A copy that a test may change.
pub(crate) fn in_memory(path: impl Into<PathBuf>) -> MemoryFolder {
    let folder = folder(path);
    let mut copy = MemoryFolder::new();
    for entry in folder.list(Path::new("")).unwrap() {
        copy.copy_from(&folder, Path::new(&entry.name));
    }
    copy
}
