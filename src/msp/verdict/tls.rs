//! TLS CAs (fabric `msp/mspimplsetup.go`, `setupTLSCAs`): refusals 29 and 70-75.

use super::authorities::{Authorities, NO_AUTHORITY};
use super::certificate::Loaded;
use super::load::Tree;
use super::path::{PathError, Pool};
use super::revocation::Revocation;
use super::{MspRefusal, refuse};
use crate::msp::pem_folder::PemFile;

pub(super) fn set_up(tree: &Tree, authorities: &Authorities) -> Result<(), MspRefusal> {
    let roots = load(&tree.tls_roots)?;
    let intermediates = load(&tree.tls_intermediates)?;
    let pool = Pool::new(&roots, &intermediates);
    for ca in roots.iter().chain(&intermediates) {
        if !ca.cert.is_ca() {
            return refuse(70, &ca.path, format!("\"{}\" is no CA (basicConstraints)", ca.cert.subject()));
        }
        if ca.cert.subject_key_id().is_none() {
            return refuse(71, &ca.path, format!("\"{}\" has no subject key identifier", ca.cert.subject()));
        }
        let path = match pool.unique_path(ca) {
            Ok(path) => path,
            Err(e) => return refuse(number_of(&e), &ca.path, e.reason()),
        };
        if let Some(issuer) = path.get(1) {
            match authorities.crls.look_up(ca, issuer) {
                Revocation::None => {}
                Revocation::Revoked(by) => return refuse(29, &ca.path, format!("it is revoked by {}", by.display())),
                Revocation::Unreadable(crl) => return refuse(66, &crl, NO_AUTHORITY),
            }
        }
    }
    Ok(())
}

fn load(files: &[PemFile]) -> Result<Vec<Loaded>, MspRefusal> {
    let number = |n| if n == 16 { 75 } else { n };
    files
        .iter()
        .map(|f| Loaded::from_der(&f.path, &f.der).or_else(|(n, reason)| refuse(number(n), &f.path, reason)))
        .collect()
}

const fn number_of(error: &PathError) -> u8 {
    match error {
        PathError::UnknownAuthority | PathError::NotValidAt { .. } | PathError::PathLength { .. } => 72,
        PathError::Usage { .. } => 73,
        PathError::Several(_) => 74,
    }
}
