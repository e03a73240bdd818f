//! The node's own identity: set-up (refusals 16-18, 27, 28, 33, 36, 38, 40) and validation (35, 37, 43-45, 48, 54-57, 66).

use std::path::{Path, PathBuf};

use super::authorities::{Authorities, IdentityError, NO_AUTHORITY, warn_of_unknown_signature};
use super::certificate::{KeyKind, Loaded};
use super::path::PathError;
use super::revocation::Revocation;
use super::units::Units;
use super::{ChannelRules, MspRefusal, RefusalStage, Warnings, refuse};
use crate::Timestamp;
use crate::msp::folder::FolderReader;
use crate::msp::keystore::{Found, KEYSTORE, PrivateKey, find_key};
use crate::msp::pem_folder::PemFile;

/// The identity after set-up.
pub(super) struct Signer {
    certificate: Loaded,
    /// A public key that Fabric took for the private one.
    public_key: Option<PathBuf>,
}

/// The certificate as Fabric takes it in, be it the node's own or another's: one that was signed with ECDSA must lead to
/// a root at once (fabric `msp/mspimpl.go`, `sanitizeCert`).
pub(super) fn sanitise(
    file: &PemFile,
    authorities: &Authorities,
    warnings: &mut Warnings,
) -> Result<Loaded, MspRefusal> {
    let certificate = Loaded::from_file(file)?;
    warn_of_unknown_signature(&certificate, authorities, warnings);
    let path = &certificate.path;
    if certificate.ecdsa_signed && !certificate.is_self_signed_ca() {
        match authorities.pool().unique_path(&certificate) {
            Err(e) => return refuse(number_of(&e), path, e.reason()),
            Ok(found) if found.len() < 2 => return refuse(36, path, "no CA of this MSP issued it"),
            Ok(_) => {}
        }
    }
    Ok(certificate)
}

/// Fabric `msp/mspimplsetup.go`, `setupSigningIdentity`.
pub(super) fn set_up(
    folder: &dyn FolderReader,
    signcert: &PemFile,
    authorities: &Authorities,
    now: Timestamp,
    warnings: &mut Warnings,
) -> Result<Signer, MspRefusal> {
    let certificate = sanitise(signcert, authorities, warnings)?;
    let path = &certificate.path;
    let mut public_key = None;
    match find_key(folder, certificate.cert.ski()) {
        Found::Private(at, PrivateKey::Known(key)) if key.spki_der() != certificate.cert.spki_der() => {
            warnings.push(
                Some(34),
                &at,
                "it bears the name of the certificate's key and holds another key: others will refuse every signature",
            );
        }
        Found::Private(..) => {}
        Found::Public(at) => public_key = Some(at),
        Found::Nothing(why) => return refuse(33, Path::new(KEYSTORE), why),
    }
    let end = certificate.cert.not_after();
    if end <= now {
        return refuse(38, path, format!("the certificate expired at {end}"));
    }
    Ok(Signer { certificate, public_key })
}

/// Fabric `msp/mspimplvalidate.go`, `validateIdentity`, and then one signature.
pub(super) fn validate(signer: &Signer, authorities: &Authorities, units: &Units) -> Result<(), MspRefusal> {
    let certificate = &signer.certificate;
    let refuse = |(number, path, reason): (u8, PathBuf, String)| {
        Err(MspRefusal { number, path, reason, stage: RefusalStage::Identity })
    };
    if let Err(refusal) = check_member(certificate, authorities, units, ChannelRules::V3_0) {
        return refuse(refusal);
    }
    match &signer.public_key {
        Some(at) => {
            refuse((35, at.clone(), "Fabric takes this public key for the private one and cannot sign".to_owned()))
        }
        None => Ok(()),
    }
}

/// Whether a certificate is a valid member: number, file and reason when not.
pub(super) fn check_member(
    certificate: &Loaded,
    authorities: &Authorities,
    units: &Units,
    rules: ChannelRules,
) -> Result<(), (u8, PathBuf, String)> {
    let because = |number, reason: String| Err((number, certificate.path.clone(), reason));
    match certificate.key_kind {
        KeyKind::Ed25519 if rules == ChannelRules::V1_4_3 => {
            return because(46, "its key is Ed25519, which channels below capability V3_0 do not take".to_owned());
        }
        KeyKind::Ecdsa | KeyKind::Ed25519 => {}
        KeyKind::Rsa => return because(45, "its key is RSA, which Fabric does not take as an identity".to_owned()),
        KeyKind::Other => {
            return because(45, "its key is of a kind that Fabric does not take as an identity".to_owned());
        }
    }
    let path = match authorities.identity_path(certificate) {
        Ok(path) => path,
        Err(IdentityError::IsCa) => return because(44, "it is a CA certificate, which is no identity".to_owned()),
        Err(IdentityError::NoIssuer) => return because(44, "it is itself among the roots".to_owned()),
        Err(IdentityError::InnerIssuer(ca)) => {
            return because(
                43,
                format!("its issuer \"{ca}\" has intermediate CAs below it and may issue no identities"),
            );
        }
        Err(IdentityError::Path(PathError::UnknownAuthority)) => {
            return because(37, PathError::UnknownAuthority.reason());
        }
        Err(IdentityError::Path(e)) => return because(number_of(&e), e.reason()),
    };
    if let Some(issuer) = path.get(1) {
        match authorities.crls.look_up(certificate, issuer) {
            Revocation::None => {}
            Revocation::Revoked(by) => return because(48, format!("it is revoked by {}", by.display())),
            Revocation::Unreadable(crl) => return Err((66, crl, NO_AUTHORITY.to_owned())),
        }
    }
    units.check(certificate, &path).or_else(|(number, reason)| because(number, reason))
}

/// The numbers for the path of an identity. A leaf older than its CA has none of its own.
const fn number_of(error: &PathError) -> u8 {
    match error {
        PathError::UnknownAuthority | PathError::NotValidAt { .. } => 36,
        PathError::PathLength { .. } => 27,
        PathError::Usage { .. } => 40,
        PathError::Several(_) => 28,
    }
}
