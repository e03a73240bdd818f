//! Trust anchors for the CA's TLS, and the check of the certificates that the CA serves.
//!
//! As in the Go client, every certificate in the given files is an anchor, root or not, and the system's store is not
//! used: an operator may have only an intermediate, or the TLS certificate itself.

use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use super::{TlsFailure, UnknownIssuer};
use crate::pki::key::is_private_key_label;
use crate::pki::name::SanName;
use crate::pki::x509::{Cert, CertError};
use crate::text::{PemError, pem_blocks};
use crate::{Error, ErrorKind, Timestamp};

/// The certificates that a CA's TLS certificate may lead to. Empty by default.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    anchors: Vec<Anchor>,
}

#[derive(Clone, Debug)]
struct Anchor {
    cert: Cert,
    /// The file that it is from.
    label: String,
    /// For path building; `None` if it is not a CA, and trusted only as a leaf.
    path_end: Option<TrustAnchor<'static>>,
}

/// An unusable file of trust anchors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The PEM is broken.
    #[error("{label}: {source}")]
    Pem {
        /// The file.
        label: String,
        /// The error.
        source: PemError,
    },
    /// The file has no certificate.
    #[error("{label}: the trust anchor file contains no certificate in PEM form")]
    Empty {
        /// The file.
        label: String,
    },
    /// The file has a private key.
    #[error("{label}: line {line}: the trust anchor file contains a private key")]
    PrivateKey {
        /// The file.
        label: String,
        /// Line, from 1.
        line: usize,
    },
    /// A certificate that cannot be parsed.
    #[error("{label}: line {line}: {source}")]
    Certificate {
        /// The file.
        label: String,
        /// Line, from 1.
        line: usize,
        /// The error.
        source: CertError,
    },
    /// A CA certificate that cannot end a path.
    #[error("{label}: line {line}: the certificate \"{subject}\" cannot be a trust anchor: {reason}")]
    Unfit {
        /// The file.
        label: String,
        /// Line, from 1.
        line: usize,
        /// Its subject.
        subject: String,
        /// The error.
        reason: String,
    },
}

impl From<AnchorError> for Error {
    fn from(e: AnchorError) -> Self {
        let help = match e {
            AnchorError::PrivateKey { .. } => "give a file that contains only certificates; keep the key private",
            _ => "give the certificate that signed the CA's TLS certificate, or that certificate itself, in PEM form",
        };
        Self::new(ErrorKind::Input, e.to_string()).with_help(help)
    }
}

impl TrustAnchors {
    /// Reads the anchors of one file; `label` is its path.
    ///
    /// # Errors
    /// As [`add_pem`](Self::add_pem).
    pub fn from_pem(label: &str, pem: &[u8]) -> Result<Self, AnchorError> {
        let mut anchors = Self::default();
        anchors.add_pem(label, pem)?;
        Ok(anchors)
    }

    /// Adds every certificate of a file; `label` is its path. Skips PEM blocks of other kinds.
    ///
    /// # Errors
    /// If the PEM is broken, has no certificate, has one that cannot be parsed, or has a private key.
    pub fn add_pem(&mut self, label: &str, pem: &[u8]) -> Result<(), AnchorError> {
        let label = label.to_owned();
        let blocks = pem_blocks(pem).map_err(|source| AnchorError::Pem { label: label.clone(), source })?;
        if let Some(key) = blocks.iter().find(|b| is_private_key_label(&b.label)) {
            return Err(AnchorError::PrivateKey { label, line: key.line });
        }
        let before = self.anchors.len();
        for block in blocks.into_iter().filter(|b| b.label == "CERTIFICATE") {
            let line = block.line;
            let cert = Cert::from_der(block.der).map_err(|source| AnchorError::Certificate {
                label: label.clone(),
                line,
                source,
            })?;
            let path_end = cert.is_ca().then(|| path_end(&cert)).transpose().map_err(|e| AnchorError::Unfit {
                label: label.clone(),
                line,
                subject: cert.subject().to_owned(),
                reason: e.to_string(),
            })?;
            self.anchors.push(Anchor { cert, label: label.clone(), path_end });
        }
        if self.anchors.len() == before { Err(AnchorError::Empty { label }) } else { Ok(()) }
    }

    /// Whether there are no anchors.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The certificates, in the order of the files.
    pub fn certs(&self) -> impl Iterator<Item = &Cert> {
        self.anchors.iter().map(|a| &a.cert)
    }

