//! Names for folders that a run works in and that its user does not know: texts name what they stand for.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

/// Beginnings of paths, and what texts have in their place; the first that fits counts.
static NAMES: RwLock<Vec<(String, String)>> = RwLock::new(Vec::new());

/// Names the places from now on.
#[cfg(feature = "kubernetes")]
pub(super) fn set(names: Vec<(String, String)>) {
    *NAMES.write().unwrap_or_else(PoisonError::into_inner) = names;
}

/// The text with the names of places.
pub(super) fn in_text(text: &str) -> Cow<'_, str> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    named(text, &names)
}

fn named<'t>(text: &'t str, names: &[(String, String)]) -> Cow<'t, str> {
    names
        .iter()
        .filter(|(path, _)| text.contains(path))
        .fold(Cow::Borrowed(text), |text, (path, name)| Cow::Owned(text.replace(path, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_replaced_by_what_they_stand_for() {
        let names = [("/tmp/x/.tls.fabcert/", "k8s://n/p-fabcert/tls."), ("/tmp/x/tls", "k8s://n/p")];
        let names = names.map(|(path, name)| (path.to_owned(), name.to_owned()));
        assert_eq!(named("/tmp/x/tls/tls.crt is due", &names), "k8s://n/p/tls.crt is due");
        assert_eq!(named("in /tmp/x/.tls.fabcert/record.json", &names), "in k8s://n/p-fabcert/tls.record.json");
        assert_eq!(named("/tmp/y/tls", &names), "/tmp/y/tls");
    }
}
