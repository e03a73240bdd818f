//! The walk: finds folders and files, outer folders first, in name order. Reads only names.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::classify::{Names, is_msp, is_msp_part, tls_shape};
use super::gather::is_promising;
use super::paths::{Named, named};
use crate::Error;
use crate::disk::{Disk, Entry, Kind, Metadata, Near};
use crate::msp::TlsNames;
use crate::pki::name::SanName;

/// A unit to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// An MSP folder.
    Msp(PathBuf),
    /// A TLS folder; `None` for the layout that `fabric-ca-client` writes.
    Tls(PathBuf, Option<TlsNames>),
    /// A single file.
    File {
        /// The file.
        path: PathBuf,
        /// Whether the user named it, so that it must hold something.
        named: bool,
    },
    /// Standard input.
    Stdin(Zeroizing<Vec<u8>>),
    /// The certificates that a live endpoint served.
    Served(ServedUnit),
    /// An entry that is skipped, with the reason.
    Skipped(PathBuf, String),
    /// A folder behind a link out of the named folders, where the limit of such entries is reached.
    Cut(PathBuf),
    /// An entry that could not be inspected.
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The reason.
        why: String,
        /// Whether the user named it.
        named: bool,
    },
}

impl Unit {
    /// The path; `-` for standard input, `HOST:PORT` for an endpoint.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Msp(path)
            | Self::Tls(path, _)
            | Self::File { path, .. }
            | Self::Skipped(path, _)
            | Self::Cut(path)
            | Self::Unreadable { path, .. } => path,
            Self::Stdin(_) => Path::new("-"),
            Self::Served(served) => Path::new(&served.endpoint),
        }
    }
}

/// The certificates that a live endpoint served, as data: the audit itself does not use the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServedUnit {
    /// The name of the endpoint in reports: `HOST:PORT`.
    pub(crate) endpoint: String,
    /// The served certificates, the server's own first; DER.
    pub(crate) chain: Vec<Vec<u8>>,
    /// The trust anchors of clients (PEM). If empty, trust is not judged.
    pub(crate) anchors: Vec<u8>,
    /// The dialled name, if the certificate must hold it.
    pub(crate) dialled: Option<SanName>,
    /// For the endpoint of a gateway: the number of this member, from 1, and the number of members.
    pub(crate) member_of: Option<(usize, usize)>,
}

/// The paths to walk.
#[derive(Clone, Copy)]
pub(crate) struct WalkOptions<'a> {
    /// Files, folders and patterns; an existing path is never a pattern. `-` is standard input.
    pub(crate) paths: &'a [PathBuf],
    /// Returns whether a path below them is excluded.
    pub(crate) excluded: &'a (dyn Fn(&Path) -> bool + Sync),
}

impl std::fmt::Debug for WalkOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalkOptions").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// The reason for skipping a special file.
pub(super) const SPECIAL: &str = "it is a device, a pipe or a socket, and was not opened";
/// The reason for a dangling link.
pub(super) const DANGLING: &str = "the link target does not exist";

/// The most entries that are looked at behind links out of the named folders: one may lead to `/`.
pub(super) const MOST_OUTSIDE: usize = 10_000;

/// A walk over paths that exist.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    disk: &'a Disk,
    options: WalkOptions<'a>,
    named: Vec<Named>,
}

impl<'a> Walk<'a> {
    /// Resolves the named paths.
    ///
    /// # Errors
    /// If a path does not exist and matches nothing as a pattern.
    pub(crate) fn new(disk: &'a Disk, options: WalkOptions<'a>) -> Result<Self, Error> {
        Ok(Self { disk, options, named: named(disk, options.paths, options.excluded)? })
    }

    /// Walks, and passes every unit to `found` in a stable order. Each folder is visited once, by the first path that
    /// leads to it.
    pub(crate) fn run(self, found: &mut dyn FnMut(Unit)) {
        let ids = self.named.iter().filter_map(|n| if let Named::Dir(_, id) = n { Some(*id) } else { None }).collect();
        let folders = self.named.iter().filter_map(|n| if let Named::Dir(path, _) = n { Some(path) } else { None });
        let mut visit = Visit {
            disk: self.disk,
            excluded: self.options.excluded,
            named: ids,
            roots: folders.filter_map(|path| self.disk.canonical(path).ok()).collect(),
            left: Some(MOST_OUTSIDE),
            seen: HashSet::new(),
            near: None,
        };
        for named in self.named {
            match named {
                Named::Dir(path, _) => visit.tree(path, found),
                Named::File(path) => found(Unit::File { path, named: true }),
                Named::Stdin => found(Unit::Stdin(Zeroizing::default())),
                Named::Special(path) => found(Unit::Skipped(path, SPECIAL.to_owned())),
                Named::Unreadable(path, why) => found(Unit::Unreadable { path, why, named: true }),
            }
        }
    }
}

/// Walks, and passes every unit to `found` in a stable order.
///
/// # Errors
/// If a named path does not exist.
pub(crate) fn walk(disk: &Disk, options: &WalkOptions<'_>, found: &mut dyn FnMut(Unit)) -> Result<(), Error> {
    Walk::new(disk, *options)?.run(found);
    Ok(())
}

/// The identity of a folder in its file system, independent of its path.
pub(super) type FolderId = (u64, u64);

pub(super) const fn folder_id(found: &Metadata) -> FolderId {
    (found.device, found.inode)
}

