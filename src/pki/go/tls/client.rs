//! A Go TLS client that trusts the CA file of the folder.

use std::cell::OnceCell;
use std::path::Path;
use std::rc::Rc;

use super::server::Served;
use super::{TlsFiles, TlsRefusal, Verdict, refuse};
use crate::Timestamp;
use crate::pki::go::x509::{
    Blocks, Certificate, Curve, Pool, PublicKey, VerifyError, VerifyOptions, verify, verify_host,
};
use crate::pki::name::NameIndex;

/// A client in front of a server.
pub(super) struct Client<'a> {
    path: &'a Path,
    leaf: Rc<Certificate>,
    roots: Pool,
    intermediates: Pool,
    /// The names of the leaf.
    names: NameIndex,
    /// The verdict on the chain, which is the same for every name.
    chain: OnceCell<Result<(), VerifyError>>,
}

impl<'a> Client<'a> {
    /// Reads the CA file and what the server sends.
    pub(super) fn new(files: &'a TlsFiles, served: &Served) -> Result<Self, TlsRefusal> {
        // Go passes over what it cannot read (`CertPool.AppendCertsFromPEM`).
        let roots = Blocks(&served.anchors)
            .filter(|b| b.label == "CERTIFICATE" && !b.has_headers)
            .filter_map(|b| Certificate::parse(&b.der).ok())
            .map(Rc::new);
        let roots = Pool::new(roots);
        if roots.is_empty() {
            let reason = "the CA file is unusable: Go finds no certificate in it";
            return refuse("ca-file-unusable", &files.anchors, reason);
        }
        let path = &files.certificate;
        let mut intermediates = Vec::new();
        for der in &served.chain {
            match Certificate::parse(der) {
                Ok(certificate) => intermediates.push(Rc::new(certificate)),
                Err(e) => {
                    let reason = format!("a client cannot read what follows the first certificate: {e}");
                    return refuse("chain-unreadable", path, reason);
                }
            }
        }
        for certificate in std::iter::once(&served.leaf).chain(&intermediates) {
            if let PublicKey::Rsa(key) = &certificate.public_key
                && key.bits() > 8192
            {
                return refuse("key-too-large", path, "Go's TLS takes no RSA keys above 8192 bits");
            }
        }
        check_key(&served.leaf, path)?;
        Ok(Self {
            path,
            leaf: Rc::clone(&served.leaf),
            roots,
            intermediates: Pool::new(intermediates),
            names: NameIndex::new(&served.leaf.extensions.hosts),
            chain: OnceCell::new(),
        })
    }

    /// Dials `name`, a host name or an IP address, each time at the same `now`; an empty name asks for none.
    pub(super) fn dial(&self, name: &str, now: Timestamp) -> Verdict {
        let host = if name.is_empty() { Ok(()) } else { verify_host(&self.leaf, &self.names, name, now) };
        let options = VerifyOptions { roots: &self.roots, intermediates: &self.intermediates, at: now };
        let chain = || self.chain.get_or_init(|| verify(&self.leaf, &options).map(drop)).clone();
        host.and_then(|()| chain()).or_else(|e| refuse(key_of(&e), self.path, e.to_string()))
    }
}

/// No handshake succeeds with these keys.
fn check_key(leaf: &Certificate, path: &Path) -> Verdict {
    match &leaf.public_key {
        PublicKey::Ecdsa(Curve::P224, _) => refuse("key-unsupported", path, "Go's TLS does not know the curve P-224"),
        PublicKey::Rsa(key) if key.bits() < 1024 => {
            refuse("key-unsupported", path, "Go signs with no RSA key below 1024 bits")
        }
        _ => Ok(()),
    }
}

const fn key_of(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::UnhandledCritical { .. } => "unknown-critical-extension",
        VerifyError::NotYetValid { .. } => "not-yet-valid",
        VerifyError::Expired { .. } => "expired",
        VerifyError::NotCa { .. } => "not-a-ca",
        VerifyError::PathLength { .. } => "path-length",
        VerifyError::WrongHost { .. } => "wrong-host",
        VerifyError::UnknownAuthority { .. } => "unknown-authority",
        VerifyError::Usage { .. } => "no-server-auth",
        VerifyError::NameConstraints(_) => "name-constraints",
        VerifyError::Policies => "policies",
        VerifyError::SignatureLimit => "too-many-signatures",
    }
}
