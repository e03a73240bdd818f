//! Placeholders without a value.

use std::collections::BTreeMap;
use std::path::Path;

use super::placeholder::Unset;
use crate::{Error, ErrorKind};

/// The error for placeholders without a value, if there are any: every one with its lines.
pub(crate) fn refuse_unset<'a>(unset: impl Iterator<Item = (&'a Path, &'a Unset)>) -> Result<(), Error> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, one) in unset {
        let place = format!("{}:{}", path.display(), one.line);
        let known = places.entry(&one.name).or_default();
        if !known.contains(&place) {
            known.push(place);
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    let lines = places.iter().map(|(name, places)| format!("\n  ${{{name}}} in {}", places.join(", ")));
    Err(Error::new(ErrorKind::Input, format!("placeholders without a value:{}", lines.collect::<String>()))
        .with_help(
            "give each one with --set NAME=VALUE, or take them from the environment with --env; --set 'NAME=${NAME}' leaves one as it is",
        ))
}
