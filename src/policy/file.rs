//! Finds and reads the policy file and the baseline file.

use std::io::BufReader;
use std::path::{Component, Path, PathBuf};

use super::baseline::Baseline;
use super::document::{POLICY_FILE, Policy};
use crate::disk::{Disk, Kind};
use crate::{Error, ErrorKind};

/// The size limit of a policy file, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

impl Policy {
    /// The `fabcert.yaml` in `here` or a folder above it, up to the root of the repository.
    pub(crate) fn nearest(disk: &Disk, here: &Path) -> Result<Option<PathBuf>, Error> {
        for folder in here.ancestors() {
            let path = folder.join(POLICY_FILE);
            match disk.metadata_followed(&path)? {
                None => {}
                // Nobody named it: it is not waited for.
                Some(found) if found.kind == Kind::Special => {
                    return Err(Error::new(ErrorKind::Io, format!("{} is not a regular file", path.display()))
                        .with_help("remove it, name another policy with --policy FILE, or use --no-policy"));
                }
                Some(_) => return Ok(Some(path)),
            }
            if disk.metadata_followed(&folder.join(".git"))?.is_some() {
                break;
            }
        }
        Ok(None)
    }

    /// Reads the policy at an absolute path, and returns it with its folder, the base of its paths.
    pub(crate) fn read(disk: &Disk, path: &Path) -> Result<(Self, PathBuf), Error> {
        let shown = path.file_name().map_or_else(|| path.to_owned(), PathBuf::from);
        let bytes = bytes(disk, path, "fabcert audit --init writes one from existing certificates")?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::new(ErrorKind::Input, format!("{} is not UTF-8 text", path.display())).with_help("write it as UTF-8")
        })?;
        Ok((Self::parse(&text, &shown).map_err(|e| e.in_file(path))?, folder_of(path)))
    }
}

impl Baseline {
    /// Reads the baseline at a path.
    pub(crate) fn read(disk: &Disk, path: &Path) -> Result<Self, Error> {
        // A baseline of many findings is long, and is not needed as a whole.
        if let Ok(Some(file)) = disk.open_regular(path) {
            return Self::parse(BufReader::new(file), path);
        }
        Self::parse(bytes(disk, path, "write one with fabcert audit --write-baseline FILE")?.as_slice(), path)
    }
}

/// The folder of a policy file at an absolute path.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| path.to_owned(), cleaned)
}

/// Reads a named file. A missing file is unusable input, as for a PATH.
fn bytes(disk: &Disk, path: &Path, help: &str) -> Result<Vec<u8>, Error> {
    let unusable = |why| Error::new(ErrorKind::Input, format!("{} {why}", path.display())).with_help(help);
    disk.read(path, LIMIT).map_err(|e| match e.io_kind() {
        std::io::ErrorKind::NotFound => unusable("does not exist"),
        std::io::ErrorKind::IsADirectory => unusable("is a folder; expected a file"),
        _ => e.into(),
    })
}

/// The path without `..`, links not resolved, as for reported paths.
fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(clean.pop()),
            other => clean.push(other),
        }
    }
    clean
}
