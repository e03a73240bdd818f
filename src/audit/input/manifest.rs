//! Reads a manifest as a subject.

use std::path::Path;

use crate::audit::catalogue::{INPUT_UNREADABLE, MANIFEST_REPEATED_KEY, MANIFEST_TEMPLATE};
use crate::audit::model::subject::{Location, Subject, SubjectKind, Trouble};
use crate::manifests::Manifest;

/// Reads a manifest as a subject; its content is judged together with the other manifests.
pub(super) fn subject(path: &Path, manifest: Manifest) -> Subject {
    let mut subject = Subject::new(SubjectKind::Manifest, path);
    if let Some(left_out) = &manifest.left_out {
        let rule = if left_out.is_template { &MANIFEST_TEMPLATE } else { &INPUT_UNREADABLE };
        let at = Location { path: path.to_owned(), block: None, line: Some(left_out.line) };
        subject.troubles.push(Trouble { at, rule, reason: left_out.reason.clone() });
    }
    for repeated in &manifest.repeated {
        let at = Location { path: path.to_owned(), block: None, line: Some(repeated.line) };
        let reason = format!("the key \"{}\" occurs twice in one mapping", repeated.key);
        subject.troubles.push(Trouble { at, rule: &MANIFEST_REPEATED_KEY, reason });
    }
    subject.manifest = Some(Box::new(manifest));
    subject
}
