//! The walk: folders and files to look at, outermost and first by name first. Nothing is read but names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::super::policy::Pattern;
use super::classify::{is_msp, is_msp_part, tls_files};
use crate::fsx::{Disk, Kind};
use crate::msp::TlsNames;
use crate::name::SanName;
use crate::{Error, ErrorKind};

/// One thing to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// An MSP folder.
    Msp(PathBuf),
    /// A TLS folder; `None` for the shape in which `fabric-ca-client` leaves one.
    Tls(PathBuf, Option<TlsNames>),
    /// A file on its own.
    File(PathBuf),
    /// Standard input, once it was read.
    Stdin(Zeroizing<Vec<u8>>),
    /// What a live endpoint served.
    Served(ServedUnit),
    /// Something that is passed over, and why.
    Skipped(PathBuf, String),
    /// Something that could not be looked at, and why.
    Unreadable(PathBuf, String),
}

/// What a live endpoint served, as it was kept: the audit itself stays off the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedUnit {
    /// How the endpoint is reported: `HOST:PORT`.
    pub endpoint: String,
    /// What was served, the server's own certificate first; DER.
    pub chain: Vec<Vec<u8>>,
    /// The anchors that clients have (PEM); empty when none were named, and nothing is said of trust then.
    pub anchors: Vec<u8>,
    /// The name that was dialled, when the certificate must hold it.
    pub dialled: Option<SanName>,
}

/// What to walk over.
#[derive(Clone, Copy)]
pub struct WalkOptions<'a> {
    /// Files and folders; `-` is standard input.
    pub paths: &'a [PathBuf],
    /// Whether a path below them is left out.
    pub excluded: &'a dyn Fn(&Path) -> bool,
}

impl std::fmt::Debug for WalkOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalkOptions").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Walks, and hands every unit to `found` in a stable order.
///
/// # Errors
/// When one of the paths that were named does not exist.
pub fn walk(disk: &Disk, options: &WalkOptions<'_>, found: &mut dyn FnMut(Unit)) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for path in options.paths {
        if path.as_os_str() == "-" {
            found(Unit::Stdin(Zeroizing::default()));
            continue;
        }
        match disk.metadata_followed(path) {
            Ok(Some(m)) if m.kind == Kind::Dir => visit(disk, path, &mut seen, options.excluded, found),
            Ok(Some(m)) if m.kind == Kind::File => found(Unit::File(path.clone())),
            Ok(Some(_)) => found(Unit::Skipped(path.clone(), "it is no file and no folder".to_owned())),
            Ok(None) if is_glob(path) => {
                let matched = expand(disk, path);
                if matched.is_empty() {
                    return Err(Error::new(ErrorKind::Input, format!("nothing matches {}", path.display()))
                        .with_help("`*` and `?` stay within a folder, `**` goes through all of them"));
                }
                for path in matched {
                    if matches!(disk.metadata_followed(&path), Ok(Some(m)) if m.kind == Kind::Dir) {
                        visit(disk, &path, &mut seen, options.excluded, found);
                    } else {
                        found(Unit::File(path));
                    }
                }
            }
            Ok(None) => {
                return Err(Error::new(ErrorKind::Input, format!("{} does not exist", path.display()))
                    .with_help("name files or folders that hold certificates"));
            }
            Err(e) => found(Unit::Unreadable(path.clone(), e.to_string())),
        }
    }
    Ok(())
}

fn is_glob(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?'])
}

/// The files and folders that a pattern names, in the order of their names. What is below a folder that matches is not
/// listed: the walk sees it.
fn expand(disk: &Disk, pattern: &Path) -> Vec<PathBuf> {
    let fixed: PathBuf = pattern.components().take_while(|c| !is_glob(Path::new(c))).collect();
    let rest = pattern.strip_prefix(&fixed).unwrap_or(pattern);
    let Ok(pattern) = Pattern::parse(&rest.to_string_lossy()) else { return Vec::new() };
    let (mut matched, mut open) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(dir) = open.pop() {
        let mut below = Vec::new();
        for name in disk.read_dir(&here(&fixed.join(&dir))).unwrap_or_default() {
            let path = dir.join(&name);
            if pattern.captures(&path).is_some() {
                matched.push(fixed.join(&path));
            } else if matches!(disk.metadata(&here(&fixed.join(&path))), Ok(Some(m)) if m.kind == Kind::Dir) {
                below.push(path);
            }
        }
        open.extend(below.into_iter().rev());
    }
    matched
}

/// The working directory is no empty path to the system.
fn here(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { ".".into() } else { path.to_owned() }
}

/// A folder and all below it. A list of folders still to be seen stands in for recursion: trees may be thousands of levels
/// deep.
fn visit(
    disk: &Disk,
    top: &Path,
    seen: &mut HashSet<PathBuf>,
    excluded: &dyn Fn(&Path) -> bool,
    found: &mut dyn FnMut(Unit),
) {
    let mut open = vec![(top.to_owned(), true)];
    while let Some((dir, named)) = open.pop() {
        match disk.canonical(&dir) {
            // A link that leads back to a folder above would never end.
            Ok(real) => {
                if !seen.insert(real) {
                    continue;
                }
            }
            Err(e) => {
                found(Unit::Unreadable(dir, e.to_string()));
                continue;
            }
        }
        let listed = match disk.read_dir(&dir) {
            Ok(listed) => listed,
            Err(e) => {
                found(Unit::Unreadable(dir, e.to_string()));
                continue;
            }
        };
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for path in listed.iter().filter(|n| !is_ours_or_the_kubelets(n)).map(|n| dir.join(n)) {
            if excluded(&path) {
                continue;
            }
            match disk.metadata_followed(&path) {
                Ok(Some(m)) if m.kind == Kind::Dir => folders.push(path),
                Ok(Some(m)) if m.kind == Kind::File => files.push(path),
                Ok(Some(_)) => found(Unit::Skipped(path, "it is a device, a pipe or a socket".to_owned())),
                Ok(None) => found(Unit::Unreadable(path, "the link leads nowhere".to_owned())),
                Err(e) => found(Unit::Unreadable(path, e.to_string())),
            }
        }
        let tls = tls_files(disk, &dir, &files, &folders);
        let msp = is_msp(&dir, named, &folders, tls.is_some());
        if msp {
            found(Unit::Msp(dir.clone()));
        }
        if let Some(shape) = tls {
            found(Unit::Tls(dir.clone(), shape.names()));
        }
        let whole = msp || tls.is_some();
        if !whole {
            for path in files {
                found(Unit::File(path));
            }
        }
        // The last one pushed is the next one seen.
        let below = folders.into_iter().rev().filter(|f| !(whole && is_msp_part(f)));
        open.extend(below.map(|folder| (folder, false)));
    }
}

/// The kubelet's `..data` and its generations are reached through the links beside them; fabcert's own state is nobody's
/// certificate; version control keeps what was, not what is.
fn is_ours_or_the_kubelets(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("..")
        || name == ".fabcert"
        || (name.starts_with('.') && name.ends_with(".fabcert"))
        || name == ".git"
}
