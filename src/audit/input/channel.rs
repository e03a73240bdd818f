//! Reads a channel configuration as a subject.

use std::path::Path;

use crate::audit::catalogue::INPUT_UNREADABLE;
use crate::audit::model::subject::{Location, Subject, SubjectKind, Trouble};
use crate::channel::{ChannelConfig, LARGEST};

/// Whether a file has a name that Fabric's tools and documentation give to blocks, messages and transactions.
pub(super) fn is_called_so(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["block", "pb", "tx"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// The size above which a block is not read, with its kind in words; `None` for a file whose name may be that of something else.
pub(super) fn limit(path: &Path) -> Option<(usize, &'static str)> {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("block")).then_some((LARGEST, "channel configuration"))
}

/// Reads a channel configuration as a subject; `None` if the content is something else.
pub(super) fn subject(path: &Path, content: &[u8]) -> Option<Subject> {
    let read = ChannelConfig::read(content)?;
    let mut subject = Subject::new(SubjectKind::Channel, path);
    let mut trouble = |reason| {
        subject.troubles.push(Trouble { at: Location::whole(path), rule: &INPUT_UNREADABLE, reason });
    };
    match read {
        Ok(config) => {
            config.unreadable().into_iter().for_each(trouble);
            subject.channel = Some(Box::new(config));
        }
        Err(e) => trouble(format!("the channel configuration cannot be read: {e}")),
    }
    Some(subject)
}
