//! What a pass says of each identity.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Error;

/// What happened to an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RowAction {
    Unchanged,
    Due,
    Reenrolled,
    Failed,
}

impl RowAction {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Due => "due",
            Self::Reenrolled => "reenrolled",
            Self::Failed => "failed",
        }
    }
}

/// The error of one identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RowError {
    pub(crate) exit_code: u8,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl RowError {
    pub(super) fn of(e: &Error) -> Self {
        Self {
            exit_code: e.exit_code(),
            kind: e.kind().as_str(),
            message: e.to_string(),
            help: e.help().map(str::to_owned),
        }
    }
}

/// One folder of an identity.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RowFolder {
    /// `sign` or `tls`.
    pub(crate) role: &'static str,
    pub(crate) path: PathBuf,
    /// RFC 3339, UTC: when the certificate is due by time; that of the new certificate after a renewal is later.
    pub(crate) due_at: String,
    /// RFC 3339, UTC.
    pub(crate) not_after: String,
    /// Why it is due; `null` if it is not.
    pub(crate) reason: Option<String>,
}

/// One identity, or the error of a folder that cannot be looked into, which has no id.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) action: RowAction,
    pub(crate) folders: Vec<RowFolder>,
    pub(crate) error: Option<RowError>,
}

impl Row {
    pub(super) fn new(id: &str, folders: Vec<RowFolder>) -> Self {
        Self { id: id.to_owned(), action: RowAction::Unchanged, folders, error: None }
    }

    /// Says of each folder why it is due: what its CA says of it, or the other reason.
    pub(super) fn give_reasons(&mut self, of_ca: impl Fn(&Path) -> Option<String>, others: Vec<Option<String>>) {
        for (folder, other) in self.folders.iter_mut().zip(others) {
            folder.reason = of_ca(&folder.path).or(other);
        }
    }

    pub(super) fn fail(mut self, e: &Error) -> Self {
        self.action = RowAction::Failed;
        self.error = Some(RowError::of(e));
        self
    }
}
