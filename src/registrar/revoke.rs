//! Revokes an identity or a certificate, and says what still accepts it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{ALREADY_REVOKED, Registrar, code_of};
use crate::ca::{Revocation, RevocationReason, RevokedCertificate};
use crate::disk::Disk;
use crate::pki::x509::Cert;
use crate::text::hex;
use crate::{Error, ErrorKind};

/// What to revoke.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// An identity, for good, with all its certificates.
    Identity(String),
    /// One certificate, by serial number and the identifier of the issuer's key, both in hex.
    Certificate { serial: String, aki: String },
    /// The first certificate of a file (PEM).
    File(PathBuf),
}

/// What was revoked.
#[derive(Debug, Serialize)]
pub(crate) struct Revoked {
    /// The identity that is disabled for good, if one is.
    pub(crate) id: Option<String>,
    /// The certificates that this run revoked.
    pub(crate) certificates: Vec<RevokedCertificate>,
    /// Whether the certificate was revoked before.
    pub(crate) unchanged: bool,
    /// What still accepts the certificates, each as a sentence.
    pub(crate) open: Vec<&'static str>,
}

/// What a revocation at a CA does not do. Fabric asks no CA: a node knows the CRLs of its MSP folder and of the channel's
/// configuration (fabric `msp/mspimplvalidate.go`), and looks at none for TLS (Go's `crypto/tls`).
const OPEN: [&str; 2] = [
    "channels accept them until a CRL is in the organisation's MSP in each channel's configuration: fabcert ca crl gets it; nodes read the CRLs in their own MSP folder at the start",
    "TLS: no Fabric node looks at a CRL for a TLS certificate; replace the node's certificate, and the CA if its key is known to others",
];

/// Revokes. A second run changes nothing.
///
/// # Errors
/// When the file holds no certificate, or the CA cannot be reached or refuses.
pub(crate) async fn revoke(
    registrar: &Registrar,
    what: &What,
    reason: RevocationReason,
    disk: &Disk,
) -> Result<Revoked, Error> {
    let (serial, aki);
    let revocation = match what {
        What::Identity(id) => Revocation::Identity(id),
        What::Certificate { serial, aki } => Revocation::Certificate { serial, aki },
        What::File(path) => {
            let cert = read(path, disk)?;
            (serial, aki) = (cert.serial_hex(), hex(cert.authority_key_id().unwrap_or_default()));
            Revocation::Certificate { serial: &serial, aki: &aki }
        }
    };
    let id = match what {
        What::Identity(id) => Some(id.clone()),
        _ => None,
    };
    let certificates = match registrar.client.revoke(&registrar.credential(), revocation, reason).await {
        Ok(certificates) => certificates,
        Err(e) if code_of(&e) == Some(ALREADY_REVOKED) => Vec::new(),
        Err(e) => return Err(registrar.explain(e)),
    };
    // The CA does not say whether an identity was disabled before.
    let unchanged = id.is_none() && certificates.is_empty();
    Ok(Revoked { id, unchanged, certificates, open: OPEN.to_vec() })
}

fn read(path: &Path, disk: &Disk) -> Result<Cert, Error> {
    let unusable = |reason: String| {
        Error::new(ErrorKind::Input, format!("{}: {reason}", path.display()))
            .with_help("give the certificate to revoke, PEM")
    };
    let pem = disk.read(path, 1024 * 1024)?;
    let certs = Cert::all_from_pem(&pem).map_err(|e| unusable(e.to_string()))?;
    let cert = certs.into_iter().next().ok_or_else(|| unusable("it holds no certificate".to_owned()))?;
    if cert.authority_key_id().is_none() {
        return Err(unusable("the certificate does not say which key signed it, so no CA finds it".to_owned()));
    }
    Ok(cert)
}
