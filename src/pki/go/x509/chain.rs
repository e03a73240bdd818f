//! Paths from a certificate to a root (`crypto/x509/verify.go`, `Certificate.Verify`; `crypto/x509/cert_pool.go`).

use std::collections::HashSet;
use std::rc::Rc;

use super::certificate::Certificate;
use super::constraints;
use super::policy::policies_hold;
use crate::Timestamp;
use crate::pki::name::NameIndex;

/// A set of certificates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Vec<Rc<Certificate>>);

impl Pool {
    pub(crate) fn new(certificates: impl IntoIterator<Item = Rc<Certificate>>) -> Self {
        let mut known = HashSet::new();
        let mut is_new = |certificate: &Rc<Certificate>| known.insert(certificate.raw.clone());
        Self(certificates.into_iter().filter(|certificate| is_new(certificate)).collect())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, certificate: &Certificate) -> bool {
        self.0.iter().any(|c| **c == *certificate)
    }

    /// The certificates with the issuer's name, the likely ones first.
    fn parents_of(&self, certificate: &Certificate) -> Vec<&Rc<Certificate>> {
        let wanted = certificate.extensions.authority_key_id.as_deref().unwrap_or_default();
        let mut found: Vec<_> = self.0.iter().filter(|c| c.subject == certificate.issuer).collect();
        found.sort_by_key(|c| {
            let held = c.extensions.subject_key_id.as_deref().unwrap_or_default();
            if held == wanted { 0 } else { 1 + u8::from(held.is_empty() == wanted.is_empty()) }
        });
        found
    }
}

/// The parameters of a verification. Every list of extended key usages on the path must have server auth or any, Go's
/// default.
pub(crate) struct VerifyOptions<'a> {
    pub(crate) roots: &'a Pool,
    pub(crate) intermediates: &'a Pool,
    pub(crate) at: Timestamp,
}

/// Why there is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error("\"{subject}\" has critical extensions that Go does not know: {oids}")]
    UnhandledCritical { subject: String, oids: String },
    #[error("\"{subject}\" is valid from {}, and is judged at {}", .from, .at)]
    NotYetValid { subject: String, from: Timestamp, at: Timestamp },
    #[error("\"{subject}\" was valid until {}, and is judged at {}", .until, .at)]
    Expired { subject: String, until: Timestamp, at: Timestamp },
    #[error("\"{subject}\" is not a CA")]
    NotCa { subject: String },
    #[error("\"{subject}\" allows fewer intermediate CAs below it")]
    PathLength { subject: String },
    #[error("the certificate is not for \"{host}\"{held}")]
    WrongHost { host: String, held: String },
    #[error("none of the CA certificates issued \"{subject}\"{hint}")]
    UnknownAuthority { subject: String, hint: String },
    #[error("the extended key usage of \"{subject}\" lacks server auth, which Go requires of every list")]
    Usage { subject: String },
    #[error("{0}")]
    NameConstraints(String),
    #[error("the certificate policies on the path are inconsistent")]
    Policies,
    #[error("more than 100 signatures would have to be verified")]
    SignatureLimit,
}

type Path = Vec<Rc<Certificate>>;

/// Every path from `certificate` to a root, the certificate first. A root is its own path.
///
/// # Errors
/// When there is no path; the error gives Go's reason.
pub(crate) fn verify(certificate: &Rc<Certificate>, options: &VerifyOptions<'_>) -> Result<Vec<Path>, VerifyError> {
    is_valid(certificate, Position::Leaf, &[], options.at)?;
    let candidates = if options.roots.contains(certificate) {
        vec![vec![Rc::clone(certificate)]]
    } else {
        let mut search = Search { options, checks: 0 };
        search.build(certificate, &mut vec![Rc::clone(certificate)])?
    };
    let mut usage = None;
    let mut policies = false;
    let mut constraint = None;
    let mut paths = Vec::new();
    for path in candidates {
        let plain: Vec<&Certificate> = path.iter().map(Rc::as_ref).collect();
        if !policies_hold(&plain) {
            policies = true;
        } else if let Some(unfit) = path.iter().rev().find(|c| !is_for_servers(c)) {
            usage.get_or_insert_with(|| unfit.subject_text());
        } else if let Err(reason) = constraints::check(&plain) {
            constraint.get_or_insert(reason);
        } else {
            paths.push(path);
        }
    }
    if !paths.is_empty() {
        return Ok(paths);
    }
    Err(match (constraint, usage, policies) {
        (Some(reason), ..) => VerifyError::NameConstraints(reason),
        (None, Some(subject), false) => VerifyError::Usage { subject },
        _ => VerifyError::Policies,
    })
}

