//! The PEM files of one folder of an MSP, as Fabric reads them (fabric `msp/configbuilder.go`, `getPemMaterialFromDir`).

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::disk::{EntryKind, FolderReader};
use crate::pki::go::x509::first_block;

/// A file with a PEM block.
pub(super) struct PemFile {
    pub(super) path: PathBuf,
    /// The whole file.
    pub(super) content: Zeroizing<Vec<u8>>,
    /// The label of its first PEM block; only revocation lists need it.
    pub(super) label: String,
    /// The content of its first PEM block, the only one that counts.
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// A folder as Fabric reads it.
#[derive(Default)]
pub(super) struct PemFolder {
    /// In the order of their names.
    pub(super) files: Vec<PemFile>,
    /// Files that Fabric skips with a warning, and the reason.
    pub(super) skipped: Vec<(PathBuf, String)>,
}

/// Reads every file of `dir` with a PEM block, whatever its name; ignores folders in it.
///
/// # Errors
/// As [`FolderReader::list`].
pub(super) fn pem_files(folder: &dyn FolderReader, dir: &str) -> io::Result<PemFolder> {
    let mut entries = folder.list(Path::new(dir))?;
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut out = PemFolder::default();
    for entry in entries.iter().filter(|e| e.kind == EntryKind::File) {
        let path = Path::new(dir).join(&entry.name);
        match folder.read(&path) {
            Ok(content) => match first_block(&content) {
                Some(block) => out.files.push(PemFile { path, content, label: block.label, der: block.der }),
                None => out.skipped.push((path, "it holds no PEM block that Go would decode".to_owned())),
            },
            Err(e) => out.skipped.push((path, format!("it cannot be read: {e}"))),
        }
    }
    Ok(out)
}
