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
    let items = places.iter().map(|(name, places)| format!("${{{name}}} in {}", places.join(", ")));
    Err(Error::new(ErrorKind::Input, "placeholders without a value:").with_items(items).with_help(
        "give each value with --set NAME=VALUE, or name the variable that holds it with --env NAME; --set 'NAME=${NAME}' keeps a placeholder",
    ))
}
