//! Which folder is in which phase: a pure function of the roots that each folder trusts and has.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::renew::row::RowError;
use crate::{Error, ErrorKind};

/// A phase of a rollover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// The folder is to trust the new root too.
    Trust,
    /// Its certificate is to be issued again by the new root.
    Reissue,
    /// It is to trust the old root no more.
    Drop,
    /// Nothing is left to do.
    Done,
}

impl Phase {
    const fn word(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Reissue => "reissue",
            Self::Drop => "drop",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The roots that a folder trusts, or the root of its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Which {
    Old,
    New,
    Both,
    /// It has no root for its certificate.
    None,
    /// The root of its certificate is not replaced.
    Other,
    /// There is no complete chain, or the folder cannot be read.
    Unknown,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Both => "both",
            Self::None => "none",
            Self::Other => "other",
            Self::Unknown => "unknown",
        })
    }
}

/// What was found in a folder. Roots are SHA-256 of their DER, hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: String,
    /// `sign` or `tls`.
    pub(super) role: &'static str,
    pub(super) path: PathBuf,
    /// The root of its certificate, if it is known.
    pub(super) leaf: Option<String>,
    /// Whether the chain of its certificate is complete.
    pub(super) is_complete: bool,
    /// The roots for its certificate.
    pub(super) own: Vec<String>,
    /// The roots in `tlscacerts` of an MSP folder.
    pub(super) tls: Vec<String>,
    /// Whether a rollover of the folder is noted, and not over.
    pub(super) is_noted: bool,
}

/// An old root, and the roots that replace it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    pub(super) old: String,
    pub(super) new: Vec<String>,
}

/// One folder of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// Enrolment id.
    pub(crate) id: String,
    /// `sign` or `tls`.
    pub(crate) role: &'static str,
    pub(crate) path: PathBuf,
    /// The roots that it trusts.
    pub(crate) trusts: Which,
    /// The root of its certificate.
    pub(crate) leaf: Which,
    /// The phase that is next for it.
    pub(crate) phase: Phase,
    /// RFC 3339, UTC: when its certificate may be issued again, if it waits for another member of its gateway.
    pub(crate) next_at: Option<String>,
    /// Why it is behind, or could not be changed.
    pub(crate) error: Option<RowError>,
}

impl Row {
    /// A folder that cannot be read, which counts as behind.
    pub(super) fn unreadable(e: &Error) -> Self {
        Self {
            id: String::new(),
            role: "",
            path: PathBuf::new(),
            trusts: Which::Unknown,
            leaf: Which::Unknown,
            phase: Phase::Trust,
            next_at: None,
            error: Some(RowError::of(e)),
        }
    }

    /// `new` are all new roots.
    pub(super) fn of(seen: &Seen, replaced: &[Replaced], new: &[String]) -> Self {
        let is_leaf_of = |root: &str| seen.leaf.as_deref() == Some(root);
        let is_new = |root: &String| new.contains(root);
        let has = |roots: &[String], root: &str| roots.iter().any(|held| held == root);
        let parts = [(&seen.own, true), (&seen.tls, false)];
        let lacks = parts.iter().any(|(roots, is_own)| {
            let needed = replaced.iter().filter(|pair| has(roots, &pair.old) || *is_own && is_leaf_of(&pair.old));
            needed.flat_map(|pair| &pair.new).any(|new| !has(roots, new))
        });
        let all = || seen.own.iter().chain(&seen.tls);
        let has_old = all().any(|root| replaced.iter().any(|pair| pair.old == *root));
        let has_new = all().any(is_new);
        let leaf = match &seen.leaf {
            Some(root) if replaced.iter().any(|pair| pair.old == *root) => Which::Old,
            Some(root) if is_new(root) => Which::New,
            Some(_) => Which::Other,
            None => Which::Unknown,
        };
        let trusts = match (has_old, has_new && !lacks) {
            (true, true) => Which::Both,
            (true, false) => Which::Old,
            (false, true) => Which::New,
            (false, false) if seen.own.is_empty() => Which::None,
            (false, false) => Which::Other,
        };
        // Without a chain, another root than those of the rollover must be known to be that of the certificate.
        let is_concerned = has_old || has_new || leaf != Which::Other || seen.is_noted;
        let is_behind = is_concerned && !seen.is_complete;
        let phase = match leaf {
            _ if !is_concerned => Phase::Done,
            _ if is_behind || lacks => Phase::Trust,
            Which::Old => Phase::Reissue,
            _ if has_old || seen.is_noted => Phase::Drop,
            _ => Phase::Done,
        };
        let error = is_behind.then(|| {
            let e = Error::new(ErrorKind::Input, "it holds no complete chain");
            RowError::of(&e.with_help("renew its certificate first: fabcert renew"))
        });
        let Seen { id, role, path, .. } = seen.clone();
        Self { id, role, path, trusts, leaf, phase, next_at: None, error }
    }

    /// The folder and what it lacks, for a refusal.
    fn behind(&self) -> String {
        let why = match (&self.error, self.phase) {
            (Some(error), _) => error.message.clone(),
            (None, Phase::Trust) => "does not trust the new root".to_owned(),
            (None, Phase::Reissue) => "has a certificate of the old root".to_owned(),
            (None, _) => "trusts the old root".to_owned(),
        };
        if self.path.as_os_str().is_empty() { why } else { format!("{}: {why}", self.path.display()) }
    }
}

