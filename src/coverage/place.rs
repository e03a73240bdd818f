//! Places in manifests.

use crate::audit::model::subject::Location;
use crate::manifests::At;

/// A place in a manifest.
pub(super) fn location(at: &At) -> Location {
    Location { path: at.path.to_path_buf(), block: None, line: Some(at.line) }
}
