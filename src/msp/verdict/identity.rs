//! The node's own identity: set-up (refusals 16-18, 27, 28, 33, 36, 38, 40-42) and validation (35, 37, 43-46, 48, 54-57, 66).

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::authorities::{Authorities, IdentityError, LoadError, check_revocation};
use super::parsed::{Loaded, Parsed, check_key};
use super::path::{PathError, PathNumbers};
use super::units::Units;
use super::{ChannelRules, MspRefusal, RefusalStage, Warnings, refuse};
use crate::Timestamp;
use crate::disk::FolderReader;
use crate::msp::keystore::{Found, KEYSTORE, find_key};
use crate::msp::pem_folder::PemFile;
use crate::pki::go::x509::{Certificate, PublicKey};

/// The identity after set-up.
pub(super) struct Signer {
    pub(super) certificate: Loaded,
    /// A key that Fabric accepts and cannot sign with, and the reason.
    unfit_key: Option<(PathBuf, &'static str)>,
}

/// There is no number of its own for a leaf that starts before its CA.
const NUMBERS: PathNumbers = PathNumbers { unknown: 36, date: 36, length: 27, usage: 40, several: 28 };

/// Loads the certificate of an identity (fabric `msp/mspimpl.go`, `getIdentityFromConf`,
/// `deserializeIdentityInternal`).
pub(super) fn load(file: &PemFile, parsed: &Parsed, authorities: &Authorities) -> Result<Loaded, MspRefusal> {
    let loaded = parsed.file(file, 16)?;
    let path = &loaded.path;
    check_key(&loaded.cert, path)?;
    match authorities.load(&loaded.cert) {
        Ok(cert) => Ok(Loaded { path: loaded.path, cert }),
        Err(LoadError::Path(e)) => refuse(e.number(&NUMBERS), path, e.reason()),
        Err(LoadError::NoIssuer) => refuse(36, path, "no CA of this MSP issued it"),
    }
}

/// Fabric `msp/mspimplsetup.go`, `setupSigningIdentity`.
pub(super) fn set_up(
    folder: &dyn FolderReader,
    certificate: &Loaded,
    now: Timestamp,
    warnings: &mut Warnings,
) -> Result<Signer, MspRefusal> {
    let cert = &certificate.cert;
    let Some(ski) = cert.ski() else {
        return refuse(17, &certificate.path, "its key type is unknown to Fabric");
    };
    let mut unfit_key = None;
    match find_key(folder, ski) {
        Found::Private(at, key) => {
            if key.public != cert.public_key {
                warnings.push(
                    Some(34),
                    &at,
                    "it has the name of the certificate's key and holds another key: other nodes refuse every signature",
                );
            }
            if matches!(key.public, PublicKey::Rsa(_)) {
                unfit_key = Some((at, "Fabric accepts this RSA key and cannot sign with it"));
            }
        }
        Found::Public(at) => {
            unfit_key = Some((at, "Fabric takes this public key as the private key and cannot sign"));
        }
        Found::Nothing(why) => return refuse(33, Path::new(KEYSTORE), why),
    }
    if has_expired(cert.not_after, now) {
        return refuse(38, &certificate.path, format!("the certificate expired at {}", cert.not_after));
    }
    Ok(Signer { certificate: certificate.clone(), unfit_key })
}

/// Go's zero time, the first second of the year 1, means no expiry.
fn has_expired(not_after: Timestamp, now: Timestamp) -> bool {
    const ZERO_TIME: Timestamp = Timestamp::from_unix(-62_135_596_800);
    not_after <= now && not_after != ZERO_TIME
}

/// Fabric `msp/mspimplvalidate.go`, `validateIdentity`, followed by one signature.
pub(super) fn validate(signer: &Signer, authorities: &Authorities, units: &Units) -> Result<(), MspRefusal> {
    check_member(&signer.certificate, authorities, units, ChannelRules::V3_0)?;
    match &signer.unfit_key {
        Some((at, why)) => refuse(35, at, *why).map_err(|e| MspRefusal { stage: RefusalStage::Identity, ..e }),
        None => Ok(()),
    }
}

/// Checks that a certificate is a valid member.
pub(super) fn check_member(
    member: &Loaded,
    authorities: &Authorities,
    units: &Units,
    rules: ChannelRules,
) -> Result<(), MspRefusal> {
    member_path(member, authorities, rules)
        .and_then(|path| {
            if let Some(issuer) = path.get(1) {
                check_revocation(&authorities.crls, &member.cert, issuer, &member.path, 48)?;
            }
            units.check(&member.cert, &path).or_else(|(number, reason)| refuse(number, &member.path, reason))
        })
        .map_err(|e| MspRefusal { stage: RefusalStage::Identity, ..e })
}

fn member_path(
    member: &Loaded,
    authorities: &Authorities,
    rules: ChannelRules,
) -> Result<Vec<Rc<Certificate>>, MspRefusal> {
    let because = |number, reason: &str| refuse(number, &member.path, reason);
    match (&member.cert.public_key, rules) {
        (PublicKey::Ecdsa(..), _) | (PublicKey::Ed25519(_), ChannelRules::V3_0) => {}
        (PublicKey::Ed25519(_), ChannelRules::V1_4_3) => {
            return because(46, "its key is Ed25519, which only channels with the V3_0 capability accept");
        }
        _ => return because(45, "its key is RSA, which Fabric does not accept as an identity"),
    }
    match authorities.identity_path(&member.cert) {
        Ok(path) => Ok(path),
        Err(IdentityError::IsCa) => because(44, "it is a CA certificate, not an identity"),
        Err(IdentityError::NoIssuer) => because(44, "it is itself a root"),
        Err(IdentityError::InnerIssuer(ca)) => {
            because(43, &format!("its issuer \"{ca}\" has intermediate CAs below it and may not issue identities"))
        }
        Err(IdentityError::Path(e)) => because(if e.is_unknown_authority() { 37 } else { number_of(&e) }, &e.reason()),
    }
}

const fn number_of(error: &PathError) -> u8 {
    error.number(&NUMBERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_judged_as_in_fabric() {
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        let now = at("2026-11-23T05:00:00Z");
        assert!(has_expired(now, now) && has_expired(at("0001-01-01T00:00:01Z"), now));
        assert!(!has_expired(at("2026-11-23T05:00:01Z"), now) && !has_expired(at("0001-01-01T00:00:00Z"), now));
    }
}
