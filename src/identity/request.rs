//! The request of a run as plain data: built without reading a file or opening a connection.

use std::path::PathBuf;
use std::time::Duration;

use super::ca_access::CaAccess;
use crate::ca::AttrRequest;
use crate::channel::FabricVersion;
use crate::disk::Disk;
use crate::install::KeyAccess;
use crate::msp::{Layout, TlsNames};
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::{NameSet, SanName};
use crate::pki::x509::SubjectFields;
use crate::proof::RoleRule;
use crate::{Error, ErrorKind, PemSource, Timestamp};

/// Which parts of the form of the folders were given explicitly: they are applied to a current certificate too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "one for each option")]
pub(crate) struct FormGiven {
    pub(crate) key_mode: bool,
    pub(crate) group: bool,
    pub(crate) layout: bool,
    pub(crate) node_ous: bool,
    pub(crate) tls_names: bool,
}

/// The key to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyRequest {
    /// A new key on the given curve; P-256 by default.
    New(Option<KeyAlgorithm>),
    /// The key in the target, or a new one.
    Current,
    /// This key, PEM.
    Given(PemSource),
}

impl KeyRequest {
    /// The given key; `None` if none was given.
    ///
    /// # Errors
    /// When the file cannot be read (I/O), or its key cannot be used (input).
    pub(crate) fn named(&self, disk: &Disk) -> Result<Option<KeyPair>, Error> {
        let Self::Given(source) = self else { return Ok(None) };
        let pem = source.read(disk, 64 * 1024)?;
        let key = KeyPair::from_pem(&pem).map_err(|e| {
            let help = Error::from(e.clone()).help().map(str::to_owned).unwrap_or_default();
            Error::new(ErrorKind::Input, format!("{}: {e}", source.origin())).with_help(help)
        })?;
        Ok(Some(key))
    }

    /// The curve of a new key.
    pub(crate) fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::New(Some(algorithm)) => *algorithm,
            _ => KeyAlgorithm::default(),
        }
    }
}

/// The form of an MSP folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MspForm {
    /// File names.
    pub(crate) layout: Layout,
    /// Whether `config.yaml` is written.
    pub(crate) node_ous: bool,
}

/// The signing certificate and its MSP folder.
#[derive(Clone, Debug)]
pub(crate) struct SignRequest {
    /// The MSP folder.
    pub(crate) target: PathBuf,
    /// The CA.
    pub(crate) ca: CaAccess,
    /// Names; when empty, the request leaves out `hosts`.
    pub(crate) names: NameSet,
    /// Signing profile; `None` is the CA's default.
    pub(crate) profile: Option<String>,
    /// The form of the folder.
    pub(crate) msp: MspForm,
    /// The NodeOU that the certificate must hold.
    pub(crate) role: RoleRule,
    /// When it is due, in place of two thirds of its life.
    pub(crate) due_at: Option<Timestamp>,
}

/// The files of a TLS folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsFiles {
    /// Three files.
    Three(TlsNames),
    /// The folders of an MSP with `cacerts` empty and the CAs in `tlscacerts` and `tlsintermediatecerts`, as
    /// `fabric-ca-client enroll --enrollment.profile tls` writes them (fabric-ca v1.5.21
    /// `cmd/fabric-ca-client/command/getcainfo.go`). Fabric does not accept it as an MSP: it has no root.
    MspShaped,
}

/// The TLS certificate and its folder.
#[derive(Clone, Debug)]
pub(crate) struct TlsRequest {
    /// The TLS folder.
    pub(crate) target: PathBuf,
    /// The CA.
    pub(crate) ca: CaAccess,
    /// Names; at least one.
    pub(crate) names: NameSet,
    /// Signing profile; `tls` by default.
    pub(crate) profile: String,
    /// The files of the folder.
    pub(crate) files: TlsFiles,
    /// The NodeOU that the certificate must hold, if one was requested.
    pub(crate) role: RoleRule,
    /// When it is due, in place of two thirds of its life.
    pub(crate) due_at: Option<Timestamp>,
}

/// The channels whose consenters keep their keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChannelRequest {
    /// Files with their configurations.
    pub(crate) files: Vec<PathBuf>,
    /// The version of their orderers, if it is known.
    pub(crate) fabric_version: Option<FabricVersion>,
}

/// How a run authenticates at the CA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// By secret; the signing certificate is the credential for a TLS certificate of the same identity and CA.
    #[default]
    Secret,
    /// By a current certificate.
    Token {
        /// Whether the secret is sent where that certificate has expired and the CA does not take it.
        secret_if_expired: bool,
    },
}

/// The request of one run.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "one for each option")]
pub struct Request {
    /// The signing certificate, if an MSP folder was named.
    pub(crate) sign: Option<SignRequest>,
    /// The TLS certificate, if a TLS folder was named.
    pub(crate) tls: Option<TlsRequest>,
    /// Subject fields beside the CN.
    pub(crate) subject: SubjectFields,
    /// Attribute requests; `None` leaves the choice to the CA.
    pub(crate) attributes: Option<Vec<AttrRequest>>,
    /// Names of the current certificate that the new one does not keep.
    pub(crate) drop_sans: Vec<SanName>,
    /// The key to use.
    pub(crate) key: KeyRequest,
    /// Whether the TLS certificate of an orderer gets a new key as well.
    pub(crate) new_tls_key: bool,
    /// The channels that may know the identity as a consenter.
    pub(crate) channels: ChannelRequest,
    /// What of the form was given explicitly.
    pub(crate) given: FormGiven,
    /// Mode of key files.
    pub(crate) key_mode: u32,
    /// Group of the folders.
    pub(crate) group: Option<u32>,
    /// Enrol even if the current certificate is good.
    pub(crate) force: bool,
    /// Replace whatever identity the folders hold, as `force` does; what the CA refused before is remembered as ever.
    pub(crate) replace: bool,
    /// How the run authenticates at the CA.
    pub(crate) authentication: Authentication,
    /// Whether a new certificate is issued even if the current one is good, and nothing else is forced.
    pub(crate) always: bool,
    /// How long to keep trying while the CA cannot be reached.
    pub(crate) wait: Option<Duration>,
}

impl Request {
    /// The permissions of the keys.
    pub(crate) fn key_access(&self) -> KeyAccess {
        KeyAccess { mode: self.key_mode, group: self.group }
    }

    /// The CAs, each identity at each once.
    pub(crate) fn accesses(&self) -> Vec<&CaAccess> {
        let (sign, tls) = (self.sign.as_ref().map(|s| &s.ca), self.tls.as_ref().map(|t| &t.ca));
        let tls = tls.filter(|tls| !sign.is_some_and(|sign| sign.same_identity(tls)));
        sign.into_iter().chain(tls).collect()
    }

    /// The folders.
    pub(crate) fn targets(&self) -> Vec<&PathBuf> {
        self.sign.as_ref().map(|s| &s.target).into_iter().chain(self.tls.as_ref().map(|t| &t.target)).collect()
    }

    /// The enrolment id: the signing certificate's, or the TLS certificate's if it is the only one.
    pub fn id(&self) -> &str {
        self.sign.as_ref().map(|s| &s.ca.id).or_else(|| self.tls.as_ref().map(|t| &t.ca.id)).map_or("", String::as_str)
    }
}
