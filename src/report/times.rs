//! Counts repeated texts, for formats whose readers drop an entry with the name of another.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Counts texts in little memory: for a text that occurs once, as nearly all do, only a hash is kept.
#[derive(Debug)]
pub(super) struct Times {
    hashes: Vec<u64>,
    counts: HashMap<String, usize>,
}

impl Times {
    /// `texts` are all texts that will be counted.
    pub(super) fn among(texts: impl Iterator<Item = String>) -> Self {
        let mut hashes: Vec<u64> = texts.map(|text| hash(&text)).collect();
        hashes.sort_unstable();
        Self { hashes, counts: HashMap::new() }
    }

    /// The occurrence number of `text`, from 1.
    pub(super) fn nth(&mut self, text: &str) -> usize {
        let hash = hash(text);
        let at = self.hashes.partition_point(|other| *other < hash);
        if self.hashes.get(at) != self.hashes.get(at + 1) {
            return 1;
        }
        let count = self.counts.entry(text.to_owned()).or_default();
        *count += 1;
        *count
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_texts_are_numbered() {
        let texts = ["a", "b", "a", "c", "a", "c"];
        let mut times = Times::among(texts.iter().map(|text| (*text).to_owned()));
        assert_eq!(texts.map(|text| times.nth(text)), [1, 1, 2, 1, 3, 2]);
    }
}
