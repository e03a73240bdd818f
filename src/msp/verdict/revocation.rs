//! Revocation lists (fabric `msp/mspimplsetup.go`, `setupCRLs`; `msp/mspimplvalidate.go`): refusals 65 and 66.

use std::path::PathBuf;

use super::{MspRefusal, refuse};
use crate::msp::pem_folder::PemFile;
use crate::pki::go::x509::{Certificate, RevocationList};

/// The lists of an MSP, in the order of their file names.
#[derive(Default)]
pub(super) struct Crls(Vec<(PathBuf, RevocationList)>);

/// The state of a certificate by the lists.
pub(super) enum Revocation {
    None,
    Revoked(PathBuf),
    /// A list without authority key identifier: Fabric then accepts no certificate.
    Unreadable(PathBuf),
}

const LABEL: &str = "X509 CRL";

impl Crls {
    pub(super) fn set_up(files: &[PemFile]) -> Result<Self, MspRefusal> {
        files.iter().map(|file| Ok((file.path.clone(), read(file)?))).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `issuer` revoked `cert`. Fabric ignores the dates of list and revocation; a list with a wrong signature
    /// does not apply.
    pub(super) fn look_up(&self, cert: &Certificate, issuer: &Certificate) -> Revocation {
        for (path, list) in &self.0 {
            let Some(authority) = &list.authority_key_id else { return Revocation::Unreadable(path.clone()) };
            if issuer.extensions.subject_key_id.as_ref() == Some(authority) && list.revokes(cert, issuer) {
                return Revocation::Revoked(path.clone());
            }
        }
        Revocation::None
    }
}

fn read(file: &PemFile) -> Result<RevocationList, MspRefusal> {
    // After text before the block, Go reads the whole file as DER.
    if !file.content.starts_with(b"-----BEGIN X509 CRL") || file.label != LABEL {
        return refuse(65, &file.path, "it does not begin with a PEM block of a revocation list (X509 CRL)");
    }
    match RevocationList::parse(&file.der) {
        Some(list) => Ok(list),
        None => refuse(65, &file.path, "Go cannot read it as a revocation list"),
    }
}
