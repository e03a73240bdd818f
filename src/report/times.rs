//! How often the same text came, for forms whose readers take a second one with the same name for the first.

use std::collections::HashMap;

/// Counts texts.
#[derive(Debug, Default)]
pub(super) struct Times<'a>(HashMap<&'a str, usize>);

impl<'a> Times<'a> {
    /// The how manieth it is, from 1.
    pub(super) fn nth(&mut self, text: &'a str) -> usize {
        let count = self.0.entry(text).or_default();
        *count += 1;
        *count
    }
}
