//! The names of the files in an MSP folder and a TLS folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{KEYSTORE, TLS_FOLDERS};
use crate::pki::key::Ski;

/// The sub-folders by which Fabric knows an MSP.
pub(crate) const MSP_PARTS: [&str; 8] = [
    "signcerts",
    "cacerts",
    "keystore",
    "admincerts",
    "intermediatecerts",
    "tlscacerts",
    "tlsintermediatecerts",
    "crls",
];

/// The file names of an MSP folder. Fabric reads both layouts: it ignores file names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// As `fabric-ca-client enroll` names them: `signcerts/cert.pem`, `keystore/<SKI>_sk`, `cacerts/<host>-<port>.pem`.
    #[default]
    FabricCa,
    /// As `cryptogen` names them: `signcerts/<id>-cert.pem`, `keystore/priv_sk`, `cacerts/ca.<domain>-cert.pem`.
    Cryptogen,
}

impl Layout {
    /// The key's file in the layout of `cryptogen`.
    pub(crate) const CRYPTOGEN_KEY: &str = "keystore/priv_sk";
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FabricCa => "fabric-ca",
            Self::Cryptogen => "cryptogen",
        })
    }
}

/// A word that is not a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown layout \"{0}\"; expected fabric-ca or cryptogen")]
pub struct NoLayout(String);

impl FromStr for Layout {
    type Err = NoLayout;

    fn from_str(text: &str) -> Result<Self, NoLayout> {
        match text {
            "fabric-ca" => Ok(Self::FabricCa),
            "cryptogen" => Ok(Self::Cryptogen),
            _ => Err(NoLayout(text.to_owned())),
        }
    }
}

/// The names of the three files in a TLS folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsNames {
    /// `server.crt`, `server.key`, `ca.crt`, as Fabric's own samples name them.
    #[default]
    Fabric,
    /// `tls.crt`, `tls.key`, `ca.crt`, as Kubernetes Secrets of type `kubernetes.io/tls` name them.
    K8s,
}

impl TlsNames {
    /// The file of the leaf and its intermediates.
    pub const fn certificate(self) -> &'static str {
        match self {
            Self::Fabric => "server.crt",
            Self::K8s => "tls.crt",
        }
    }

    /// The file of the private key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Fabric => "server.key",
            Self::K8s => "tls.key",
        }
    }

    /// The other names.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Fabric => Self::K8s,
            Self::K8s => Self::Fabric,
        }
    }

    /// The file of the root.
    pub const fn ca(self) -> &'static str {
        "ca.crt"
    }
}

impl fmt::Display for TlsNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fabric => "fabric",
            Self::K8s => "k8s",
        })
    }
}

/// A word that is not a set of TLS file names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown TLS file names \"{0}\"; expected fabric or k8s")]
pub struct NoTlsNames(String);

impl FromStr for TlsNames {
    type Err = NoTlsNames;

    fn from_str(text: &str) -> Result<Self, NoTlsNames> {
        match text {
            "fabric" => Ok(Self::Fabric),
            "k8s" => Ok(Self::K8s),
            _ => Err(NoTlsNames(text.to_owned())),
        }
    }
}

/// Whether a private key is in the file `path` of an MSP or TLS folder.
pub(crate) fn is_key(path: &Path) -> bool {
    path.starts_with(KEYSTORE) || path.extension().is_some_and(|e| e == "key")
}

/// The CA folder of a certificate.
#[derive(Clone, Copy)]
pub(crate) enum CaFolder {
    Sign,
    Tls,
}

impl CaFolder {
    /// The folders of roots and of intermediates.
    pub(crate) const fn folders(self) -> [&'static str; 2] {
        match self {
            Self::Sign => ["cacerts", "intermediatecerts"],
            Self::Tls => TLS_FOLDERS,
        }
    }
}

/// The file names of one MSP folder, all valid as file names.
pub(crate) struct MspNames<'a> {
    layout: Layout,
    id: &'a str,
    stem: &'a str,
    tls_stem: &'a str,
}

impl<'a> MspNames<'a> {
    /// `stem` and `tls_stem` are the Go client's names for the two CAs, without `.pem`.
    ///
    /// # Errors
    /// When a name cannot be part of a file name.
    pub(crate) fn new(layout: Layout, id: &'a str, stem: &'a str, tls_stem: &'a str) -> Result<Self, FileNameError> {
        for (what, name) in [("the name of the CA", stem), ("the name of the TLS CA", tls_stem)] {
            check_file_name(what, name)?;
        }
        if layout == Layout::Cryptogen {
            check_file_name("the enrolment id", id)?;
        }
        Ok(Self { layout, id, stem, tls_stem })
    }

    pub(crate) fn signcert(&self) -> PathBuf {
        match self.layout {
            Layout::FabricCa => "signcerts/cert.pem".into(),
            Layout::Cryptogen => format!("signcerts/{}-cert.pem", self.id).into(),
        }
    }

    pub(crate) fn key(&self, ski: Ski) -> PathBuf {
        match self.layout {
            Layout::FabricCa => format!("keystore/{}", ski.key_file_name()).into(),
            Layout::Cryptogen => Layout::CRYPTOGEN_KEY.into(),
        }
    }

