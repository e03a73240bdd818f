//! What is audited: a file or folder with all that was found in it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::links::{Issuer, Links};
use super::verdict::Verdicts;
use crate::audit::catalogue::Rule;
use crate::manifests::Manifest;
use crate::msp::{CurrentConfig, MspWarning};
use crate::pki::name::SanName;
use crate::pki::x509::{Cert, Crl, NodeOu, SignatureCheck};

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SubjectKind {
    /// An MSP folder.
    Msp,
    /// A TLS folder.
    Tls,
    /// A file with certificates.
    Certificate,
    /// A file with a CSR.
    Csr,
    /// A file with revocation lists.
    Crl,
    /// A Kubernetes manifest.
    Manifest,
    /// A live endpoint.
    Endpoint,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file (or folder), as reported.
    pub path: PathBuf,
    /// Which PEM block, from 1; `None` for DER and for whole files.
    pub block: Option<usize>,
    /// The line of its `BEGIN`, from 1.
    pub line: Option<usize>,
}

impl Location {
    /// A whole file or folder.
    pub fn whole(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), block: None, line: None }
    }
}

/// What a certificate is there for, from where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// `signcerts/`, the first usable file: the identity.
    SignCert,
    /// `signcerts/`, further blocks or files, at which Fabric does not look.
    SignCertExtra,
    /// `cacerts/`.
    RootCa,
    /// `intermediatecerts/`.
    IntermediateCa,
    /// `admincerts/`.
    Admin,
    /// `tlscacerts/`.
    TlsRootCa,
    /// `tlsintermediatecerts/`.
    TlsIntermediateCa,
    /// The first certificate of a TLS folder's certificate file.
    Server,
    /// The certificates after it.
    ServerChain,
    /// A TLS folder's `ca.crt`.
    ServerAnchor,
    /// A file on its own; the first of it, or any that is no CA.
    Loose,
    /// What an endpoint served first.
    Served,
    /// What an endpoint served after it.
    ServedChain,
}

/// A certificate of a subject.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldCert {
    /// The certificate.
    pub cert: Cert,
    /// Where it stands.
    pub at: Location,
    /// What it is there for.
    pub place: Place,
}

impl HeldCert {
    /// Whether TLS clients meet it as a server's own certificate: the rules about names are about these.
    pub fn is_tls_leaf(&self) -> bool {
        match self.place {
            Place::Server | Place::Served => true,
            Place::Loose => !self.cert.is_ca() && !self.is_a_clients(),
            _ => false,
        }
    }

    /// Whether its file says that a client shows it: `client.crt`, as cryptogen calls the TLS pair of a user.
    fn is_a_clients(&self) -> bool {
        self.at.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("client"))
    }

    /// Whether it surely is a TLS server's own certificate: it stands as one, or says so by its extended key usage.
    pub fn is_evident_server(&self) -> bool {
        match self.place {
            Place::Server | Place::Served => true,
            Place::Loose => self.is_tls_leaf() && self.cert.extended_key_usage().is_some_and(|u| u.server_auth),
            _ => false,
        }
    }

    /// Whether it is the certificate of an identity in an MSP.
    pub const fn is_identity(&self) -> bool {
        matches!(self.place, Place::SignCert | Place::Admin)
    }

    /// Whether it is there as a CA.
    pub fn is_authority(&self) -> bool {
        match self.place {
            Place::RootCa
            | Place::IntermediateCa
            | Place::TlsRootCa
            | Place::TlsIntermediateCa
            | Place::ServerAnchor => true,
            Place::ServerChain | Place::ServedChain | Place::Loose => self.cert.is_ca(),
            _ => false,
        }
    }
}

/// A private key of a subject: never the key itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldKey {
    /// Where it stands.
    pub at: Location,
    /// SHA-256 hex of its `SubjectPublicKeyInfo`; `None` when it could not be read.
    pub spki_hash: Option<String>,
    /// What kind of key, or why it could not be read: `P-256`, `RSA 2048`, `encrypted`, `EC PARAMETERS first`...
    pub kind: KeyKind,
    /// Permission bits of its file, where it is a file.
    pub mode: Option<u32>,
    /// Whether it stands where a private key belongs (`keystore/`, the TLS folder's key file, a file of its own).
    pub in_its_place: bool,
}

/// What was learnt of a key file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// An EC key on the curve that is named, an RSA key with its bits, `Ed25519`.
    Plain(String),
    /// Encrypted, so that Fabric cannot read it.
    Encrypted,
    /// A plain key behind an `EC PARAMETERS` block, which Fabric's keystore does not see.
    BehindParameters,
    /// Something that calls itself a key and is none.
    Unreadable(String),
}

/// A CSR.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldCsr {
    /// Where it stands.
    pub at: Location,
    /// Its subject (RFC 4514).
    pub subject: String,
    /// SANs asked for.
    pub sans: Vec<SanName>,
    /// Whether its own key signed it.
    pub signature: SignatureCheck,
    /// What kind of key, `P-256`, `RSA 1024`...
    pub key: String,
}

