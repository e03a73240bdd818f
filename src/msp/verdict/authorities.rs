//! Certification authorities (fabric `msp/mspimplsetup.go`, `setupCAs` and `finalizeSetupCAs`): refusals 16-29, 41, 42.

use std::path::Path;
use std::rc::Rc;

use super::load::Tree;
use super::parsed::{Loaded, Parsed, check_key};
use super::path::{PathError, PathNumbers, Pools};
use super::revocation::{Crls, Revocation};
use super::{MspRefusal, refuse};
use crate::pki::go::x509::{Certificate, Pool};

/// The verified CAs of an MSP.
pub(super) struct Authorities {
    roots: Vec<Loaded>,
    intermediates: Vec<Loaded>,
    pools: Pools,
    pub(super) crls: Crls,
    /// CAs with an intermediate below them; they may not issue identities.
    inner: Vec<Rc<Certificate>>,
}

/// Why a certificate is not an identity of this MSP, apart from its OUs.
pub(super) enum IdentityError {
    /// It is a CA (44).
    IsCa,
    Path(PathError),
    /// Its issuer has intermediates below it (43).
    InnerIssuer(String),
    /// The path is the certificate alone: it is itself a root.
    NoIssuer,
}

/// Why a certificate with an ECDSA signature cannot be loaded.
pub(super) enum LoadError {
    Path(PathError),
    /// It is its own path and not self-signed.
    NoIssuer,
}

const NUMBERS: PathNumbers = PathNumbers { unknown: 24, date: 26, length: 27, usage: 23, several: 28 };

impl Authorities {
    pub(super) fn set_up(tree: &Tree, parsed: &Parsed) -> Result<Self, MspRefusal> {
        let (roots, intermediates) = (parsed.files(&tree.roots, 16)?, parsed.files(&tree.intermediates, 16)?);
        let first = Self::new(roots, intermediates);
        let load = |ca: &Loaded| {
            check_key(&ca.cert, &ca.path)?;
            match first.load(&ca.cert) {
                Ok(cert) => Ok(Loaded { path: ca.path.clone(), cert }),
                Err(LoadError::Path(e)) => refuse(e.number(&NUMBERS), &ca.path, e.reason()),
                Err(LoadError::NoIssuer) => refuse_unsigned(ca),
            }
        };
        let roots = first.roots.iter().map(load).collect::<Result<_, _>>()?;
        let intermediates = first.intermediates.iter().map(load).collect::<Result<_, _>>()?;
        let mut authorities = Self::new(roots, intermediates);
        authorities.crls = Crls::set_up(&tree.crls)?;
        for ca in &authorities.roots {
            authorities.check_ca(ca, 20)?;
        }
        for ca in &authorities.intermediates {
            authorities.check_ca(ca, 25)?;
        }
        for ca in &authorities.intermediates {
            let path = authorities.pools.unique_path(&ca.cert).unwrap_or_default();
            authorities.inner.extend(path.into_iter().skip(1));
        }
        Ok(authorities)
    }

    fn new(roots: Vec<Loaded>, intermediates: Vec<Loaded>) -> Self {
        let pool = |list: &[Loaded]| Pool::new(list.iter().map(|ca| Rc::clone(&ca.cert)));
        let pools = Pools { roots: pool(&roots), intermediates: pool(&intermediates) };
        Self { roots, intermediates, pools, crls: Crls::default(), inner: Vec::new() }
    }

    fn is_inner(&self, ca: &Certificate) -> bool {
        self.inner.iter().any(|inner| **inner == *ca)
    }

    /// The certificate in Fabric's form: one with an ECDSA signature gets a low S, and its path is verified for that
    /// (fabric `msp/mspimpl.go`, `sanitizeCert`).
    pub(super) fn load(&self, cert: &Rc<Certificate>) -> Result<Rc<Certificate>, LoadError> {
        if !cert.is_ecdsa_signed() {
            return Ok(Rc::clone(cert));
        }
        let with_low_s = |parent: &Certificate| cert.with_low_s(parent).map_or_else(|| Rc::clone(cert), Rc::new);
        if cert.is_ca() && cert.is_signed_by(cert) {
            let low = with_low_s(cert);
            let alone = Pool::new([Rc::clone(&low)]);
            let pools = Pools { roots: alone, intermediates: self.pools.intermediates.clone() };
            return pools.unique_path(&low).map(|_| low).map_err(LoadError::Path);
        }
        let path = self.pools.unique_path(cert).map_err(LoadError::Path)?;
        path.get(1).map(|parent| with_low_s(parent)).ok_or(LoadError::NoIssuer)
    }

