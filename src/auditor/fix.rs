//! Writes fixes into manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::coverage::Fix;
use crate::disk::Disk;
use crate::manifests::{Addition, Variables, with_names};

/// The size limit of a manifest, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

/// Adds names to files, whose paths are relative to `base`; returns the number of names and of changed files. What cannot
/// be added is a warning in the log.
pub(super) fn apply(
    fixes: &BTreeMap<PathBuf, Fix>,
    disk: &Disk,
    base: &Path,
    variables: &Variables,
) -> Result<(usize, usize), Error> {
    let (mut added, mut changed) = (0, 0);
    for (path, fix) in fixes {
        if path.as_os_str() == "-" {
            tracing::warn!("standard input cannot be fixed: name the files");
            continue;
        }
        let file = base.join(path);
        let Some(metadata) = disk.metadata_followed(&file)? else { continue };
        let bytes = disk.read(&file, LIMIT)?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let new = with_names(&text, &fix.additions, variables);
        let count = |additions: &[Addition]| additions.iter().map(|a| a.names.len()).sum::<usize>();
        for refused in &new.refused {
            let names = refused.names.join(", ");
            tracing::warn!("{}: a list cannot be fixed in place; add by hand: {names}", path.display());
        }
        if new.text != text {
            disk.replace(&file, new.text.as_bytes(), metadata.mode & 0o777)?;
            added += count(&fix.additions) - count(&new.refused);
            changed += 1;
        }
    }
    Ok((added, changed))
}