/// A revocation list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldCrl {
    /// Where it stands.
    pub at: Location,
    /// The list.
    pub crl: Crl,
}

/// Something that could not be read or used, said by a rule of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trouble {
    /// Where.
    pub at: Location,
    /// The rule that reports it.
    pub rule: &'static Rule,
    /// What is wrong.
    pub reason: String,
}

/// What an MSP folder holds beside certificates and keys.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MspFacts {
    /// `config.yaml`, when it could be read.
    pub config: Option<CurrentConfig>,
    /// Whether something of that name is there that is no file.
    pub config_is_no_file: bool,
    /// Its text, for lines in findings.
    pub config_text: Zeroizing<String>,
    /// What Fabric accepts with a warning or in silence.
    pub warnings: Vec<MspWarning>,
    /// Entries of the folder that Fabric does not know, relative to it.
    pub strangers: Vec<PathBuf>,
    /// How many files each of Fabric's sub-folders holds.
    pub file_counts: std::collections::BTreeMap<&'static str, usize>,
}

/// One thing that is audited.
#[derive(Debug)]
#[non_exhaustive]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// The file or folder, as reported.
    pub path: PathBuf,
    /// The role that its certificate bears, when it is one of the four.
    pub role: Option<NodeOu>,
    /// Its certificates, in the order in which they stand.
    pub certificates: Vec<HeldCert>,
    /// Its private keys.
    pub keys: Vec<HeldKey>,
    /// Its CSRs.
    pub csrs: Vec<HeldCsr>,
    /// Its revocation lists.
    pub crls: Vec<HeldCrl>,
    /// What could not be read.
    pub troubles: Vec<Trouble>,
    /// Whether the user named this very file, and so vouches for there being something in it.
    pub is_named: bool,
    /// Whether such a file holds nothing of ours at all.
    pub is_blank: bool,
    /// Whether it is a part of a file that holds more than is looked at together: what else is in it is not known here.
    pub is_part: bool,
    /// For an MSP folder.
    pub msp: Option<MspFacts>,
    /// For a manifest: what was read from it, until the run takes it to those of the other files.
    pub manifest: Option<Box<Manifest>>,
    /// What Fabric would do with it.
    pub verdicts: Verdicts,
    /// For the TLS folder `tls` beside an MSP folder `msp`: the TLS CAs of that MSP, if it names some.
    pub tls_cas_beside: Vec<Cert>,
    /// For an MSP folder: the names in the TLS certificate of the same node, when a TLS folder stands beside it.
    pub tls_names_beside: Option<Vec<SanName>>,
    links: OnceLock<Links>,
}

impl Subject {
    /// An empty subject.
    pub fn new(kind: SubjectKind, path: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            path: path.into(),
            role: None,
            certificates: Vec::new(),
            keys: Vec::new(),
            csrs: Vec::new(),
            crls: Vec::new(),
            troubles: Vec::new(),
            is_named: false,
            is_blank: false,
            is_part: false,
            msp: None,
            manifest: None,
            verdicts: Verdicts::None,
            tls_cas_beside: Vec::new(),
            tls_names_beside: None,
            links: OnceLock::new(),
        }
    }

    /// The certificates at a place.
    pub fn at(&self, place: Place) -> impl Iterator<Item = &HeldCert> {
        self.certificates.iter().filter(move |c| c.place == place)
    }

    /// The certificate that stands for the subject: the identity, the server's own, else the first that is no CA.
    pub fn leaf(&self) -> Option<&HeldCert> {
        self.certificates
            .iter()
            .find(|c| matches!(c.place, Place::SignCert | Place::Server | Place::Served))
            .or_else(|| self.certificates.iter().find(|c| c.place == Place::Loose && !c.cert.is_ca()))
    }

    /// Its certificates, each with its issuer. What is asked first fixes the answer, so the certificates are complete by then.
    pub(crate) fn linked(&self) -> impl Iterator<Item = (&HeldCert, Issuer)> {
        let links = self.links();
        self.certificates.iter().enumerate().map(|(index, held)| (held, links.issuer(index)))
    }

    /// Who issued whom.
    pub(crate) fn links(&self) -> &Links {
        self.links.get_or_init(|| Links::among(&self.certificates))
    }

    /// The subject itself as a place.
    pub fn location(&self) -> Location {
        Location::whole(self.path.as_path())
    }

    /// A path inside the subject, as reported.
    pub fn inside(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() { self.path.clone() } else { self.path.join(path) }
    }
}

/// SHA-256 hex of a `SubjectPublicKeyInfo` (DER), by which keys and certificates are matched.
pub fn spki_hash(spki: &[u8]) -> String {
    crate::text::hex(ring::digest::digest(&ring::digest::SHA256, spki).as_ref())
}
