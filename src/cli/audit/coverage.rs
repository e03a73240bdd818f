//! Manifests as arguments of an audit, and fixing them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::coverage::Fix;
use crate::disk::Disk;
use crate::manifests::{Addition, Variables, with_names};
use crate::{Error, ErrorKind};

/// Larger files were no manifests.
const LIMIT: usize = 64 * 1024 * 1024;

/// The workload and the path of `--tls-of WORKLOAD=PATH`.
pub(super) fn tls_of(text: &str) -> Result<(&str, &str), Error> {
    match text.split_once('=') {
        Some((workload, path)) if !workload.is_empty() && !path.is_empty() => Ok((workload, path)),
        _ => Err(Error::new(ErrorKind::Usage, format!("--tls-of \"{text}\" is no WORKLOAD=PATH"))
            .with_help("write it as --tls-of org1-peer1=organizations/.../org1-peer1/tls")),
    }
}

/// Adds names to the files; says how many to how many files. What cannot be added is reported.
pub(super) fn fix(
    disk: &Disk,
    fixes: &BTreeMap<PathBuf, Fix>,
    base: &std::path::Path,
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
