//! The paths from a leaf to its roots.

use std::collections::{HashMap, HashSet};

use super::Cert;
use crate::Timestamp;

/// Signatures that one search verifies at most, so that a hostile pool cannot hold a run up. A chain of Fabric CAs needs
/// fewer than ten.
const MAX_SIGNATURES: usize = 1000;
/// Candidates that one search looks at, the known ones included.
const MAX_STEPS: usize = 10_000;
/// Paths that one search gives at most.
const MAX_PATHS: usize = 32;

/// A path: each certificate was issued by the next, and the root by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
        "the issuer of \"{subject}\" is missing: none of the {pool} certificates given has the name \"{issuer}\" and verifies its signature"
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
    #[error("the issuer \"{subject}\" is not a CA: {why}")]
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
    /// The pool holds more combinations than are tried.
    #[error(
        "no chain was found within {signatures} signatures: the {pool} certificates given form too many paths, or too long ones"
    )]
    Limit {
        /// How many signatures were verified.
        signatures: usize,
        /// How many certificates were given.
        pool: usize,
    },
}

impl Chain {
    /// The best of [`Chain::paths`].
    ///
    /// # Errors
    /// As [`Chain::paths`].
    pub fn build(leaf: &Cert, pool: &[Cert], at: Timestamp) -> Result<Self, ChainError> {
        let mut paths = Self::paths(leaf, pool, at)?;
        Ok(paths.swap_remove(0))
    }

    /// The paths from `leaf` to the self-signed CAs in `pool`, at least one and at most 32. An issuer is a certificate that
    /// bears the name and whose key verifies the signature (RFC 5280 section 6.1); every one is tried, so that a CA that was
    /// cross-signed, or renewed with the same key, gives a path for each of its certificates. First come the paths whose
    /// certificates are all valid at `at` and are those that the authority key identifiers name; then the short ones. The
    /// order of `pool` decides only between equals.
    ///
    /// # Errors
    /// When a link is missing, a CA on the way may not issue (basicConstraints, keyCertSign, path length), or the pool holds
    /// too many certificates of the same name.
    pub fn paths(leaf: &Cert, pool: &[Cert], at: Timestamp) -> Result<Vec<Self>, ChainError> {
        if pool.is_empty() {
            return Err(ChainError::Empty);
        }
        // One certificate given twice is one candidate; those of a name are found without going through the pool again.
        let mut seen = HashSet::new();
        let mut by_subject: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (index, ca) in pool.iter().enumerate().filter(|(_, ca)| seen.insert(ca.der())) {
            by_subject.entry(ca.subject_raw()).or_default().push(index);
        }
        let mut search =
            Search { leaf, pool, at, by_subject, verified: HashMap::new(), steps: 0, found: Vec::new(), refused: None };
        let ended = search.extend(&mut Vec::new());
        let Search { mut found, refused, verified, .. } = search;
        if found.is_empty() {
            return Err(match (ended, refused) {
                (Ended::Early, _) => ChainError::Limit { signatures: verified.len(), pool: pool.len() },
                (Ended::Searched, Some(refused)) => refused,
                (Ended::Searched, None) => issuer_missing(leaf, pool),
            });
        }
        found.sort_by_key(|path| rank(leaf, path, pool, at));
        let chain = |path: Vec<usize>| {
            let (root, intermediates) = path.split_last()?;
            let intermediates = intermediates.iter().map(|ca| pool[*ca].clone()).collect();
            Some(Self { leaf: leaf.clone(), intermediates, root: pool[*root].clone() })
        };
        Ok(found.into_iter().filter_map(chain).collect())
    }

    /// The CA that issued the leaf.
    pub fn issuer(&self) -> &Cert {
        self.intermediates.first().unwrap_or(&self.root)
    }

    /// The CAs, the leaf's issuer first and the root last.
    pub fn cas(&self) -> impl DoubleEndedIterator<Item = &Cert> {
        self.intermediates.iter().chain([&self.root])
    }
}

/// What is better comes first.
fn rank(leaf: &Cert, path: &[usize], pool: &[Cert], at: Timestamp) -> (bool, bool, usize) {
    let cas = || path.iter().map(|ca| &pool[*ca]);
    let is_dated = cas().any(|ca| !is_valid(ca, at));
    let is_unnamed = [leaf].into_iter().chain(cas()).zip(cas()).any(|(below, ca)| below.check_authority(ca).is_err());
    (is_dated, is_unnamed, path.len())
}

