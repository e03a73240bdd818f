//! The path from a leaf to its root.

use super::Cert;

/// A path: each certificate was issued by the next, and the root by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The certificate of the identity.
    pub leaf: Cert,
    /// The CAs between leaf and root, the leaf's issuer first; empty when the root issued the leaf.
    pub intermediates: Vec<Cert>,
    /// The self-signed CA at the end.
    pub root: Cert,
}

/// Why there is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// There are no CA certificates to look among.
    #[error("there is no CA certificate to build a chain from")]
    Empty,
    /// No certificate in the pool issued this one.
    #[error(
        "the issuer of \"{subject}\" is missing: none of the {pool} certificates given bears the name \"{issuer}\" and verifies its signature"
    )]
    IssuerMissing {
        /// Subject of the certificate whose issuer is not there.
        subject: String,
        /// The issuer it names.
        issuer: String,
        /// How many certificates were looked at.
        pool: usize,
    },
    /// The issuer may not issue.
    #[error("the issuer \"{subject}\" is no CA: {why}")]
    NotCa {
        /// Its subject.
        subject: String,
        /// What it lacks.
        why: &'static str,
    },
    /// A CA allows fewer intermediates below it than there are.
    #[error("\"{subject}\" allows {allowed} intermediate CAs below it, and there are {found}")]
    PathLength {
        /// Subject of the CA.
        subject: String,
        /// Its path length constraint.
        allowed: u32,
        /// Intermediates below it.
        found: usize,
    },
}

impl Chain {
    /// Finds the path from `leaf` to a self-signed CA in `pool`. The order of `pool` does not matter: an issuer is the
    /// certificate that bears the name and whose key verifies the signature (RFC 5280 section 6.1, without dates).
    ///
    /// # Errors
    /// When a link is missing, or a CA on the way may not issue (basicConstraints, keyCertSign, path length).
    pub fn build(leaf: Cert, pool: &[Cert]) -> Result<Self, ChainError> {
        if pool.is_empty() {
            return Err(ChainError::Empty);
        }
        let mut intermediates: Vec<Cert> = Vec::new();
        loop {
            let below = intermediates.last().unwrap_or(&leaf);
            let issuer = Self::issuer_of(below, &leaf, &intermediates, pool)?;
            if let Some(allowed) = issuer.path_len()
                && usize::try_from(allowed).is_ok_and(|a| a < intermediates.len())
            {
                return Err(ChainError::PathLength {
                    subject: issuer.subject().to_owned(),
                    allowed,
                    found: intermediates.len(),
                });
            }
            if issuer.is_self_signed() {
                return Ok(Self { root: issuer.clone(), leaf, intermediates });
            }
            intermediates.push(issuer.clone());
        }
    }

    fn issuer_of<'a>(below: &Cert, leaf: &Cert, used: &[Cert], pool: &'a [Cert]) -> Result<&'a Cert, ChainError> {
        let mut refused = None;
        for candidate in pool.iter().filter(|c| *c != leaf && !used.contains(c)) {
            if !below.is_issued_by(candidate) {
                continue;
            }
            match may_issue(candidate) {
                Ok(()) => return Ok(candidate),
                Err(why) => refused = Some(ChainError::NotCa { subject: candidate.subject().to_owned(), why }),
            }
        }
        Err(refused.unwrap_or_else(|| ChainError::IssuerMissing {
            subject: below.subject().to_owned(),
            issuer: below.issuer().to_owned(),
            pool: pool.len(),
        }))
    }

    /// The CA that issued the leaf.
    pub fn issuer(&self) -> &Cert {
        self.intermediates.first().unwrap_or(&self.root)
    }
}

fn may_issue(ca: &Cert) -> Result<(), &'static str> {
    if !ca.is_ca() {
        return Err("its basicConstraints do not say CA:TRUE");
    }
    if ca.key_usage().is_some_and(|u| !u.key_cert_sign) {
        return Err("its keyUsage lacks keyCertSign");
    }
    Ok(())
}