    /// Verifies that a server with the certificates `served` (DER, its own first) is `host`, as a connection with these
    /// anchors does; `more` are certificates that the path may lead over.
    ///
    /// # Errors
    /// The reason, if it is not.
    pub(crate) fn prove(
        &self,
        served: &[Vec<u8>],
        more: &[Cert],
        host: &str,
        now: Timestamp,
    ) -> Result<(), TlsFailure> {
        let malformed = |reason: &str| TlsFailure::Malformed { reason: reason.to_owned() };
        let (leaf, rest) = served.split_first().ok_or_else(|| malformed("the server sent none"))?;
        // An IPv6 address has brackets in a URL.
        let host = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        let host = host.map_err(|_| malformed("the host of the URL is not a name that TLS knows"))?;
        let rest: Vec<_> =
            rest.iter().map(Vec::as_slice).chain(more.iter().map(Cert::der)).map(CertificateDer::from).collect();
        let seconds = u64::try_from(now.unix()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        self.judge((&CertificateDer::from(leaf.as_slice()), &rest), &host, now)
    }

    /// Verifies the certificates of a TLS handshake: `chain` is the leaf and the other certificates. The leaf must lead
    /// to an anchor or be one, be valid at `now`, allow server authentication, and have `host` as a SAN.
    pub(super) fn judge(
        &self,
        chain: (&CertificateDer<'_>, &[CertificateDer<'_>]),
        host: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), TlsFailure> {
        let malformed = |reason: String| TlsFailure::Malformed { reason };
        let leaf = Cert::from_der(chain.0.to_vec()).map_err(|e| malformed(e.to_string()))?;
        let end_entity = EndEntityCert::try_from(chain.0).map_err(|e| malformed(e.to_string()))?;
        let name_fits = end_entity.verify_is_valid_for_subject_name(host).is_ok();
        let trusted = if self.certs().any(|anchor| anchor.der() == leaf.der()) {
            judge_leaf_alone(&leaf, timestamp(now))
        } else {
            self.judge_path(&leaf, &end_entity, chain.1, now)
        };
        match trusted {
            Ok(()) if name_fits => Ok(()),
            failed => Err(if let Some(controller) = ingress_default(&leaf) {
                TlsFailure::IngressDefault { controller, host: host.to_str().into_owned() }
            } else {
                match failed {
                    Ok(()) => TlsFailure::WrongHost {
                        host: host.to_str().into_owned(),
                        names: host_names(&leaf),
                        subject: leaf.subject().to_owned(),
                    },
                    Err(TlsFailure::UnknownIssuer(mut unknown)) => {
                        unknown.other_names = (!name_fits).then(|| host_names(&leaf)).filter(|n| !n.is_empty());
                        TlsFailure::UnknownIssuer(unknown)
                    }
                    Err(other) => other,
                }
            }),
        }
    }