fn is_valid(ca: &Cert, at: Timestamp) -> bool {
    ca.not_before() <= at && at <= ca.not_after()
}

fn issuer_missing(below: &Cert, pool: &[Cert]) -> ChainError {
    ChainError::IssuerMissing {
        subject: below.subject().to_owned(),
        issuer: below.issuer().to_owned(),
        pool: pool.len(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Everything was tried.
    Searched,
    /// A limit was reached.
    Early,
}

struct Search<'a> {
    leaf: &'a Cert,
    pool: &'a [Cert],
    at: Timestamp,
    /// The certificates of the pool, each once, by subject.
    by_subject: HashMap<&'a [u8], Vec<usize>>,
    /// Whether the second one's key made the signature on the first; the leaf is `None`.
    verified: HashMap<(Option<usize>, usize), bool>,
    steps: usize,
    found: Vec<Vec<usize>>,
    /// The first reason for which a path went no further.
    refused: Option<ChainError>,
}

impl Search<'_> {
    /// Goes on from the last CA of `path`, or from the leaf.
    fn extend(&mut self, path: &mut Vec<usize>) -> Ended {
        let pool = self.pool;
        let below = path.last().map_or(self.leaf, |ca| &pool[*ca]);
        let named = self.by_subject.get(below.issuer_raw()).map(Vec::as_slice).unwrap_or_default();
        let mut candidates: Vec<usize> = named.iter().copied().filter(|ca| !self.is_on_the_way(*ca, path)).collect();
        candidates.sort_by_cached_key(|ca| {
            let ca = &pool[*ca];
            (!is_valid(ca, self.at), below.check_authority(ca).is_err(), ca.subject_raw() != ca.issuer_raw())
        });
        let mut has_issuer = false;
        for ca in candidates {
            self.steps += 1;
            match self.is_made_by(path.last().copied(), ca) {
                None => return Ended::Early,
                Some(false) => continue,
                Some(true) => has_issuer = true,
            }
            if let Err(refused) = may_issue(&pool[ca], path.len()) {
                self.refused.get_or_insert(refused);
                continue;
            }
            path.push(ca);
            let ended = match self.is_made_by(Some(ca), ca) {
                None => Ended::Early,
                Some(true) => {
                    self.found.push(path.clone());
                    Ended::Searched
                }
                Some(false) => self.extend(path),
            };
            path.pop();
            if ended == Ended::Early || self.found.len() >= MAX_PATHS {
                return Ended::Early;
            }
        }
        if !has_issuer {
            self.refused.get_or_insert_with(|| issuer_missing(below, pool));
        }
        Ended::Searched
    }

    /// Whether `ca` is on the path already, by name and key as Go sees it (`crypto/x509`, `alreadyInChain`).
    fn is_on_the_way(&self, ca: usize, path: &[usize]) -> bool {
        let candidate = &self.pool[ca];
        let is_same = |c: &Cert| c.subject_raw() == candidate.subject_raw() && c.spki_der() == candidate.spki_der();
        is_same(self.leaf) || path.iter().any(|held| is_same(&self.pool[*held]))
    }

    /// `None` when no more signatures are to be verified.
    fn is_made_by(&mut self, below: Option<usize>, ca: usize) -> Option<bool> {
        if let Some(known) = self.verified.get(&(below, ca)) {
            return (self.steps < MAX_STEPS).then_some(*known);
        }
        if self.verified.len() >= MAX_SIGNATURES {
            return None;
        }
        let certificate = below.map_or(self.leaf, |ca| &self.pool[ca]);
        let is_made = certificate.is_issued_by(&self.pool[ca]);
        self.verified.insert((below, ca), is_made);
        Some(is_made)
    }
}

/// Whether `ca` may issue with so many intermediates below it.
fn may_issue(ca: &Cert, below: usize) -> Result<(), ChainError> {
    let refuse = |why| Err(ChainError::NotCa { subject: ca.subject().to_owned(), why });
    if !ca.is_ca() {
        return refuse("its basicConstraints do not say CA:TRUE");
    }
    if ca.key_usage().is_some_and(|u| !u.key_cert_sign) {
        return refuse("its keyUsage lacks keyCertSign");
    }
    match ca.path_len() {
        Some(allowed) if usize::try_from(allowed).is_ok_and(|a| a < below) => {
            Err(ChainError::PathLength { subject: ca.subject().to_owned(), allowed, found: below })
        }
        _ => Ok(()),
    }
}