    fn check_ca(&self, ca: &Loaded, number: u8) -> Result<(), MspRefusal> {
        let (cert, path) = (&ca.cert, &ca.path);
        if !cert.is_ca() {
            return refuse(number, path, format!("\"{}\" is not a CA (basicConstraints)", cert.subject_text()));
        }
        if cert.extensions.subject_key_id.is_none() {
            return refuse(21, path, format!("\"{}\" has no subject key identifier", cert.subject_text()));
        }
        match self.pools.unique_path(cert) {
            Err(e) => refuse(e.number(&NUMBERS), path, e.reason()),
            Ok(found) => match found.get(1) {
                Some(issuer) => check_revocation(&self.crls, cert, issuer, path, 29),
                None => Ok(()),
            },
        }
    }

    /// The path of an identity, the certificate first (fabric `msp/mspimpl.go`,
    /// `getCertificationChainForBCCSPIdentity`).
    pub(super) fn identity_path(&self, cert: &Rc<Certificate>) -> Result<Vec<Rc<Certificate>>, IdentityError> {
        if cert.is_ca() {
            return Err(IdentityError::IsCa);
        }
        let path = self.pools.unique_path(cert).map_err(IdentityError::Path)?;
        match path.get(1) {
            None => Err(IdentityError::NoIssuer),
            Some(issuer) if self.is_inner(issuer) => Err(IdentityError::InnerIssuer(issuer.subject_text())),
            Some(_) => Ok(path),
        }
    }

    /// The certificates that must be above an identity with an OU that names `ca`; `None` when `ca` is not a CA of this
    /// MSP. An error when it has intermediates below it and is not a root (fabric `msp/mspimplsetup.go`,
    /// `getCertifiersIdentifier`).
    pub(super) fn certifiers(&self, ca: &Rc<Certificate>) -> Result<Option<Vec<Rc<Certificate>>>, String> {
        let Ok(ca) = self.load(ca) else { return Ok(None) };
        let is_among = |list: &[Loaded]| list.iter().any(|known| known.cert == ca);
        if is_among(&self.roots) {
            return Ok(Some(vec![ca]));
        }
        if !is_among(&self.intermediates) {
            return Ok(None);
        }
        let path = self.pools.unique_path(&ca).map_err(|e| e.reason())?;
        if path.len() < 2 {
            return Err(format!("\"{}\" has no CA above it", ca.subject_text()));
        }
        if self.is_inner(&ca) {
            return Err(format!("\"{}\" has intermediate CAs below it", ca.subject_text()));
        }
        Ok(Some(path))
    }
}

/// Refuses a certificate that `issuer` revoked, with `number`.
pub(super) fn check_revocation(
    crls: &Crls,
    cert: &Certificate,
    issuer: &Certificate,
    path: &Path,
    number: u8,
) -> Result<(), MspRefusal> {
    match crls.look_up(cert, issuer) {
        Revocation::None => Ok(()),
        Revocation::Revoked(by) => refuse(number, path, format!("it is revoked by {}", by.display())),
        Revocation::Unreadable(crl) => refuse(
            66,
            &crl,
            "the revocation list has no authority key identifier, and Fabric then accepts no certificate at all",
        ),
    }
}

fn refuse_unsigned<T>(ca: &Loaded) -> Result<T, MspRefusal> {
    let subject = ca.cert.subject_text();
    if ca.cert.subject == ca.cert.issuer {
        let needs = "CA:TRUE, keyCertSign and a signature by its own key (not over SHA-1) are required";
        return refuse(19, &ca.path, format!("\"{subject}\" is not a self-signed CA: {needs}"));
    }
    let issuer = ca.cert.issuer_text();
    refuse(22, &ca.path, format!("\"{subject}\" is not self-signed: its issuer is \"{issuer}\""))
}
