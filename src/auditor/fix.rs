//! Writes fixes into manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::audit::input::LoadOptions;
use crate::coverage::Fix;
use crate::disk::{Disk, Op};
use crate::manifests::{Addition, with_names};
use crate::{Error, ErrorKind};

/// The size limit of a manifest, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

/// The result of fixes.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// The number of names that were added.
    pub(super) names: usize,
    /// The number of changed files.
    pub(super) files: usize,
    /// Why files were not changed.
    failures: Vec<Error>,
}

impl Applied {
    /// Succeeds if every file was changed.
    ///
    /// # Errors
    /// The only failure, or all of them as one.
    pub(super) fn all(self) -> Result<(), Error> {
        let mut failures = self.failures;
        match failures.len() {
            0 | 1 => failures.pop().map_or(Ok(()), Err),
            count => {
                let words = |e: &Error| match e.cause() {
                    Some(cause) => format!("{e}: {cause}"),
                    None => e.to_string(),
                };
                let reasons: Vec<String> = failures.iter().map(words).collect();
                Err(Error::new(ErrorKind::Io, format!("{count} files were not fixed: {}", reasons.join("; "))))
            }
        }
    }
}

/// Adds names to files, whose paths are relative to the base of `load`, and which must be, without links, one of `paths`
/// or below one. A name that cannot be added to a list is a warning in the log; a file that cannot be changed does not stop the
/// others.
pub(super) fn apply(fixes: &BTreeMap<PathBuf, Fix>, disk: &Disk, load: &LoadOptions, paths: &[PathBuf]) -> Applied {
    let given = paths.iter().filter(|path| path.as_os_str() != "-").map(|path| load.here.join(path));
    let within: Vec<PathBuf> = given.filter_map(|path| disk.canonical(&path).ok()).collect();
    let mut applied = Applied::default();
    for (path, fix) in fixes {
        if path.as_os_str() == "-" {
            tracing::warn!("standard input cannot be fixed: name the files");
            continue;
        }
        match one(path, fix, disk, load, &within) {
            Ok(0) => {}
            Ok(names) => {
                applied.names += names;
                applied.files += 1;
            }
            Err(failure) => applied.failures.push(failure),
        }
    }
    applied
}

/// Adds names to one file; returns their number.
fn one(path: &Path, fix: &Fix, disk: &Disk, load: &LoadOptions, within: &[PathBuf]) -> Result<usize, Error> {
    let edit = disk.edit(&load.base.join(path), within, LIMIT)?;
    let Ok(text) = std::str::from_utf8(edit.bytes()) else { return Ok(0) };
    let new = with_names(text, &fix.additions, &load.variables);
    for refused in &new.refused {
        let names = refused.names.join(", ");
        tracing::warn!("{}: a list cannot be fixed in place; add by hand: {names}", path.display());
    }
    if new.text == text {
        return Ok(0);
    }
    match disk.finish(&edit, new.text.as_bytes()) {
        // The folder alone could not be synced.
        Err(e) if e.op() == Op::Sync => {
            tracing::warn!("{}: it is fixed, but a power failure may undo that: {e}", path.display());
        }
        done => done?,
    }
    let mut count = 0;
    for Addition { of, names, .. } in fix.additions.iter().filter(|addition| !new.refused.contains(addition)) {
        tracing::info!("{}: added to the dnsNames of {}: {}", path.display(), of.by, names.join(", "));
        count += names.len();
    }
    Ok(count)
}
