//! Certification authorities (fabric `msp/mspimplsetup.go`, `setupCAs` and `finalizeSetupCAs`): refusals 16-29.

use std::path::Path;

use super::certificate::{Loaded, Signature};
use super::load::Tree;
use super::path::{PathError, Pool};
use super::revocation::{Crls, Revocation};
use super::{MspRefusal, Warnings, refuse};

/// The CAs of an MSP, proven to be such.
pub(super) struct Authorities {
    pub(super) roots: Vec<Loaded>,
    pub(super) intermediates: Vec<Loaded>,
    pub(super) crls: Crls,
    /// CAs with an intermediate below them, DER. They may not issue identities.
    inner: Vec<Vec<u8>>,
}

/// Why a certificate is no identity of this MSP, before its OUs are looked at.
pub(super) enum IdentityError {
    /// It is a CA (44).
    IsCa,
    Path(PathError),
    /// Its issuer has intermediates below it (43).
    InnerIssuer(String),
    /// The path ends where it begins: the certificate itself is among the roots.
    NoIssuer,
}

impl Authorities {
    pub(super) fn set_up(tree: &Tree, warnings: &mut Warnings) -> Result<Self, MspRefusal> {
        let load = |files: &[_]| files.iter().map(Loaded::from_file).collect::<Result<Vec<_>, _>>();
        let (roots, intermediates) = (load(&tree.roots)?, load(&tree.intermediates)?);
        let mut authorities = Self { roots, intermediates, crls: Crls::default(), inner: Vec::new() };
        for ca in authorities.all() {
            authorities.check_ecdsa_signed(ca)?;
            warn_of_unknown_signature(ca, &authorities, warnings);
        }
        authorities.crls = Crls::set_up(&tree.crls)?;
        for ca in &authorities.roots {
            authorities.check_ca(ca, 20)?;
        }
        for ca in &authorities.intermediates {
            authorities.check_ca(ca, 25)?;
        }
        let pool = authorities.pool();
        let above = |ca| pool.unique_path(ca).unwrap_or_default().into_iter().skip(1).map(|c| c.cert.der().to_vec());
        authorities.inner = authorities.intermediates.iter().flat_map(above).collect();
        Ok(authorities)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Loaded> {
        self.roots.iter().chain(&self.intermediates)
    }

    pub(super) fn pool(&self) -> Pool<'_> {
        Pool::new(&self.roots, &self.intermediates)
    }

    fn is_inner(&self, ca: &Loaded) -> bool {
        self.inner.iter().any(|der| der == ca.cert.der())
    }

    /// Loading a certificate that was signed with ECDSA includes its chain (fabric `msp/mspimpl.go`, `sanitizeCert`).
    fn check_ecdsa_signed(&self, ca: &Loaded) -> Result<(), MspRefusal> {
        if !ca.ecdsa_signed {
            return Ok(());
        }
        if ca.is_self_signed_ca() {
            let alone = Pool::new(std::slice::from_ref(ca), &[]);
            return alone.unique_path(ca).map(|_| ()).or_else(|e| refuse_ca(&ca.path, &e));
        }
        match self.pool().unique_path(ca) {
            Err(e) => refuse_ca(&ca.path, &e),
            Ok(path) if path.len() > 1 => Ok(()),
            Ok(_) if ca.subject_raw == ca.issuer_raw => refuse(
                19,
                &ca.path,
                format!(
                    "\"{}\" is no self-signed CA: CA:TRUE, keyCertSign and a signature of its own key (not over SHA-1) are needed",
                    ca.cert.subject()
                ),
            ),
            Ok(_) => refuse(
                22,
                &ca.path,
                format!("\"{}\" is not self-signed: it was issued by \"{}\"", ca.cert.subject(), ca.cert.issuer()),
            ),
        }
    }

    fn check_ca(&self, ca: &Loaded, number: u8) -> Result<(), MspRefusal> {
        if !ca.cert.is_ca() {
            return refuse(number, &ca.path, format!("\"{}\" is no CA (basicConstraints)", ca.cert.subject()));
        }
        if ca.cert.subject_key_id().is_none() {
            return refuse(21, &ca.path, format!("\"{}\" has no subject key identifier", ca.cert.subject()));
        }
        match self.pool().unique_path(ca).map(|path| path.get(1).copied()) {
            Err(e) => refuse_ca(&ca.path, &e),
            Ok(None) => Ok(()),
            Ok(Some(issuer)) => match self.crls.look_up(ca, issuer) {
                Revocation::None => Ok(()),
                Revocation::Revoked(by) => refuse(29, &ca.path, format!("it is revoked by {}", by.display())),
                Revocation::Unreadable(crl) => refuse(66, &crl, NO_AUTHORITY),
            },
        }
    }

    /// The path of an identity, the certificate first (fabric `msp/mspimpl.go`,
    /// `getCertificationChainForBCCSPIdentity`).
    pub(super) fn identity_path<'c>(&'c self, cert: &'c Loaded) -> Result<Vec<&'c Loaded>, IdentityError> {
        if cert.cert.is_ca() {
            return Err(IdentityError::IsCa);
        }
        let path = self.pool().unique_path(cert).map_err(IdentityError::Path)?;
        match path.get(1) {
            None => Err(IdentityError::NoIssuer),
            Some(issuer) if self.is_inner(issuer) => Err(IdentityError::InnerIssuer(issuer.cert.subject().to_owned())),
            Some(_) => Ok(path),
        }
    }

    /// The certificates that vouch for an OU when `ca` is named for it, DER; `None` when it is no CA of this MSP.
    /// `Err` when it has intermediates below it and is no root (fabric `msp/mspimplsetup.go`, `getCertifiersIdentifier`).
    pub(super) fn certifiers(&self, ca: &Loaded) -> Result<Option<Vec<Vec<u8>>>, String> {
        if self.roots.contains(ca) {
            return Ok(Some(vec![ca.cert.der().to_vec()]));
        }
        if !self.intermediates.contains(ca) {
            return Ok(None);
        }
        if self.is_inner(ca) {
            return Err(format!("\"{}\" has intermediate CAs below it", ca.cert.subject()));
        }
        let path = self.pool().unique_path(ca).map_err(|e| e.reason())?;
        Ok(Some(path.into_iter().map(|c| c.cert.der().to_vec()).collect()))
    }
}

pub(super) const NO_AUTHORITY: &str =
    "the revocation list has no authority key identifier, and Fabric then accepts no certificate at all";

fn refuse_ca(path: &Path, error: &PathError) -> Result<(), MspRefusal> {
    let number = match error {
        PathError::UnknownAuthority => 24,
        PathError::NotValidAt { .. } => 26,
        PathError::PathLength { .. } => 27,
        PathError::Usage { .. } => 23,
        PathError::Several(_) => 28,
    };
    refuse(number, path, error.reason())
}

/// Says that a signature was taken on trust.
pub(super) fn warn_of_unknown_signature(cert: &Loaded, authorities: &Authorities, warnings: &mut Warnings) {
    let unknown = authorities
        .all()
        .filter(|ca| ca.subject_raw == cert.issuer_raw)
        .any(|ca| cert.signature_from(ca) == Signature::Unknown);
    if unknown {
        warnings.push(None, &cert.path, "its signature is of a kind that is not verified here and was taken for good");
    }
}