/// Whether a client that dials `host`, a host name or an IP address, goes on to look for a path at `at`; `held` are the
/// SANs of `certificate`. Go compares the name after the dates of the certificate and before its issuers, so the verdict
/// for a name is this one, then that of [`verify`].
///
/// # Errors
/// When the certificate is not valid by itself, or not for the host.
pub(crate) fn verify_host(
    certificate: &Certificate,
    held: &NameIndex,
    host: &str,
    at: Timestamp,
) -> Result<(), VerifyError> {
    is_valid(certificate, Position::Leaf, &[], at)?;
    if held.matches_as_go(host) {
        return Ok(());
    }
    let held = &certificate.extensions.hosts;
    let held = if held.is_empty() {
        ": it has no SAN for a host".to_owned()
    } else {
        format!(", but for {}", held.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    };
    Err(VerifyError::WrongHost { host: host.to_owned(), held })
}

fn is_for_servers(certificate: &Certificate) -> bool {
    certificate.extensions.extended_key_usage.as_ref().is_none_or(|usage| usage.any || usage.server_auth)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Leaf,
    Intermediate,
    Root,
}

/// Go's `isValid`; `below` begins with the leaf.
fn is_valid(
    certificate: &Certificate,
    position: Position,
    below: &[Rc<Certificate>],
    at: Timestamp,
) -> Result<(), VerifyError> {
    let extensions = &certificate.extensions;
    let subject = || certificate.subject_text();
    if !extensions.unhandled.is_empty() {
        return Err(VerifyError::UnhandledCritical { subject: subject(), oids: extensions.unhandled.join(", ") });
    }
    if at < certificate.not_before {
        return Err(VerifyError::NotYetValid { subject: subject(), from: certificate.not_before, at });
    }
    if at > certificate.not_after {
        return Err(VerifyError::Expired { subject: subject(), until: certificate.not_after, at });
    }
    if position == Position::Intermediate && !(extensions.has_basic_constraints && extensions.is_ca) {
        return Err(VerifyError::NotCa { subject: subject() });
    }
    let intermediates = below.len().saturating_sub(1) as u64;
    // The leaf has no certificate below it, which Go counts as -1 intermediates.
    if position != Position::Leaf && extensions.max_path_len.is_some_and(|most| intermediates > most) {
        return Err(VerifyError::PathLength { subject: subject() });
    }
    Ok(())
}

struct Search<'a> {
    options: &'a VerifyOptions<'a>,
    /// The number of candidates checked so far.
    checks: u32,
}

impl Search<'_> {
    /// Go's `buildChains`; `below` ends with `certificate`.
    fn build(&mut self, certificate: &Rc<Certificate>, below: &mut Path) -> Result<Vec<Path>, VerifyError> {
        let options = self.options;
        let roots = options.roots.parents_of(certificate).into_iter().map(|c| (Position::Root, c));
        let others = options.intermediates.parents_of(certificate).into_iter().map(|c| (Position::Intermediate, c));
        let mut paths = Vec::new();
        let mut hint = None;
        let mut error = None;
        for (position, candidate) in roots.chain(others) {
            self.checks += 1;
            if self.checks > 100 {
                error = Some(VerifyError::SignatureLimit);
                break;
            }
            if candidate.has_no_key() || is_in(candidate, below) {
                continue;
            }
            if !certificate.is_signed_by(candidate) {
                hint.get_or_insert_with(|| {
                    format!("; \"{}\" has the name and did not sign it", candidate.subject_text())
                });
                continue;
            }
            if let Err(e) = is_valid(candidate, position, below, options.at) {
                hint.get_or_insert_with(|| format!("; {e}"));
                error = Some(e);
                continue;
            }
            error = None;
            below.push(Rc::clone(candidate));
            if position == Position::Root {
                paths.push(below.clone());
            } else {
                match self.build(candidate, below) {
                    Ok(found) => paths.extend(found),
                    Err(e) => error = Some(e),
                }
            }
            below.pop();
            if error == Some(VerifyError::SignatureLimit) {
                break;
            }
        }
        if !paths.is_empty() {
            return Ok(paths);
        }
        Err(error.unwrap_or_else(|| VerifyError::UnknownAuthority {
            subject: certificate.subject_text(),
            hint: hint.unwrap_or_default(),
        }))
    }
}

impl Certificate {
    fn has_no_key(&self) -> bool {
        self.public_key == super::public_key::PublicKey::Unknown
    }
}

/// Whether a certificate with the same name, key and SANs is in the path already (Go's `alreadyInChain`).
fn is_in(candidate: &Certificate, path: &[Rc<Certificate>]) -> bool {
    for held in path.iter().filter(|c| c.subject == candidate.subject && c.spki == candidate.spki) {
        match (&candidate.extensions.san, &held.extensions.san) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => return true,
            (Some(_), Some(_)) => {}
            // Go stops here.
            _ => return false,
        }
    }
    false
}
