//! Decides whether a certificate must be issued: a pure function of the target, the request and the time.

use std::fmt;
use std::path::Path;

use crate::pki::key::KeyAlgorithm;
use crate::pki::name::{NameIndex, SanName};
use crate::pki::x509::{Cert, NodeOu};
use crate::proof::RoleRule;
use crate::{Error, ErrorKind, Timestamp};

/// Why a certificate is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Reason {
    /// The target holds no certificate.
    Missing,
    /// `--force` was given.
    Forced,
    /// The run issues a new certificate in every case.
    Requested,
    /// The current files cannot be used.
    Broken(Vec<String>),
    /// The target holds another identity, and `--force` replaces it.
    OtherIdentity(String),
    /// Requested names are not in the certificate.
    NamesMissing(Vec<SanName>),
    /// The certificate holds names that are to be dropped.
    NamesDropped(Vec<SanName>),
    /// Parts of the request differ from the one that the certificate answers.
    RequestChanged(Vec<&'static str>),
    /// The certificate lacks the role.
    Role(String),
    /// The key is on another curve than requested.
    Curve(KeyAlgorithm),
    /// The key is not the requested one.
    OtherKey,
    /// Files were changed or removed since they were written.
    FilesChanged(Vec<String>),
    /// The root CA is being replaced, and the certificate is of the old one.
    NewRoot {
        /// Subject of the new root.
        subject: String,
    },
    /// Expired.
    Expired(Timestamp),
    /// Less than a third of its life is left.
    Due {
        /// End of the validity.
        not_after: Timestamp,
        /// Days left.
        days_left: i64,
    },
}

impl Reason {
    /// One word for the class of this reason.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Forced | Self::Requested => "requested",
            Self::Broken(_) => "broken",
            Self::OtherIdentity(_) => "identity",
            Self::NamesMissing(_) | Self::NamesDropped(_) => "names",
            Self::RequestChanged(_) => "request",
            Self::Role(_) => "role",
            Self::Curve(_) | Self::OtherKey => "key",
            Self::FilesChanged(_) => "files",
            Self::NewRoot { .. } => "root",
            Self::Expired(_) => "expired",
            Self::Due { .. } => "due",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the folder holds no certificate"),
            Self::Forced => f.write_str("--force"),
            Self::Requested => f.write_str("a new certificate was requested"),
            Self::Broken(problems) => write!(f, "the current files cannot be used: {}", problems.join("; ")),
            Self::OtherIdentity(id) => write!(f, "--force replaces the identity \"{id}\""),
            Self::NamesMissing(names) => write!(f, "the certificate lacks {}", list(names)),
            Self::NamesDropped(names) => write!(f, "the certificate holds {}, which --drop-san drops", list(names)),
            Self::RequestChanged(parts) => {
                write!(f, "the certificate was requested with another {}", parts.join(", another "))
            }
            Self::Role(text) => f.write_str(text),
            Self::Curve(found) => write!(f, "the key is {found}; another curve was requested"),
            Self::OtherKey => f.write_str("the certificate is for a key other than the given one"),
            Self::FilesChanged(files) => write!(f, "files changed since they were written: {}", files.join(", ")),
            Self::NewRoot { subject } => {
                write!(f, "new root: the certificate is of the old root CA, which \"{subject}\" replaces")
            }
            Self::Expired(at) => write!(f, "the certificate expired at {at}"),
            Self::Due { not_after, days_left } => {
                write!(f, "the certificate is due: it expires at {not_after}, in {days_left} days")
            }
        }
    }
}

/// The names, separated by commas.
pub(super) fn list(names: &[SanName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The certificate in a target, with the evidence about it.
#[derive(Clone, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) leaf: &'a Cert,
    pub(crate) curve: Option<KeyAlgorithm>,
    /// The CA that issued it, if its certificate is on disk.
    pub(crate) issuer: Option<&'a Cert>,
    /// The reasons why it cannot be used.
    pub(crate) problems: &'a [String],
    /// The recorded time of issue.
    pub(crate) issued_at: Option<Timestamp>,
    /// When it is due, if that is decided already.
    pub(crate) due_at: Option<Timestamp>,
    /// Files that differ from the record.
    pub(crate) changed: Vec<String>,
    /// Subject of the root that a new certificate must have by now.
    pub(crate) new_root: Option<String>,
}

/// The request for one certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) id: &'a str,
    /// The requested names, without those that are kept.
    pub(crate) sans: &'a [SanName],
    /// Names of the certificate that are to be dropped.
    pub(crate) dropped: &'a [SanName],
    /// The parts of the request that differ from the one that the certificate answers.
    pub(crate) changed_request: &'a [&'static str],
    pub(crate) role: RoleRule,
    /// The requested curve, if any.
    pub(crate) curve: Option<KeyAlgorithm>,
    /// The public point of the requested key, if any.
    pub(crate) key_point: Option<&'a [u8]>,
    pub(crate) force: bool,
    pub(crate) target: &'a Path,
}

