//! Finding and reading the policy and the baseline.

use std::io::BufReader;
use std::path::{Component, Path, PathBuf};

use super::args::{AuditArgs, PolicyArgs};
use crate::audit::input::LoadOptions;
use crate::disk::Disk;
use crate::manifests::Variables;
use crate::policy::{Baseline, POLICY_FILE, Policy};
use crate::text::Pattern;
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
    let folder_of = |path: &Path| path.parent().map_or_else(|| here.to_owned(), cleaned);
    let (mut policy, base) = match found {
        None => (Policy::default(), here.to_owned()),
        // It is yet to be written.
        Some(path) if args.policy.init => (Policy::default(), folder_of(&path)),
        Some(path) => {
            let base = folder_of(&path);
            let shown = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
            let bytes = read(disk, &path, "fabcert audit --init writes one from what it finds")?;
            let text = String::from_utf8(bytes).map_err(|_| {
                Error::new(ErrorKind::Input, format!("{} is no UTF-8 text", path.display()))
                    .with_help("write it as UTF-8")
            })?;
            (Policy::parse(&text, &shown).map_err(|e| e.in_file(&path))?, base)
        }
    };
    if args.connect.connect.is_empty() && args.connect.member.is_empty() {
        let now = args.judge.at.unwrap_or_else(crate::cli::now);
        let load = LoadOptions { base: base.clone(), here: here.to_owned(), variables: Variables::new() };
        let mapped =
            args.members.tls_of.iter().filter_map(|text| text.split_once('=')).map(|(_, path)| Path::new(path));
        let paths = args.paths.iter().map(PathBuf::as_path).chain(mapped);
        // The policy has findings of its own.
        let looked_at: Vec<PathBuf> = paths.map(|path| fixed(&load.shown(path))).chain([policy.path.clone()]).collect();
        // An audit of a part says nothing about an ignore for another, unless its day has passed.
        policy.ignore.retain(|ignore| {
            ignore.is_over(now) || ignore.path.as_ref().is_none_or(|p| meets(&fixed(p.as_str().as_ref()), &looked_at))
        });
    }
    for text in &args.exclude {
        let pattern = Pattern::parse(text).map_err(|e| {
            Error::new(ErrorKind::Usage, format!("--exclude: {e}"))
                .with_help("write it relative to the working directory")
        })?;
        policy.exclude.push(pattern);
    }
    Ok((policy, base))
}

/// A file that was named; one that is none is input that cannot be used, as a PATH is.
fn read(disk: &Disk, path: &Path, help: &str) -> Result<Vec<u8>, Error> {
    let unusable = |why| Error::new(ErrorKind::Input, format!("{} {why}", path.display())).with_help(help);
    disk.read(path, LIMIT).map_err(|e| match e.io_kind() {
        std::io::ErrorKind::NotFound => unusable("does not exist"),
        std::io::ErrorKind::IsADirectory => unusable("is a folder, and a file is expected"),
        _ => e.into(),
    })
}

/// The path without `..`, links not resolved: what is shown is cut the same way.
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

/// What stands before the first wildcard or placeholder of a pattern.
fn fixed(pattern: &Path) -> PathBuf {
    let is_fixed = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '{']);
    pattern.components().filter(|part| *part != Component::CurDir).take_while(is_fixed).collect()
}

/// Whether one path leads to the other.
fn meets(pattern: &Path, looked_at: &[PathBuf]) -> bool {
    looked_at.iter().any(|path| path.starts_with(pattern) || pattern.starts_with(path))
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
pub(super) fn baseline(disk: &Disk, args: &PolicyArgs, load: &LoadOptions) -> Result<Option<Baseline>, Error> {
    let Some(path) = &args.baseline else { return Ok(None) };
    // One of very many findings is long, and is not needed whole.
    if let Ok(Some(file)) = disk.open_regular(path) {
        return Baseline::parse(BufReader::new(file), path).map(|known| Some(known.at(load.shown(path))));
    }
    let bytes = read(disk, path, "write one with fabcert audit --write-baseline FILE")?;
    Baseline::parse(bytes.as_slice(), path).map(|known| Some(known.at(load.shown(path))))
}