struct Visit<'a> {
    disk: &'a Disk,
    excluded: &'a (dyn Fn(&Path) -> bool + Sync),
    named: HashSet<FolderId>,
    /// The named folders, links resolved.
    roots: Vec<PathBuf>,
    /// The number of entries out of them that may still be looked at; `None` after one more was found.
    left: Option<usize>,
    seen: HashSet<FolderId>,
    near: Option<Near>,
}

/// A folder to visit, and whether a link out of the named folders led to it.
type Pending = (PathBuf, bool);

impl Visit<'_> {
    /// Walks a folder and all folders below it. A stack of pending folders replaces recursion: trees may be thousands
    /// of levels deep.
    fn tree(&mut self, top: PathBuf, found: &mut dyn FnMut(Unit)) {
        let mut open = vec![(top, false)];
        while let Some((dir, is_outside)) = open.pop() {
            if is_outside && self.left.is_none() {
                continue;
            }
            let below = self.folder(&dir, is_outside, found);
            // The last pushed folder is visited next.
            open.extend(below.into_iter().rev());
        }
    }

    /// Visits one folder; returns its pending sub-folders.
    fn folder(&mut self, dir: &Path, is_outside: bool, found: &mut dyn FnMut(Unit)) -> Vec<Pending> {
        let opened = self.disk.open_folder_near(dir, &mut self.near);
        let id = match &opened {
            Ok(folder) => folder_id(folder.metadata()),
            // The entries of an unreadable folder may still be readable.
            Err(_) => match self.disk.metadata_followed(dir) {
                Ok(Some(metadata)) => folder_id(&metadata),
                // The folder was removed meanwhile.
                Ok(None) => return Vec::new(),
                Err(e) => {
                    found(Unit::Unreadable { path: dir.to_owned(), why: e.to_string(), named: false });
                    return Vec::new();
                }
            },
        };
        // A link to a folder above would never end.
        if !self.seen.insert(id) {
            return Vec::new();
        }
        let entries = match opened.and_then(|folder| folder.entries()) {
            Ok(entries) => entries,
            Err(e) if e.io_kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(e) => {
                let named = self.named.contains(&id);
                found(Unit::Unreadable { path: dir.to_owned(), why: e.to_string(), named });
                return Vec::new();
            }
        };
        if is_outside {
            self.left = self.left.and_then(|left| left.checked_sub(entries.len()));
            if self.left.is_none() {
                found(Unit::Cut(dir.to_owned()));
                return Vec::new();
            }
        }
        let links: HashSet<_> = entries.iter().filter(|e| e.kind == Kind::Link).map(|e| e.name.clone()).collect();
        let names = self.sort(dir, entries, found);
        let tls = tls_shape(self.disk, dir, &names);
        let wanted = self.named.contains(&id);
        let msp = is_msp(dir, wanted, &names, tls.is_some()) && (wanted || !self.is_of_a_ca_server(dir));
        if msp {
            found(Unit::Msp(dir.to_owned()));
        }
        if let Some(shape) = tls {
            found(Unit::Tls(dir.to_owned(), shape.names()));
        }
        let is_held = |name: &OsStr| msp || tls.is_some_and(|shape| shape.holds(name));
        for name in names.files.iter().filter(|n| !is_held(n)) {
            found(Unit::File { path: dir.join(name), named: false });
        }
        let whole = msp || tls.is_some();
        let below = names.folders.iter().filter(|n| !(whole && is_msp_part(n)));
        let pending = |name: &OsString| {
            let path = dir.join(name);
            let leads_out = is_outside || links.contains(name) && self.leads_out(&path);
            (path, leads_out)
        };
        below.map(pending).collect()
    }

    fn leads_out(&self, path: &Path) -> bool {
        self.disk.canonical(path).is_ok_and(|path| !self.roots.iter().any(|root| path.starts_with(root)))
    }

    /// Whether `dir` holds the keys of a fabric-ca-server (`lib/serverconfig.go`): no node reads that folder as its
    /// MSP, and it contains no certificates.
    fn is_of_a_ca_server(&self, dir: &Path) -> bool {
        let config = dir.parent().map(|home| home.join("fabric-ca-server-config.yaml"));
        config.is_some_and(|config| self.disk.metadata(&config).is_ok_and(|found| found.is_some()))
    }

    /// Separates the entries of `dir` into files and folders, and reports all others.
    fn sort(&self, dir: &Path, entries: Vec<Entry>, found: &mut dyn FnMut(Unit)) -> Names {
        let mut names = Names::default();
        for entry in entries {
            if is_ours_or_the_kubelets(&entry.name) {
                continue;
            }
            let path = dir.join(&entry.name);
            if (self.excluded)(&path) {
                continue;
            }
            let kind = match entry.kind {
                Kind::Link => match self.disk.metadata_followed(&path) {
                    Ok(Some(m)) => m.kind,
                    Ok(None) => {
                        if is_promising(&path) {
                            found(Unit::Unreadable { path, why: DANGLING.to_owned(), named: false });
                        }
                        continue;
                    }
                    Err(e) => {
                        found(Unit::Unreadable { path, why: e.to_string(), named: false });
                        continue;
                    }
                },
                kind => kind,
            };
            match kind {
                Kind::Dir => names.folders.push(entry.name),
                Kind::File => names.files.push(entry.name),
                Kind::Link | Kind::Special => found(Unit::Skipped(path, SPECIAL.to_owned())),
            }
        }
        names
    }
}

/// The kubelet's `..data` and its generations are reached through the links beside them; the state of fabcert holds no
/// certificate to audit; version control holds past contents.
pub(super) fn is_ours_or_the_kubelets(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("..")
        || name == ".fabcert"
        || (name.starts_with('.') && name.ends_with(".fabcert"))
        || name == ".git"
}
