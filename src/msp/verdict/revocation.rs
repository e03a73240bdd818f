//! Revocation lists (fabric `msp/mspimplsetup.go`, `setupCRLs`; `msp/mspimplvalidate.go`): refusals 65 and 66.

use std::path::PathBuf;

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use zeroize::Zeroizing;

use super::certificate::{Loaded, Sha1, Signature, significant};
use super::{MspRefusal, refuse};
use crate::msp::pem_folder::PemFile;

/// The lists of an MSP, in the order of their files' names.
#[derive(Default)]
pub(super) struct Crls(Vec<Crl>);

struct Crl {
    path: PathBuf,
    der: Zeroizing<Vec<u8>>,
    /// `None` without the extension; empty when it holds no key identifier.
    authority_key_id: Option<Vec<u8>>,
}

/// What the lists say of a certificate.
pub(super) enum Revocation {
    None,
    Revoked(PathBuf),
    /// A list without authority key identifier: Fabric then accepts no certificate at all.
    Unreadable(PathBuf),
}

impl Crls {
    pub(super) fn set_up(files: &[PemFile]) -> Result<Self, MspRefusal> {
        files.iter().map(Crl::from_file).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `issuer` revoked `cert`. The dates of list and revocation do not matter to Fabric; a list with a wrong
    /// signature does not apply.
    pub(super) fn look_up(&self, cert: &Loaded, issuer: &Loaded) -> Revocation {
        for crl in &self.0 {
            let Some(authority) = &crl.authority_key_id else { return Revocation::Unreadable(crl.path.clone()) };
            if issuer.cert.subject_key_id() == Some(authority) && crl.revokes(cert, issuer) {
                return Revocation::Revoked(crl.path.clone());
            }
        }
        Revocation::None
    }
}

impl Crl {
    fn from_file(file: &PemFile) -> Result<Self, MspRefusal> {
        // Text before the block makes Go take the whole file for DER.
        if !file.content.starts_with(b"-----BEGIN X509 CRL") {
            return refuse(65, &file.path, "it does not begin with a PEM block of a revocation list (X509 CRL)");
        }
        let parsed = match CertificateRevocationList::from_der(&file.der) {
            Ok(([], parsed)) => parsed,
            Ok(_) => return refuse(65, &file.path, "bytes follow the revocation list"),
            Err(e) => return refuse(65, &file.path, format!("the revocation list cannot be decoded: {e}")),
        };
        let authority_key_id = parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                Some(id.key_identifier.as_ref().map_or_else(Vec::new, |k| k.0.to_vec()))
            }
            _ => None,
        });
        Ok(Self { path: file.path.clone(), der: file.der.clone(), authority_key_id })
    }

    fn revokes(&self, cert: &Loaded, issuer: &Loaded) -> bool {
        let Ok((_, list)) = CertificateRevocationList::from_der(&self.der) else { return false };
        let listed = list.iter_revoked_certificates().any(|r| significant(r.raw_serial()) == cert.serial);
        listed
            && issuer.verify(
                &list.signature_algorithm,
                &list.signature_value,
                list.tbs_cert_list.as_ref(),
                Sha1::Accepted,
            ) != Signature::Bad
    }
}
