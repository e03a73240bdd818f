//! A subject of an audit: a file or folder with its content.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::links::{Issuer, Links};
use super::verdict::Verdicts;
use crate::audit::catalogue::Rule;
use crate::channel::ChannelConfig;
use crate::manifests::Manifest;
use crate::msp::{CurrentConfig, MspWarning};
use crate::pki::name::SanName;
use crate::pki::x509::{Cert, Crl, NodeOu, SignatureCheck};

/// The kind of a subject.
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
    /// A channel configuration.
    Channel,
    /// A live endpoint.
    Endpoint,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Location {
    /// The file or folder, as reported.
    pub(crate) path: PathBuf,
    /// The number of the PEM block, from 1; `None` for DER and for whole files.
    pub(crate) block: Option<usize>,
    /// The line of its `BEGIN`, from 1.
    pub(crate) line: Option<usize>,
}

impl Location {
    /// A whole file or folder.
    pub(crate) fn whole(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), block: None, line: None }
    }
}

/// The purpose of a certificate, from its location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub(crate) enum Place {
    /// `signcerts/`, the first usable file: the identity.
    SignCert,
    /// `signcerts/`, further blocks or files, which Fabric does not read.
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
    /// A single file: its first certificate, or any that is not a CA.
    Loose,
    /// The first certificate that an endpoint served.
    Served,
    /// The other certificates that an endpoint served.
    ServedChain,
}

/// A certificate of a subject.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) struct HeldCert {
    /// The certificate.
    pub(crate) cert: Cert,
    /// The location.
    pub(crate) at: Location,
    /// The purpose.
    pub(crate) place: Place,
}

impl HeldCert {
    /// Whether TLS clients see it as the server's own certificate: the rules about names apply to these.
    pub(crate) fn is_tls_leaf(&self) -> bool {
        match self.place {
            Place::Server | Place::Served => true,
            Place::Loose => !self.cert.is_ca() && !self.is_a_clients(),
            _ => false,
        }
    }

    /// Whether its file name marks a client certificate: `client.crt`, as cryptogen names the TLS pair of a user.
    fn is_a_clients(&self) -> bool {
        self.at.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("client"))
    }

    /// Whether it is certainly a TLS server's own certificate, by its location or its extended key usage.
    pub(crate) fn is_evident_server(&self) -> bool {
        match self.place {
            Place::Server | Place::Served => true,
            Place::Loose => self.is_tls_leaf() && self.cert.extended_key_usage().is_some_and(|u| u.server_auth),
            _ => false,
        }
    }

    /// Whether its purpose is that of a CA.
    pub(crate) fn is_authority(&self) -> bool {
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

/// A private key of a subject, without the key itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) struct HeldKey {
    /// The location.
    pub(crate) at: Location,
    /// SHA-256 hex of its `SubjectPublicKeyInfo`; `None` if it could not be read.
    pub(crate) spki_hash: Option<String>,
    /// The kind of key, or the reason why it could not be read: `P-256`, `RSA 2048`, `encrypted`, `EC PARAMETERS
    /// first`...
    pub(crate) kind: KeyKind,
    /// The permission bits of its file, if it is in a file.
    pub(crate) mode: Option<u32>,
    /// Whether a private key belongs at its location (`keystore/`, the TLS folder's key file, a separate file).
    pub(crate) in_its_place: bool,
}

/// The state of a key file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum KeyKind {
    /// A readable key: an EC key with its curve, an RSA key with its bits, `Ed25519`.
    Plain(String),
    /// An encrypted key, which Fabric cannot read.
    Encrypted,
    /// A plain key after an `EC PARAMETERS` block, which Fabric's keystore does not find.
    BehindParameters,
    /// A block labelled as a key that is not a key.
    Unreadable(String),
}

/// A CSR.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) struct HeldCsr {
    /// The location.
    pub(crate) at: Location,
    /// Its subject (RFC 4514).
    pub(crate) subject: String,
    /// The requested SANs.
    pub(crate) sans: Vec<SanName>,
    /// Whether its own key signed it.
    pub(crate) signature: SignatureCheck,
    /// The kind of key: `P-256`, `RSA 1024`...
    pub(crate) key: String,
}

/// A revocation list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) struct HeldCrl {
    /// The location.
    pub(crate) at: Location,
    /// The list.
    pub(crate) crl: Crl,
}

/// Something that could not be read or used, reported by its own rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) struct Trouble {
    /// The location.
    pub(crate) at: Location,
    /// The rule that reports it.
    pub(crate) rule: &'static Rule,
    /// The problem.
    pub(crate) reason: String,
}