/// The phase that is next: the first one that is not complete on every folder.
pub(super) fn next(rows: &[Row]) -> Phase {
    rows.iter().map(|row| row.phase).min().unwrap_or(Phase::Done)
}

/// Checks that the phases before `phase` are complete on every folder.
///
/// # Errors
/// Names the folders that are behind.
pub(super) fn check(rows: &[Row], phase: Phase) -> Result<(), Error> {
    let behind: Vec<&Row> = rows.iter().filter(|row| row.phase < phase).collect();
    if behind.is_empty() {
        return Ok(());
    }
    let before = next(rows);
    let message = format!("phase {phase} is refused: phase {before} is not complete on every folder; behind:");
    Err(Error::new(ErrorKind::Input, message).with_items(behind.into_iter().map(Row::behind)).with_help(format!(
        "run fabcert renew --rollover --phase {before} over all folders first; no folder was changed"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> Vec<Replaced> {
        [("a", "A"), ("b", "B")].map(|(old, new)| Replaced { old: old.into(), new: vec![new.into()] }).to_vec()
    }

    fn noted(leaf: &str, own: &str, tls: &str, is_noted: bool) -> Row {
        let list = |text: &str| text.chars().map(String::from).collect();
        let known = Some(leaf.to_owned()).filter(|leaf| !leaf.is_empty());
        let (own, is_complete): (Vec<String>, bool) = (list(own), own.contains(leaf) && known.is_some());
        let seen = Seen {
            id: "peer1".into(),
            role: "sign",
            path: "msp".into(),
            leaf: known,
            is_complete,
            own,
            tls: list(tls),
            is_noted,
        };
        Row::of(&seen, &pairs(), &["A".to_owned(), "B".to_owned()])
    }

    fn row(leaf: &str, own: &str, tls: &str) -> Row {
        noted(leaf, own, tls, false)
    }

    #[test]
    fn each_state_has_its_phase() {
        let cases = [
            // Leaf, roots, roots for TLS: trusts, leaf, phase.
            ("a", "a", "", Which::Old, Which::Old, Phase::Trust),
            ("a", "aA", "", Which::Both, Which::Old, Phase::Reissue),
            ("A", "aA", "", Which::Both, Which::New, Phase::Drop),
            ("A", "A", "", Which::New, Which::New, Phase::Done),
            // Another root is nobody's business.
            ("x", "x", "", Which::Other, Which::Other, Phase::Done),
            // The roots for TLS count too, each with its own successor.
            ("a", "aA", "b", Which::Old, Which::Old, Phase::Trust),
            ("a", "aA", "bA", Which::Old, Which::Old, Phase::Trust),
            ("a", "aA", "bB", Which::Both, Which::Old, Phase::Reissue),
            ("A", "A", "bB", Which::Both, Which::New, Phase::Drop),
            ("x", "x", "bB", Which::Both, Which::Other, Phase::Drop),
            ("A", "A", "B", Which::New, Which::New, Phase::Done),
            // A certificate without a chain is behind.
            ("", "aA", "", Which::Both, Which::Unknown, Phase::Trust),
            ("a", "", "", Which::None, Which::Old, Phase::Trust),
            ("A", "", "", Which::None, Which::New, Phase::Trust),
            ("", "", "", Which::None, Which::Unknown, Phase::Trust),
            ("a", "A", "", Which::New, Which::Old, Phase::Trust),
            ("x", "", "", Which::None, Which::Other, Phase::Done),
        ];
        for (leaf, own, tls, trusts, of, phase) in cases {
            let row = row(leaf, own, tls);
            assert_eq!((row.trusts, row.leaf, row.phase), (trusts, of, phase), "{leaf} {own} {tls}");
        }
    }

    #[test]
    fn a_rollover_that_is_noted_is_not_over() {
        for (leaf, own, phase) in [("A", "A", Phase::Drop), ("x", "x", Phase::Drop), ("a", "a", Phase::Trust)] {
            assert_eq!(noted(leaf, own, "", true).phase, phase, "{leaf} {own}");
        }
    }

    #[test]
    fn a_phase_waits_for_the_last_folder() {
        let [old, both, new] = [row("a", "a", ""), row("a", "aA", ""), row("A", "aA", "")];
        let rows = [both.clone(), old, new.clone()];
        assert_eq!(next(&rows), Phase::Trust);
        let refusal = check(&rows, Phase::Reissue).unwrap_err();
        assert_eq!((refusal.exit_code(), refusal.items()), (4, &["msp: does not trust the new root".to_owned()][..]));
        let rows = [both, new.clone()];
        assert!(check(&rows, Phase::Reissue).is_ok());
        let refusal = check(&rows, Phase::Drop).unwrap_err();
        assert_eq!(refusal.items(), ["msp: has a certificate of the old root"]);
        assert!(check(std::slice::from_ref(&new), Phase::Drop).is_ok());
        let rows = [new, Row::unreadable(&Error::new(ErrorKind::Io, "x: permission denied"))];
        assert_eq!(next(&rows), Phase::Trust);
        assert_eq!(check(&rows, Phase::Drop).unwrap_err().items(), ["x: permission denied"]);
        assert_eq!(next(&[]), Phase::Done);
    }
}
