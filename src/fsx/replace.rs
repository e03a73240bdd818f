//! One file, replaced whole.

use std::path::Path;

use super::{Disk, FsError};

impl Disk {
    /// Writes `bytes` beside `path` and renames it there: a reader sees the old content or the new.
    ///
    /// # Errors
    /// When a step fails; `path` is then as it was.
    pub fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".fabcert-new");
        let staged = path.with_file_name(name);
        if self.metadata(&staged)?.is_some() {
            self.remove_file(&staged)?;
        }
        self.write_new(&staged, bytes, mode)?;
        self.sync(&staged)?;
        self.rename(&staged, path)
    }
}
