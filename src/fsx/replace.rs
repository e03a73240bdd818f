//! One file, replaced whole.

use std::io::{self, Write};
use std::path::Path;

use super::{Disk, FsError};

impl Disk {
    /// Writes `bytes` beside `path` and renames it there: a reader sees the old content or the new.
    ///
    /// # Errors
    /// When a step fails; `path` is then as it was.
    pub fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
        self.replaced(path, |staged| self.write_new(staged, bytes, mode))
    }

    /// Like [`Self::replace`], with bytes that `write` makes while they are written.
    ///
    /// # Errors
    /// When a step fails; `path` is then as it was.
    pub fn replace_with(
        &self,
        path: &Path,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), FsError> {
        self.replaced(path, |staged| self.write_new_with(staged, mode, write))
    }

    fn replaced(&self, path: &Path, write: impl FnOnce(&Path) -> Result<(), FsError>) -> Result<(), FsError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".fabcert-new");
        let staged = path.with_file_name(name);
        if self.metadata(&staged)?.is_some() {
            self.remove_file(&staged)?;
        }
        write(&staged)?;
        self.sync(&staged)?;
        self.rename(&staged, path)
    }
}