/// The content of an MSP folder apart from certificates and keys.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub(crate) struct MspFacts {
    /// `config.yaml`, if it could be read.
    pub(crate) config: Option<CurrentConfig>,
    /// Whether an entry with that name exists that is not a file.
    pub(crate) config_is_no_file: bool,
    /// Its text, for lines in findings.
    pub(crate) config_text: Zeroizing<String>,
    /// Faults that Fabric accepts, with a warning or silently.
    pub(crate) warnings: Vec<MspWarning>,
    /// Entries of the folder that Fabric does not know, relative to it.
    pub(crate) strangers: Vec<PathBuf>,
    /// The number of files in each of Fabric's sub-folders.
    pub(crate) file_counts: std::collections::BTreeMap<&'static str, usize>,
}

/// A subject of an audit.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
#[non_exhaustive]
pub(crate) struct Subject {
    /// Its kind.
    pub(crate) kind: SubjectKind,
    /// The file or folder, as reported.
    pub(crate) path: PathBuf,
    /// The role in its certificate, if it is one of the four.
    pub(crate) role: Option<NodeOu>,
    /// Its certificates, in file order.
    pub(crate) certificates: Vec<HeldCert>,
    /// Its private keys.
    pub(crate) keys: Vec<HeldKey>,
    /// Its CSRs.
    pub(crate) csrs: Vec<HeldCsr>,
    /// Its revocation lists.
    pub(crate) crls: Vec<HeldCrl>,
    /// Parts that could not be read.
    pub(crate) troubles: Vec<Trouble>,
    /// Whether the user named this file, so that it must hold something.
    pub(crate) is_named: bool,
    /// Whether such a file holds nothing to audit.
    pub(crate) is_blank: bool,
    /// Whether it is a part of a file that is too large to be judged as a whole: the content of the other parts is not
    /// known here.
    pub(crate) is_part: bool,
    /// Whether a part of it was not read, because of a limit.
    pub(crate) is_cut: bool,
    /// The further content of an MSP folder.
    pub(crate) msp: Option<MspFacts>,
    /// The content of a manifest, until the run collects it.
    pub(crate) manifest: Option<Box<Manifest>>,
    /// The channel configuration, until the run collects it.
    pub(crate) channel: Option<Box<ChannelConfig>>,
    /// Fabric's verdicts.
    pub(crate) verdicts: Verdicts,
    /// For the TLS folder `tls` beside an MSP folder `msp`: the TLS CAs of that MSP, if any.
    pub(crate) tls_cas_beside: Vec<Cert>,
    /// For an MSP folder: the names in the TLS certificate of the same node, if a TLS folder is beside it.
    pub(crate) tls_names_beside: Option<Vec<SanName>>,
    links: OnceLock<Links>,
}

impl Subject {
    /// An empty subject.
    pub(crate) fn new(kind: SubjectKind, path: impl Into<PathBuf>) -> Self {
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
            is_cut: false,
            msp: None,
            manifest: None,
            channel: None,
            verdicts: Verdicts::None,
            tls_cas_beside: Vec::new(),
            tls_names_beside: None,
            links: OnceLock::new(),
        }
    }

    /// The certificates with a purpose.
    pub(crate) fn at(&self, place: Place) -> impl Iterator<Item = &HeldCert> {
        self.certificates.iter().filter(move |c| c.place == place)
    }

    /// The main certificate of the subject: the identity, the server's own, else the first that is not a CA.
    pub(crate) fn leaf(&self) -> Option<&HeldCert> {
        self.certificates
            .iter()
            .find(|c| matches!(c.place, Place::SignCert | Place::Server | Place::Served))
            .or_else(|| self.certificates.iter().find(|c| c.place == Place::Loose && !c.cert.is_ca()))
    }

    /// Its certificates, each with its issuer. The first call fixes the answer, so the certificates must be complete by
    /// then.
    pub(crate) fn linked(&self) -> impl Iterator<Item = (&HeldCert, Issuer)> {
        let links = self.links();
        self.certificates.iter().enumerate().map(|(index, held)| (held, links.issuer(index)))
    }

    /// The issuers of the certificates.
    pub(crate) fn links(&self) -> &Links {
        self.links.get_or_init(|| Links::among(&self.certificates))
    }

    /// The location of the subject itself.
    pub(crate) fn location(&self) -> Location {
        Location::whole(self.path.as_path())
    }

    /// A path inside the subject, as reported.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() { self.path.clone() } else { self.path.join(path) }
    }
}

/// SHA-256 hex of a `SubjectPublicKeyInfo` (DER), which matches keys to certificates.
pub(crate) fn spki_hash(spki: &[u8]) -> String {
    crate::text::hex(ring::digest::digest(&ring::digest::SHA256, spki).as_ref())
}
