//! The levels that the command line sets.

use super::args::AuditArgs;
use crate::audit::{Severity, rule_by_id};
use crate::policy::{Level, Levels};
use crate::{Error, ErrorKind};

/// The levels of `-A`, `-W` and `-D`.
pub(super) fn levels(args: &AuditArgs) -> Result<Levels, Error> {
    let mut levels = Levels::default();
    let groups = [
        (&args.report.allow, Level::Allow),
        (&args.report.warn, Level::As(Severity::Warning)),
        (&args.report.deny, Level::As(Severity::Error)),
    ];
    for (ids, level) in groups {
        for id in ids {
            if rule_by_id(id).is_none() {
                return Err(Error::new(ErrorKind::Usage, format!("there is no rule \"{id}\""))
                    .with_help("fabcert rules lists them"));
            }
            levels.set(id.as_str(), level);
        }
    }
    Ok(levels)
}
