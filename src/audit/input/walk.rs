//! The walk: folders and files to look at, outermost and first by name first. Nothing is read but names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::classify::{is_msp, tls_files};
use crate::fsx::{Disk, Kind};
use crate::msp::TlsNames;
use crate::{Error, ErrorKind};

/// One thing to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// An MSP folder.
    Msp(PathBuf),
    /// A TLS folder; `None` for the shape in which `fabric-ca-client` leaves one.
    Tls(PathBuf, Option<TlsNames>),
    /// A file on its own.
    File {
        /// The file.
        path: PathBuf,
        /// Whether the user named it, so that it must hold something.
        named: bool,
    },
    /// Something that is passed over, and why.
    Skipped(PathBuf, String),
    /// Something that could not be looked at, and why.
    Unreadable(PathBuf, String),
}

/// What to walk over.
#[derive(Clone, Debug, Default)]
pub struct WalkOptions {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
}

/// Walks, and hands every unit to `found` in a stable order.
///
/// # Errors
/// When one of the paths that were named does not exist.
pub fn walk(disk: &Disk, options: &WalkOptions, found: &mut dyn FnMut(Unit)) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for path in &options.paths {
        match disk.metadata_followed(path) {
            Ok(Some(m)) if m.kind == Kind::Dir => visit(disk, path, true, &mut seen, found),
            Ok(Some(m)) if m.kind == Kind::File => found(Unit::File { path: path.clone(), named: true }),
            Ok(Some(_)) => found(Unit::Skipped(path.clone(), "it is no file and no folder".to_owned())),
            Ok(None) => {
                return Err(Error::new(ErrorKind::Input, format!("{} does not exist", path.display()))
                    .with_help("name files or folders that hold certificates"));
            }
            Err(e) => found(Unit::Unreadable(path.clone(), e.to_string())),
        }
    }
    Ok(())
}

fn visit(disk: &Disk, dir: &Path, named: bool, seen: &mut HashSet<PathBuf>, found: &mut dyn FnMut(Unit)) {
    match disk.canonical(dir) {
        Ok(real) => {
            if !seen.insert(real) {
                return;
            }
        }
        Err(e) => return found(Unit::Unreadable(dir.to_owned(), e.to_string())),
    }
    let names = match disk.read_dir(dir) {
        Ok(names) => names,
        Err(e) => return found(Unit::Unreadable(dir.to_owned(), e.to_string())),
    };
    let mut files = Vec::new();
    let mut folders = Vec::new();
    for name in names.iter().filter(|n| !is_ours_or_the_kubelets(n)) {
        let path = dir.join(name);
        match disk.metadata_followed(&path) {
            Ok(Some(m)) if m.kind == Kind::Dir => folders.push(path),
            Ok(Some(m)) if m.kind == Kind::File => files.push(path),
            Ok(Some(_)) => found(Unit::Skipped(path, "it is a device, a pipe or a socket".to_owned())),
            Ok(None) => found(Unit::Unreadable(path, "the link leads nowhere".to_owned())),
            Err(e) => found(Unit::Unreadable(path, e.to_string())),
        }
    }
    let tls = tls_files(disk, dir, &files, &folders);
    let msp = is_msp(dir, named, &folders, tls.is_some());
    if msp {
        found(Unit::Msp(dir.to_owned()));
    }
    if let Some(names) = &tls {
        found(Unit::Tls(dir.to_owned(), *names));
    }
    if !msp && tls.is_none() {
        for path in files {
            found(Unit::File { path, named: false });
        }
    }
    for folder in folders {
        if !((msp || tls.is_some()) && super::classify::is_msp_part(&folder)) {
            visit(disk, &folder, false, seen, found);
        }
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
