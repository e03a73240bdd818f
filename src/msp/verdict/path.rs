//! The single path from a certificate to a root that Fabric requires (fabric `msp/mspimpl.go`,
//! `getUniqueValidationChain`).

use std::rc::Rc;

use crate::Timestamp;
use crate::pki::go::x509::{Certificate, Pool, VerifyError, VerifyOptions, verify};

/// The CAs to build with.
#[derive(Clone, Default)]
pub(super) struct Pools {
    pub(super) roots: Pool,
    pub(super) intermediates: Pool,
}

/// Why a certificate has no path, or several.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PathError {
    Go(VerifyError),
    Several(usize),
    /// The CN is a host name, the certificate has no SAN, and a CA constrains names.
    NameWithoutSan,
}

/// The refusal numbers of a path; critical extensions (41) and name constraints (42) have the same number everywhere.
pub(super) struct PathNumbers {
    pub(super) unknown: u8,
    pub(super) date: u8,
    pub(super) length: u8,
    pub(super) usage: u8,
    pub(super) several: u8,
}

impl PathError {
    pub(super) const fn is_unknown_authority(&self) -> bool {
        matches!(self, Self::Go(VerifyError::UnknownAuthority { .. }))
    }

    pub(super) const fn number(&self, numbers: &PathNumbers) -> u8 {
        match self {
            Self::Several(_) => numbers.several,
            Self::NameWithoutSan | Self::Go(VerifyError::NameConstraints(_)) => 42,
            Self::Go(VerifyError::UnhandledCritical { .. }) => 41,
            Self::Go(VerifyError::NotYetValid { .. } | VerifyError::Expired { .. }) => numbers.date,
            Self::Go(VerifyError::PathLength { .. }) => numbers.length,
            Self::Go(VerifyError::Usage { .. }) => numbers.usage,
            Self::Go(_) => numbers.unknown,
        }
    }

    pub(super) fn reason(&self) -> String {
        match self {
            Self::Go(e @ (VerifyError::NotYetValid { .. } | VerifyError::Expired { .. })) => {
                format!("{e}, one second after the certificate's NotBefore, the time at which Fabric verifies")
            }
            Self::Go(e) => e.to_string(),
            Self::Several(count) => format!("there are {count} paths to a root; Fabric accepts only one"),
            Self::NameWithoutSan => {
                "a CA above it constrains names, its CN looks like a host name, and it has no SAN".to_owned()
            }
        }
    }
}

impl Pools {
    /// The single path from `cert` to a root, `cert` first, verified at one second after its `NotBefore`. A root is its
    /// own path.
    pub(super) fn unique_path(&self, cert: &Rc<Certificate>) -> Result<Vec<Rc<Certificate>>, PathError> {
        let at = Timestamp::from_unix(cert.not_before.unix().saturating_add(1));
        let options = VerifyOptions { roots: &self.roots, intermediates: &self.intermediates, at };
        let mut paths = verify(cert, &options).map_err(PathError::Go)?;
        match (paths.pop(), paths.len()) {
            (Some(path), 0) if lacks_san(&path) => Err(PathError::NameWithoutSan),
            (Some(path), 0) => Ok(path),
            (_, others) => Err(PathError::Several(others + 1)),
        }
    }
}

/// A rule of Go 1.14 that Fabric keeps (`verifyLegacyNameConstraints`).
fn lacks_san(path: &[Rc<Certificate>]) -> bool {
    let [leaf, above @ ..] = path else { return false };
    !leaf.has_san()
        && is_host_name(&leaf.common_name)
        && above.iter().any(|ca| ca.extensions.name_constraints.is_some())
}

/// Fabric's `validHostname`.
fn is_host_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.split('.').enumerate().all(|(at, label)| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':'));
        !label.is_empty() && (at == 0 && label == "*" || plain && !label.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_host_name;

    #[test]
    fn host_names_are_recognised_as_in_fabric() {
        for host in ["peer0", "peer0.org1", "peer0.", "*.org1", "a:b_c"] {
            assert!(is_host_name(host), "{host}");
        }
        for other in ["", ".", "a b", "a..b", "-a", "a.*", "é"] {
            assert!(!is_host_name(other), "{other}");
        }
    }
}
