//! Finding and reading the policy and the baseline.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::args::{AuditArgs, PolicyArgs};
use crate::audit::{Baseline, POLICY_FILE, Pattern, Policy};
use crate::fsx::Disk;
use crate::{Error, ErrorKind};

/// Larger files are none of ours.
const LIMIT: usize = 64 * 1024 * 1024;

/// The policy, and the folder that paths are relative to: the policy file's, else the working directory.
pub(super) fn policy(disk: &Disk, args: &AuditArgs, here: &Path) -> Result<(Policy, PathBuf), Error> {
    let found = match &args.policy.policy {
        Some(path) => Some(here.join(path)),
        None if args.policy.no_policy || args.policy.init => None,
        None => nearest(disk, here)?,
    };
    let (mut policy, base) = match found {
        None => (Policy::default(), here.to_owned()),
        Some(path) => {
            let base = path.parent().map_or_else(|| here.to_owned(), Path::to_owned);
            let shown = path.strip_prefix(&base).unwrap_or(&path).to_owned();
            let bytes = disk.read(&path, LIMIT)?;
            let text = String::from_utf8(bytes).map_err(|_| {
                Error::new(ErrorKind::Input, format!("{} is no UTF-8 text", path.display()))
                    .with_help("write it as UTF-8")
            })?;
            (Policy::parse(&text, &shown).map_err(|e| e.in_file(&path))?, base)
        }
    };
    for text in &args.exclude {
        let pattern = Pattern::parse(text).map_err(|e| {
            Error::new(ErrorKind::Usage, format!("--exclude: {e}"))
                .with_help("write it relative to the working directory")
        })?;
        policy.exclude.push(pattern);
    }
    Ok((policy, base))
}

/// `fabcert.yaml` in `here` or a folder above it, up to the root of the repository.
fn nearest(disk: &Disk, here: &Path) -> Result<Option<PathBuf>, Error> {
    for folder in here.ancestors() {
        let path = folder.join(POLICY_FILE);
        if disk.metadata_followed(&path)?.is_some() {
            return Ok(Some(path));
        }
        if disk.metadata_followed(&folder.join(".git"))?.is_some() {
            break;
        }
    }
    Ok(None)
}

/// The baseline, when one was named.
pub(super) fn baseline(disk: &Disk, args: &PolicyArgs) -> Result<Option<Baseline>, Error> {
    let Some(path) = &args.baseline else { return Ok(None) };
    // One of very many findings is long, and is not needed whole.
    let baseline = match disk.open_regular(path)? {
        Some(file) => Baseline::parse(BufReader::new(file), path),
        None => Baseline::parse(disk.read(path, LIMIT)?.as_slice(), path),
    };
    baseline.map(Some)
}
