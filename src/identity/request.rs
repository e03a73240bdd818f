//! What a run asks for, as plain data: no file was read and no connection made to build it.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::ca::{AttrRequest, CaUrl};
use crate::disk::Disk;
use crate::install::KeyAccess;
use crate::msp::{Layout, TlsNames};
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::NameSet;
use crate::pki::x509::SubjectFields;
use crate::proof::RoleRule;
use crate::{Error, ErrorKind, Secret};

/// Where the enrolment secret comes from; read only when a request is really made.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// Given already, from the environment, standard input or the URL.
    Given(Secret),
    /// In a file.
    File(PathBuf),
    /// Nowhere; an error as soon as one is needed.
    None,
}

/// PEM text, in a file or in memory. `Debug` shows a path and never content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemSource {
    /// In a file.
    File(PathBuf),
    /// In memory.
    Given(Secret),
}

impl PemSource {
    /// The bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(&self, disk: &Disk, limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        Ok(match self {
            Self::File(path) => disk.read_secret(path, limit)?,
            Self::Given(pem) => Zeroizing::new(pem.expose().as_bytes().to_vec()),
        })
    }

    /// Where it comes from, for messages.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Given(_) => "the PEM text given".to_owned(),
        }
    }
}

impl From<PathBuf> for PemSource {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

/// A CA, how to reach it, and as whom.
#[derive(Clone, Debug)]
pub struct CaAccess {
    /// The CA's address.
    pub url: CaUrl,
    /// Enrolment id.
    pub id: String,
    /// Enrolment secret.
    pub secret: SecretSource,
    /// Which CA on the server.
    pub ca_name: Option<String>,
    /// Certificates, one or many each, that are the anchors of the connection.
    pub anchors: Vec<PemSource>,
    /// Client certificate (leaf first) and key for mutual TLS.
    pub client_identity: Option<(PemSource, PemSource)>,
    /// Proxy URL.
    pub proxy: Option<String>,
    /// Whether `http://` is allowed.
    pub plaintext: bool,
    /// Time for making a connection.
    pub connect_timeout: Duration,
    /// Time for one whole request.
    pub timeout: Duration,
}

impl CaAccess {
    /// Whether `other` is the same identity at the same CA, so that a certificate from one is a credential at the other.
    pub fn same_identity(&self, other: &Self) -> bool {
        self.url == other.url && self.ca_name == other.ca_name && self.id == other.id
    }
}

/// Which key to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRequest {
    /// A new one; the curve if it was named, else P-256.
    New(Option<KeyAlgorithm>),
    /// The one that stands in the target; a new one when none stands there.
    Current,
    /// This one, PEM.
    Given(PemSource),
}

impl KeyRequest {
    /// The key that was given; `None` when none was.
    ///
    /// # Errors
    /// When the file cannot be read (I/O) or holds no key that is fit for this (input).
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
    pub fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::New(Some(algorithm)) => *algorithm,
            _ => KeyAlgorithm::default(),
        }
    }
}

/// How the MSP folder is to look.
#[derive(Clone, Copy, Debug)]
pub struct MspForm {
    /// File names.
    pub layout: Layout,
    /// Whether `config.yaml` is written.
    pub node_ous: bool,
}

/// The signing certificate and its MSP folder.
#[derive(Clone, Debug)]
pub struct SignRequest {
    /// The MSP folder.
    pub target: PathBuf,
    /// The CA.
    pub ca: CaAccess,
    /// Names; empty means that no `hosts` are sent.
    pub names: NameSet,
    /// Signing profile; `None` is the CA's default.
    pub profile: Option<String>,
    /// How the folder is to look.
    pub msp: MspForm,
    /// The NodeOU that the certificate must carry.
    pub role: RoleRule,
}

/// How the TLS certificate, its key and its CAs lie in their folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFiles {
    /// In three files.
    Three(TlsNames),
    /// As `fabric-ca-client enroll --enrollment.profile tls` leaves them: an MSP's folders, `cacerts` empty, and the CAs in
    /// `tlscacerts` and `tlsintermediatecerts` (fabric-ca v1.5.21 `cmd/fabric-ca-client/command/getcainfo.go`). No MSP:
    /// Fabric refuses one without a root.
    MspShaped,
}

/// The TLS certificate and its folder.
#[derive(Clone, Debug)]
pub struct TlsRequest {
    /// The TLS folder.
    pub target: PathBuf,
    /// The CA.
    pub ca: CaAccess,
    /// Names; a server's certificate is of no use without any.
    pub names: NameSet,
    /// Signing profile, `tls` unless another was asked for.
    pub profile: String,
    /// The shape of the folder.
    pub files: TlsFiles,
    /// The NodeOU that the certificate must carry, when one was asked for.
    pub role: RoleRule,
}

/// Everything one run is to bring about.
#[derive(Clone, Debug)]
pub struct Request {
    /// The signing certificate, when an MSP folder was named.
    pub sign: Option<SignRequest>,
    /// The TLS certificate, when a TLS folder was named.
    pub tls: Option<TlsRequest>,
    /// Subject fields beside the CN.
    pub subject: SubjectFields,
    /// Attribute requests; `None` leaves the choice to the CA.
    pub attributes: Option<Vec<AttrRequest>>,
    /// Which key.
    pub key: KeyRequest,
    /// Mode of key files.
    pub key_mode: u32,
    /// Group of the folders.
    pub group: Option<u32>,
    /// Enrol although a good certificate stands there.
    pub force: bool,
    /// How long to keep trying while the CA is not reached.
    pub wait: Option<Duration>,
}

impl Request {
    /// Who may read the keys.
    pub(crate) fn key_access(&self) -> KeyAccess {
        KeyAccess { mode: self.key_mode, group: self.group }
    }

    /// The enrolment id of the identity: the signing one's, or the TLS one's when it stands alone.
    pub fn id(&self) -> &str {
        self.sign.as_ref().map(|s| &s.ca.id).or_else(|| self.tls.as_ref().map(|t| &t.ca.id)).map_or("", String::as_str)
    }
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    /// When there is none (usage), the file cannot be read (I/O), or it is empty (input).
    pub(crate) fn read(&self, disk: &Disk) -> Result<Secret, Error> {
        let secret = match self {
            Self::Given(secret) => secret.clone(),
            Self::File(path) => {
                let bytes = disk.read_secret(path, 64 * 1024)?;
                let text = std::str::from_utf8(&bytes).map_err(|_| {
                    Error::new(ErrorKind::Input, format!("the secret in {} is no UTF-8 text", path.display()))
                })?;
                Secret::from_file_text(text)
            }
            Self::None => {
                return Err(Error::new(ErrorKind::Usage, "an enrolment secret is needed, and none was given")
                    .with_help("give --secret-file PATH (or - for standard input), or set FABCERT_SECRET"));
            }
        };
        if secret.is_empty() {
            return Err(Error::new(ErrorKind::Input, "the enrolment secret is empty")
                .with_help("an empty secret would use up one of the attempts before the CA locks the identity"));
        }
        Ok(secret)
    }
}
