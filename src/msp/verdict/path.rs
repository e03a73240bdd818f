//! Paths from a certificate to a root as Go's `crypto/x509` finds them, with the options that Fabric gives it.

use super::certificate::{Loaded, Signature};
use crate::Timestamp;

/// The CAs to build with. The same certificate counts once.
pub(super) struct Pool<'a> {
    roots: Vec<&'a Loaded>,
    intermediates: Vec<&'a Loaded>,
}

/// Why there is no path, or not the only one Fabric wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PathError {
    UnknownAuthority,
    NotValidAt { subject: String, at: Timestamp },
    PathLength { subject: String },
    Usage { subject: String },
    Several(usize),
}

impl PathError {
    pub(super) fn reason(&self) -> String {
        match self {
            Self::UnknownAuthority => "no CA of this MSP issued it".to_owned(),
            Self::NotValidAt { subject, at } => {
                format!(
                    "\"{subject}\" is not valid at {at}, one second after the certificate's own start, when Fabric looks"
                )
            }
            Self::PathLength { subject } => format!("\"{subject}\" allows fewer intermediate CAs below it"),
            Self::Usage { subject } => {
                format!("the extended key usage of \"{subject}\" lacks server auth, which Fabric demands of any list")
            }
            Self::Several(count) => format!("there are {count} paths to a root, and Fabric takes only one"),
        }
    }
}

impl<'a> Pool<'a> {
    pub(super) fn new(roots: &'a [Loaded], intermediates: &'a [Loaded]) -> Self {
        Self { roots: distinct(roots), intermediates: distinct(intermediates) }
    }

    /// The one path from `cert` to a root, `cert` first, judged one second after its start (fabric
    /// `msp/mspimpl.go`, `getUniqueValidationChain`). A certificate that is itself among the roots is its own path.
    pub(super) fn unique_path<'c>(&self, cert: &'c Loaded) -> Result<Vec<&'c Loaded>, PathError>
    where
        'a: 'c,
    {
        let at = Timestamp::from_unix(cert.cert.not_before().unix().saturating_add(1));
        let not_valid = |c: &Loaded| PathError::NotValidAt { subject: c.cert.subject().to_owned(), at };
        if !valid_at(cert, at) {
            return Err(not_valid(cert));
        }
        let mut paths: Vec<Vec<&'c Loaded>> = Vec::new();
        if self.roots.contains(&cert) {
            paths.push(vec![cert]);
        } else {
            let mut last = None;
            self.extend(&mut vec![cert], at, &mut paths, &mut last);
            if paths.is_empty() {
                return Err(last.unwrap_or(PathError::UnknownAuthority));
            }
        }
        let unusable = |path: &Vec<&'c Loaded>| path.iter().rev().find(|c| !for_servers(c)).copied();
        let usable: Vec<Vec<&'c Loaded>> = paths.iter().filter(|p| unusable(p).is_none()).cloned().collect();
        match (usable.len(), paths.iter().find_map(unusable)) {
            (1, _) => Ok(usable.into_iter().next().unwrap_or_default()),
            (0, Some(ca)) => Err(PathError::Usage { subject: ca.cert.subject().to_owned() }),
            (count, _) => Err(PathError::Several(count)),
        }
    }

    fn extend<'c>(
        &self,
        path: &mut Vec<&'c Loaded>,
        at: Timestamp,
        paths: &mut Vec<Vec<&'c Loaded>>,
        last: &mut Option<PathError>,
    ) where
        'a: 'c,
    {
        let Some(below) = path.last().copied() else { return };
        let candidates = self.roots.iter().map(|c| (*c, true)).chain(self.intermediates.iter().map(|c| (*c, false)));
        for (ca, is_root) in candidates {
            if ca.subject_raw != below.issuer_raw
                || path.iter().any(|c| same_entity(c, ca))
                || below.signature_from(ca) == Signature::Bad
            {
                continue;
            }
            if !valid_at(ca, at) {
                *last = Some(PathError::NotValidAt { subject: ca.cert.subject().to_owned(), at });
            } else if ca.cert.path_len().is_some_and(|max| usize::try_from(max).is_ok_and(|max| path.len() - 1 > max)) {
                *last = Some(PathError::PathLength { subject: ca.cert.subject().to_owned() });
            } else {
                path.push(ca);
                if is_root {
                    paths.push(path.clone());
                } else {
                    self.extend(path, at, paths, last);
                }
                path.pop();
            }
        }
    }
}

fn distinct(certs: &[Loaded]) -> Vec<&Loaded> {
    let mut out: Vec<&Loaded> = Vec::new();
    for cert in certs {
        if !out.contains(&cert) {
            out.push(cert);
        }
    }
    out
}

fn valid_at(cert: &Loaded, at: Timestamp) -> bool {
    cert.cert.not_before() <= at && at <= cert.cert.not_after()
}

/// Go does not go through the same name, key and SANs twice (`alreadyInChain`).
fn same_entity(a: &Loaded, b: &Loaded) -> bool {
    a.subject_raw == b.subject_raw && a.cert.spki_der() == b.cert.spki_der() && a.cert.sans() == b.cert.sans()
}

/// Fabric names no usage, and Go then demands server auth of every list on the path.
fn for_servers(cert: &Loaded) -> bool {
    cert.cert.extended_key_usage().is_none_or(|usage| usage.any || usage.server_auth)
}
