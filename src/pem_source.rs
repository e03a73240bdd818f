//! PEM text in a file or in memory, as requests name it.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::disk::Disk;
use crate::{Error, Secret};

/// PEM text in a file or in memory. `Debug` shows the path, never the content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemSource {
    /// In a file.
    File(PathBuf),
    /// In memory.
    Given(Secret),
}

impl PemSource {
    /// Reads the PEM text.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(&self, disk: &Disk, limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        Ok(match self {
            Self::File(path) => disk.read_secret(path, limit)?,
            Self::Given(pem) => Zeroizing::new(pem.expose().as_bytes().to_vec()),
        })
    }

    /// The source, for messages.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Given(_) => "the PEM text given".to_owned(),
        }
    }
}

impl From<PathBuf> for PemSource {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}