    pub(crate) fn root(&self, folder: CaFolder) -> PathBuf {
        match folder {
            CaFolder::Sign => format!("cacerts/{}", self.ca_file(folder, "ca", 0)).into(),
            CaFolder::Tls => format!("tlscacerts/{}", self.ca_file(folder, "tlsca", 0)).into(),
        }
    }

    /// The file of an intermediate; `index` counts from the leaf's issuer, 0.
    pub(crate) fn intermediate(&self, folder: CaFolder, index: usize) -> PathBuf {
        match folder {
            CaFolder::Sign => format!("intermediatecerts/{}", self.ca_file(folder, "ica", index)).into(),
            CaFolder::Tls => format!("tlsintermediatecerts/{}", self.ca_file(folder, "tlsica", index)).into(),
        }
    }

    fn ca_file(&self, folder: CaFolder, cryptogen: &str, index: usize) -> String {
        let (prefix, stem) = match folder {
            CaFolder::Sign => ("", self.stem),
            CaFolder::Tls => ("tls-", self.tls_stem),
        };
        match (self.layout, index) {
            (Layout::FabricCa, 0) => format!("{prefix}{stem}.pem"),
            (Layout::FabricCa, n) => format!("{prefix}{stem}-{n}.pem"),
            (Layout::Cryptogen, 0) => format!("{cryptogen}.{}-cert.pem", self.domain(stem)),
            (Layout::Cryptogen, n) => format!("{cryptogen}{n}.{}-cert.pem", self.domain(stem)),
        }
    }

    /// The id after its first dot (`peer0.org1.example.com`); without a dot the CA's name takes its place.
    fn domain<'b>(&'b self, stem: &'b str) -> &'b str {
        self.id.split_once('.').map(|(_, domain)| domain).filter(|d| !d.is_empty()).unwrap_or(stem)
    }
}

/// A name that cannot be part of a file name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, \"{name}\", cannot be part of a file name: {why}")]
pub struct FileNameError {
    what: &'static str,
    /// Escaped.
    name: String,
    why: &'static str,
}

/// File systems allow 255 bytes; the longest addition here is `tlsica.` and `-cert.pem`.
const LONGEST: usize = 200;

fn check_file_name(what: &'static str, name: &str) -> Result<(), FileNameError> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name == "." || name == ".." {
        "it is the name of a folder"
    } else if name.contains(['/', '\\']) {
        "it has a path separator"
    } else if name.chars().any(char::is_control) {
        "it has a control character"
    } else if name.len() > LONGEST {
        "it is longer than 200 bytes"
    } else {
        return Ok(());
    };
    Err(FileNameError { what, name: name.escape_default().to_string(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_layouts_agree() {
        for word in ["fabric-ca", "cryptogen"] {
            assert_eq!(word.parse::<Layout>().unwrap().to_string(), word);
        }
        for word in ["fabric", "k8s"] {
            assert_eq!(word.parse::<TlsNames>().unwrap().to_string(), word);
        }
        assert_eq!("Cryptogen".parse::<Layout>(), Err(NoLayout("Cryptogen".into())));
    }

    #[test]
    fn the_cryptogen_layout_takes_the_domain_from_the_id() {
        let names = MspNames::new(Layout::Cryptogen, "peer0.org1.example.com", "ca-7054", "tlsca-7054").unwrap();
        assert_eq!(names.root(CaFolder::Sign), PathBuf::from("cacerts/ca.org1.example.com-cert.pem"));
        assert_eq!(names.root(CaFolder::Tls), PathBuf::from("tlscacerts/tlsca.org1.example.com-cert.pem"));
        assert_eq!(names.signcert(), PathBuf::from("signcerts/peer0.org1.example.com-cert.pem"));
        assert_eq!(
            names.intermediate(CaFolder::Sign, 0),
            PathBuf::from("intermediatecerts/ica.org1.example.com-cert.pem")
        );
        assert_eq!(
            names.intermediate(CaFolder::Sign, 1),
            PathBuf::from("intermediatecerts/ica1.org1.example.com-cert.pem")
        );
        let names = MspNames::new(Layout::Cryptogen, "peer0", "ca-7054", "tlsca-7054").unwrap();
        assert_eq!(names.root(CaFolder::Tls), PathBuf::from("tlscacerts/tlsca.tlsca-7054-cert.pem"));
    }

    #[test]
    fn no_name_leaves_the_folder() {
        for bad in ["", "..", ".", "a/b", "../x", "a\\b", "a\0b", "a\nb", &"x".repeat(201)] {
            assert!(MspNames::new(Layout::FabricCa, "peer0", bad, "t").is_err(), "{bad:?}");
            assert!(MspNames::new(Layout::FabricCa, "peer0", "s", bad).is_err(), "{bad:?}");
            assert!(MspNames::new(Layout::Cryptogen, bad, "s", "t").is_err(), "{bad:?}");
        }
        // In this layout no file name has the id.
        assert!(MspNames::new(Layout::FabricCa, "org1/peer0", "s", "t").is_ok());
        assert!(MspNames::new(Layout::FabricCa, "peer0", "[--1]-7054", "t").is_ok());
    }
}
