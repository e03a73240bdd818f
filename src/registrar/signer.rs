//! The identity in an MSP folder that signs a registrar's requests.

use std::path::Path;

use crate::ca::Credential;
use crate::disk::DiskFolder;
use crate::identity::Environment;
use crate::msp::CurrentMsp;
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

/// A certificate with its key, judged before anything is signed with it.
#[derive(Debug)]
pub(crate) struct Signer {
    /// Its enrolment id.
    pub(super) id: String,
    cert_pem: String,
    key: KeyPair,
}

impl Signer {
    /// Reads the identity in the MSP folder `folder`.
    ///
    /// # Errors
    /// When the folder holds no certificate with its key, or the certificate has expired.
    pub(crate) fn read(folder: &Path, env: &Environment<'_>) -> Result<Self, Error> {
        let msp = CurrentMsp::read(&DiskFolder::new(env.disk, folder), None);
        let unusable = |reason: String| {
            Error::new(ErrorKind::Input, format!("the registrar's folder {} {reason}", folder.display())).with_help(
                "give the MSP folder of an identity with hf.Registrar.Roles, as fabcert enroll --msp-dir writes it",
            )
        };
        let is_matching = msp.pair_matches();
        let Some((_, cert)) = msp.leaf else { return Err(unusable("holds no certificate in signcerts".to_owned())) };
        let Some((_, key)) = msp.key.filter(|_| is_matching) else {
            return Err(unusable("does not hold the key of its certificate".to_owned()));
        };
        Self::of(folder, &cert, key, env)
    }

    /// The identity of a certificate and its key, which are in the MSP folder `folder`.
    ///
    /// # Errors
    /// When the key is another certificate's, or the certificate has expired.
    pub(crate) fn of(folder: &Path, cert: &Cert, key: KeyPair, env: &Environment<'_>) -> Result<Self, Error> {
        let unusable = |reason: String| {
            Error::new(ErrorKind::Input, format!("the registrar's folder {} {reason}", folder.display()))
        };
        if cert.spki_der() != key.spki_der() {
            return Err(unusable("does not hold the key of its certificate".to_owned())
                .with_help("name the key of the certificate, or enrol again"));
        }
        if cert.not_after() < (env.now)() {
            let reason = format!("has a certificate that expired at {}; no request was sent", cert.not_after());
            return Err(unusable(reason).with_help("fabcert enroll gets a new one with the registrar's secret"));
        }
        let id = cert.common_name().unwrap_or_default().to_owned();
        Ok(Self { id, cert_pem: cert.to_pem(), key })
    }

    /// The credential of its requests.
    pub(crate) const fn credential(&self) -> Credential<'_> {
        Credential { cert_pem: self.cert_pem.as_bytes(), key: &self.key }
    }
}