/// Returns `None` when the certificate is not due.
///
/// # Errors
/// When the target holds another identity and `--force` was not given.
pub(crate) fn decide(
    current: Option<&Evidence<'_>>,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Option<Reason>, Error> {
    let Some(current) = current else { return Ok(Some(Reason::Missing)) };
    let leaf = current.leaf;
    if leaf.common_name() != Some(wanted.id) {
        let other = leaf.common_name().unwrap_or_default().to_owned();
        if wanted.force {
            return Ok(Some(Reason::OtherIdentity(other)));
        }
        return Err(held_by_another(wanted.target, &other, wanted.id));
    }
    if wanted.force {
        return Ok(Some(Reason::Forced));
    }
    if !current.problems.is_empty() {
        return Ok(Some(Reason::Broken(current.problems.to_vec())));
    }
    let held = NameIndex::new(leaf.sans());
    let missing: Vec<SanName> = wanted.sans.iter().filter(|s| !held.holds(s)).cloned().collect();
    if !missing.is_empty() {
        return Ok(Some(Reason::NamesMissing(missing)));
    }
    if !wanted.dropped.is_empty() {
        return Ok(Some(Reason::NamesDropped(wanted.dropped.to_vec())));
    }
    if !wanted.changed_request.is_empty() {
        return Ok(Some(Reason::RequestChanged(wanted.changed_request.to_vec())));
    }
    if let Some(text) = role_unmet(leaf, wanted.role) {
        return Ok(Some(Reason::Role(text)));
    }
    if let (Some(request), Some(found)) = (wanted.curve, current.curve)
        && request != found
    {
        return Ok(Some(Reason::Curve(found)));
    }
    if wanted.key_point.is_some_and(|point| point != leaf.public_key_bits()) {
        return Ok(Some(Reason::OtherKey));
    }
    if !current.changed.is_empty() {
        return Ok(Some(Reason::FilesChanged(current.changed.clone())));
    }
    if let Some(subject) = &current.new_root {
        return Ok(Some(Reason::NewRoot { subject: subject.clone() }));
    }
    let Some(due_at) = current.due_at else { return Ok(due(leaf, current.issuer, current.issued_at, now)) };
    let left = leaf.not_after().seconds_since(now);
    Ok(match left {
        ..=0 => Some(Reason::Expired(leaf.not_after())),
        _ if now < due_at => None,
        _ => Some(Reason::Due { not_after: leaf.not_after(), days_left: left / DAY }),
    })
}

/// The error for a target that holds the certificate of another identity.
pub(crate) fn held_by_another(target: &Path, other: &str, id: &str) -> Error {
    Error::new(
        ErrorKind::Input,
        format!("{} holds the certificate of another identity, \"{other}\", not of \"{id}\"", target.display()),
    )
    .with_help("name another folder, or replace that identity with --force")
}

fn role_unmet(leaf: &Cert, rule: RoleRule) -> Option<String> {
    let found = NodeOu::among(leaf.organizational_units());
    let ous = leaf.organizational_units().join(", ");
    match rule {
        RoleRule::Exactly(node_ou) if found != [node_ou] => {
            Some(format!("the certificate's OUs ({ous}) do not include {node_ou}"))
        }
        RoleRule::ExactlyOne if found.len() != 1 => {
            Some(format!("the certificate's OUs ({ous}) do not hold exactly one NodeOU"))
        }
        _ => None,
    }
}

const DAY: i64 = 86_400;

