//! The kind of a folder, from the names in it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::disk::Disk;
use crate::msp::{MSP_PARTS, TlsNames};

/// The names in a folder, links followed.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) files: Vec<OsString>,
    pub(super) folders: Vec<OsString>,
}

/// Whether a folder has the name of an MSP part, in any letter case.
pub(super) fn is_msp_part(folder: &OsStr) -> bool {
    MSP_PARTS.iter().any(|p| folder.eq_ignore_ascii_case(p))
}

/// Whether a folder is an MSP: one that the user named and that is called `msp`, or one that holds an MSP part and is
/// not a TLS folder.
pub(super) fn is_msp(dir: &Path, is_named: bool, names: &Names, is_tls: bool) -> bool {
    let called_msp = is_named && dir.file_name().is_some_and(|n| n == "msp");
    called_msp || (!is_tls && names.folders.iter().any(|f| is_msp_part(f)))
}

/// The layout of a TLS folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsShape {
    /// Certificate, key and anchors in files with these names.
    Files(TlsNames),
    /// The layout that `fabric-ca-client` writes after an enrolment with the profile `tls`: an MSP folder with an empty
    /// `cacerts` and the root in `tlscacerts`.
    GoClient,
}

impl TlsShape {
    pub(super) const fn names(self) -> Option<TlsNames> {
        match self {
            Self::Files(names) => Some(names),
            Self::GoClient => None,
        }
    }

    /// Whether the file with this name belongs to the layout.
    pub(super) fn holds(self, name: &OsStr) -> bool {
        self.names().is_some_and(|n| [n.certificate(), n.key(), n.ca()].iter().any(|own| name == *own))
    }
}

/// The layout of a folder, if it is a TLS folder.
pub(super) fn tls_shape(disk: &Disk, dir: &Path, names: &Names) -> Option<TlsShape> {
    for shape in [TlsNames::Fabric, TlsNames::K8s] {
        let exists = |name: &str| names.files.iter().any(|n| n == name);
        // A key beside anchors belongs to a server whose certificate is missing.
        if exists(shape.certificate()) || exists(shape.key()) && exists(shape.ca()) {
            return Some(TlsShape::Files(shape));
        }
    }
    let holds = |name: &str| {
        names.folders.iter().any(|n| n == name) && disk.list(&dir.join(name)).is_ok_and(|entries| !entries.is_empty())
    };
    // A misspelt `cacerts` is a fault of an MSP, so the folder is not a TLS folder.
    let is_misspelt = |n: &OsString| n != "cacerts" && n.eq_ignore_ascii_case("cacerts");
    let has_roots = holds("cacerts") || names.folders.iter().any(is_misspelt);
    (holds("signcerts") && holds("tlscacerts") && !has_roots).then_some(TlsShape::GoClient)
}
