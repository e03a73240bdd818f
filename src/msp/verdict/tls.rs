//! TLS CAs (fabric `msp/mspimplsetup.go`, `setupTLSCAs`): refusals 29, 41, 42 and 70-75.

use std::rc::Rc;

use super::authorities::{Authorities, check_revocation};
use super::load::Tree;
use super::parsed::{Loaded, Parsed};
use super::path::{PathNumbers, Pools};
use super::{MspRefusal, refuse};
use crate::pki::go::x509::Pool;

const NUMBERS: PathNumbers = PathNumbers { unknown: 72, date: 72, length: 72, usage: 73, several: 74 };

pub(super) fn set_up(tree: &Tree, parsed: &Parsed, authorities: &Authorities) -> Result<(), MspRefusal> {
    let (roots, intermediates) = (parsed.files(&tree.tls_roots, 75)?, parsed.files(&tree.tls_intermediates, 75)?);
    let pool = |list: &[Loaded]| Pool::new(list.iter().map(|ca| Rc::clone(&ca.cert)));
    let pools = Pools { roots: pool(&roots), intermediates: pool(&intermediates) };
    for Loaded { path, cert } in roots.iter().chain(&intermediates) {
        if !cert.is_ca() {
            return refuse(70, path, format!("\"{}\" is not a CA (basicConstraints)", cert.subject_text()));
        }
        if cert.extensions.subject_key_id.is_none() {
            return refuse(71, path, format!("\"{}\" has no subject key identifier", cert.subject_text()));
        }
        match pools.unique_path(cert) {
            Err(e) => return refuse(e.number(&NUMBERS), path, e.reason()),
            Ok(found) => {
                if let Some(issuer) = found.get(1) {
                    check_revocation(&authorities.crls, cert, issuer, path, 29)?;
                }
            }
        }
    }
    Ok(())
}