    fn judge_path(
        &self,
        leaf: &Cert,
        end_entity: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), TlsFailure> {
        let ends: Vec<_> = self.anchors.iter().filter_map(|a| a.path_end.clone()).collect();
        let algorithms = super::tls::crypto_provider().signature_verification_algorithms.all;
        let anchor_holds = |path: &VerifiedPath<'_>| self.anchor_holds(path, timestamp(now));
        let verdict =
            end_entity.verify_for_usage(algorithms, &ends, intermediates, now, ForServers, None, Some(&anchor_holds));
        match verdict {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain(&error, leaf, intermediates, timestamp(now))),
        }
    }

    /// Checks the dates and the path length of the anchor itself, as Go does. Path building omits both, because an
    /// anchor in RFC 5280 is only a name and a key.
    fn anchor_holds(&self, path: &VerifiedPath<'_>, now: Timestamp) -> Result<(), webpki::Error> {
        let ends_here = |a: &&Anchor| a.path_end.as_ref().is_some_and(|end| end == path.anchor());
        let between = path.intermediate_certificates().count();
        let long_enough = |a: &Anchor| a.cert.path_len().is_none_or(|n| usize::try_from(n).is_ok_and(|n| n >= between));
        if self.anchors.iter().filter(ends_here).any(|a| in_time(&a.cert, now).is_ok() && long_enough(a)) {
            Ok(())
        } else {
            Err(webpki::Error::PathLenConstraintViolated)
        }
    }

    fn explain(
        &self,
        error: &webpki::Error,
        leaf: &Cert,
        intermediates: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> TlsFailure {
        use webpki::Error as E;
        let subject = || leaf.subject().to_owned();
        let served: Vec<Cert> = intermediates.iter().filter_map(|c| Cert::from_der(c.to_vec()).ok()).collect();
        match error {
            E::CaUsedAsEndEntity => TlsFailure::CaServed { subject: subject() },
            E::EmptyEkuExtension => TlsFailure::NotForServers { subject: subject() },
            E::UnknownIssuer | E::InvalidSignatureForPublicKey => self.unknown_issuer(leaf, &served),
            E::CertExpired { .. } | E::CertNotValidYet { .. } | E::PathLenConstraintViolated => {
                let every = std::iter::once(leaf).chain(&served).chain(self.certs());
                let late = every.map(|c| in_time(c, now)).find_map(Result::err);
                late.unwrap_or_else(|| TlsFailure::Malformed { reason: error.to_string() })
            }
            _ => TlsFailure::Malformed { reason: error.to_string() },
        }
    }

    fn unknown_issuer(&self, leaf: &Cert, served: &[Cert]) -> TlsFailure {
        let mut last = leaf;
        // Each step goes to another served certificate, so their number is the limit.
        for _ in served {
            match served.iter().find(|c| last.is_issued_by(c) && *c != last) {
                Some(next) => last = next,
                None => break,
            }
        }
        let named = |a: &Anchor| format!("\"{}\" ({})", a.cert.subject(), a.label);
        let other_key = self.anchors.iter().find(|a| a.cert.subject() == last.issuer() && !last.is_issued_by(&a.cert));
        TlsFailure::UnknownIssuer(Box::new(UnknownIssuer {
            subject: leaf.subject().to_owned(),
            issuer: leaf.issuer().to_owned(),
            missing: last.issuer().to_owned(),
            other_key: other_key.map(named),
            anchors: self.anchors.iter().map(named).collect(),
            other_names: None,
        }))
    }
}

fn path_end(cert: &Cert) -> Result<TrustAnchor<'static>, webpki::Error> {
    let der = CertificateDer::from(cert.der());
    webpki::anchor_from_trusted_cert(&der).map(|a| a.to_owned())
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

fn in_time(cert: &Cert, now: Timestamp) -> Result<(), TlsFailure> {
    let subject = || cert.subject().to_owned();
    if now > cert.not_after() {
        Err(TlsFailure::Expired { subject: subject(), not_after: cert.not_after(), now })
    } else if now < cert.not_before() {
        Err(TlsFailure::NotYetValid { subject: subject(), not_before: cert.not_before(), now })
    } else {
        Ok(())
    }
}

/// Verifies a leaf that is an anchor: it needs no path, only its dates and usages are checked.
fn judge_leaf_alone(leaf: &Cert, now: Timestamp) -> Result<(), TlsFailure> {
    in_time(leaf, now)?;
    match leaf.extended_key_usage() {
        Some(usage) if !usage.server_auth && !usage.any => {
            Err(TlsFailure::NotForServers { subject: leaf.subject().to_owned() })
        }
        _ => Ok(()),
    }
}

/// The DNS names and IP addresses of a certificate.
fn host_names(cert: &Cert) -> Vec<String> {
    cert.sans().iter().filter(|n| matches!(n, SanName::Dns(_) | SanName::Ip(_))).map(ToString::to_string).collect()
}

/// The ingress controller whose default certificate this is. ingress-nginx (`internal/net/ssl/ssl.go`) and Traefik
/// (`pkg/tls/generate/generate.go`) serve these if no certificate matches the host.
fn ingress_default(leaf: &Cert) -> Option<&'static str> {
    let holds = |name: &str| host_names(leaf).iter().any(|n| n == name);
    match leaf.common_name() {
        Some("Kubernetes Ingress Controller Fake Certificate") => Some("Kubernetes ingress controller"),
        Some("TRAEFIK DEFAULT CERT") => Some("Traefik ingress controller"),
        _ if holds("ingress.local") => Some("Kubernetes ingress controller"),
        _ => None,
    }
}

/// Requires `serverAuth` or `anyExtendedKeyUsage` if the certificate has usages, as Go does.
struct ForServers;

const SERVER_AUTH: [usize; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 1];
const ANY_USAGE: [usize; 5] = [2, 5, 29, 37, 0];

impl ExtendedKeyUsageValidator for ForServers {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut none = true;
        for usage in usages {
            let oid = usage?.to_decoded_oid();
            if oid == SERVER_AUTH || oid == ANY_USAGE {
                return Ok(());
            }
            none = false;
        }
        if none { Ok(()) } else { Err(webpki::Error::EmptyEkuExtension) }
    }
}