/// A certificate is due when it has expired or less than a third of its life is left. Life counts from the recorded
/// time of issue. Without a record it counts from `NotBefore`, unless the issuer has the same `NotBefore`: the CA then
/// copied its own, and the certificate is due when less than 30 days are left.
pub(crate) fn due(leaf: &Cert, issuer: Option<&Cert>, issued_at: Option<Timestamp>, now: Timestamp) -> Option<Reason> {
    let not_after = leaf.not_after();
    let left = not_after.seconds_since(now);
    if left <= 0 {
        return Some(Reason::Expired(not_after));
    }
    let begins_with_issuer = issuer.is_some_and(|ca| ca.not_before() == leaf.not_before());
    let start = match issued_at {
        Some(at) => Some(at),
        None if begins_with_issuer => None,
        None => Some(leaf.not_before()),
    };
    let is_due = match start {
        Some(start) => left.saturating_mul(3) < not_after.seconds_since(start),
        None => left < 30 * DAY,
    };
    is_due.then_some(Reason::Due { not_after, days_left: left / DAY })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf() -> Cert {
        Cert::all_from_pem(include_bytes!("../../testdata/certs/go-client-ecert.pem")).unwrap().remove(0)
    }

    fn wanted(sans: &[SanName], force: bool) -> Wanted<'_> {
        Wanted {
            id: "peer1",
            sans,
            dropped: &[],
            changed_request: &[],
            role: RoleRule::Exactly(NodeOu::Peer),
            curve: None,
            key_point: None,
            force,
            target: Path::new("msp"),
        }
    }

    fn current(leaf: &Cert) -> Evidence<'_> {
        let issued_at = Some(leaf.not_after().minus(std::time::Duration::from_secs(365 * 86_400)));
        Evidence {
            leaf,
            curve: Some(KeyAlgorithm::P256),
            issuer: None,
            problems: &[],
            issued_at,
            due_at: None,
            changed: vec![],
            new_root: None,
        }
    }

    fn in_days(leaf: &Cert, days: i64) -> Timestamp {
        Timestamp::from_unix(leaf.not_after().unix() - days * DAY)
    }

    #[test]
    fn extra_names_on_a_good_certificate_are_not_a_reason() {
        let leaf = leaf();
        let sans = leaf.sans()[..1].to_vec();
        let found = decide(Some(&current(&leaf)), &wanted(&sans, false), in_days(&leaf, 200)).unwrap();
        assert_eq!(found, None);
    }

    #[test]
    fn each_difference_is_a_reason() {
        let leaf = leaf();
        let now = in_days(&leaf, 200);
        let reason = |s: &Evidence<'_>, w: &Wanted<'_>| decide(Some(s), w, now).unwrap();
        let other: SanName = "org1-peer-gateway-svc".parse().unwrap();
        let list = [other.clone()];
        assert_eq!(reason(&current(&leaf), &wanted(&list, false)), Some(Reason::NamesMissing(vec![other])));
        let dropped = Wanted { dropped: &leaf.sans()[..1], ..wanted(&[], false) };
        assert_eq!(reason(&current(&leaf), &dropped), Some(Reason::NamesDropped(leaf.sans()[..1].to_vec())));
        assert_eq!(reason(&current(&leaf), &wanted(&[], true)), Some(Reason::Forced));
        let problems = ["the key belongs to another certificate".to_owned()];
        let broken = Evidence { problems: &problems, ..current(&leaf) };
        assert!(matches!(reason(&broken, &wanted(&[], false)), Some(Reason::Broken(_))));
        let changed = Evidence { changed: vec!["cacerts/x.pem".into()], ..current(&leaf) };
        assert!(matches!(reason(&changed, &wanted(&[], false)), Some(Reason::FilesChanged(_))));
        let old = Evidence { new_root: Some("CN=new".to_owned()), ..current(&leaf) };
        assert_eq!(reason(&old, &wanted(&[], false)), Some(Reason::NewRoot { subject: "CN=new".to_owned() }));
        let changed = Wanted { changed_request: &["profile"], ..wanted(&[], false) };
        assert_eq!(reason(&current(&leaf), &changed), Some(Reason::RequestChanged(vec!["profile"])));
        let orderer = Wanted { role: RoleRule::Exactly(NodeOu::Orderer), ..wanted(&[], false) };
        assert!(matches!(reason(&current(&leaf), &orderer), Some(Reason::Role(_))));
        let p384 = Wanted { curve: Some(KeyAlgorithm::P384), ..wanted(&[], false) };
        assert_eq!(reason(&current(&leaf), &p384), Some(Reason::Curve(KeyAlgorithm::P256)));
        let own = Wanted { key_point: Some(leaf.public_key_bits()), ..wanted(&[], false) };
        assert_eq!(reason(&current(&leaf), &own), None);
        let other = Wanted { key_point: Some(b"another point"), ..wanted(&[], false) };
        assert_eq!(reason(&current(&leaf), &other), Some(Reason::OtherKey));
        assert_eq!(decide(None, &wanted(&[], false), now).unwrap(), Some(Reason::Missing));
    }

    #[test]
    fn another_identity_is_replaced_only_with_force() {
        let leaf = leaf();
        let now = in_days(&leaf, 200);
        let other = Wanted { id: "peer2", ..wanted(&[], false) };
        let error = decide(Some(&current(&leaf)), &other, now).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        let forced = Wanted { force: true, ..other };
        let reason = decide(Some(&current(&leaf)), &forced, now).unwrap();
        assert_eq!(reason, Some(Reason::OtherIdentity("peer1".into())));
    }

    #[test]
    fn life_counts_from_the_recorded_issue_then_from_not_before() {
        let leaf = leaf();
        let issued = Some(leaf.not_after().minus(std::time::Duration::from_secs(360 * 86_400)));
        assert_eq!(due(&leaf, None, issued, in_days(&leaf, 121)), None);
        assert!(matches!(due(&leaf, None, issued, in_days(&leaf, 119)), Some(Reason::Due { days_left: 119, .. })));
        // Its `NotBefore` is a year before its `NotAfter`.
        assert_eq!(due(&leaf, None, None, in_days(&leaf, 123)), None);
        assert!(due(&leaf, None, None, in_days(&leaf, 120)).is_some());
        // With the issuer's `NotBefore`, only the last 30 days count.
        assert_eq!(due(&leaf, Some(&leaf), None, in_days(&leaf, 31)), None);
        assert!(due(&leaf, Some(&leaf), None, in_days(&leaf, 29)).is_some());
        assert!(matches!(due(&leaf, None, issued, leaf.not_after()), Some(Reason::Expired(_))));
    }
}
