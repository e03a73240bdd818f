//! What was logged: each text once an hour.

use std::collections::BTreeMap;

use crate::Timestamp;

/// The seconds within which a text is not logged again.
const AGAIN: i64 = 3600;

/// The texts within that time: a program whose words are always other ones does not fill the log.
const MOST: usize = 16;

/// The texts that were logged, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said(BTreeMap<String, Timestamp>);

impl Said {
    /// Whether `text` was not logged within the last hour; from now on it was. Times in it make no difference.
    pub(crate) fn is_new(&mut self, text: &str, now: Timestamp) -> bool {
        // The clock may have been set back.
        self.0.retain(|_, at| (0..AGAIN).contains(&now.seconds_since(*at)));
        let text = timeless(text);
        let is_new = !self.0.contains_key(&text) && self.0.len() < MOST;
        if is_new {
            self.0.insert(text, now);
        }
        is_new
    }
}

/// The words of a text that are not times (RFC 3339).
fn timeless(text: &str) -> String {
    let is_time = |word: &&str| {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
        Timestamp::parse_rfc3339(word).is_some()
    };
    text.split_whitespace().filter(|word| !is_time(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_new_once_an_hour_whatever_its_times_are() {
        let at = |second: i64| Timestamp::from_unix(1_800_000_000 + second);
        let mut said = Said::default();
        let refused = |second: i64| format!("the CA refused it at {}; HTTP 401", at(second));
        assert!(said.is_new(&refused(0), at(0)));
        assert!(!said.is_new(&refused(1), at(1)));
        assert!(said.is_new("the CA refused it; HTTP 403", at(2)), "another cause");
        assert!(!said.is_new(&refused(3), at(3)), "the first one again");
        assert!(said.is_new(&refused(3600), at(3600)));
        assert!(said.is_new("the CA refused it; HTTP 403", at(-5000)), "the clock was set back");
    }

    #[test]
    fn texts_that_always_differ_do_not_fill_the_log() {
        let mut said = Said::default();
        let now = Timestamp::from_unix(1_800_000_000);
        let new = (0..100).filter(|n| said.is_new(&format!("process {n}"), now)).count();
        assert_eq!(new, MOST);
        assert!(said.is_new("process 7", now.plus(std::time::Duration::from_secs(3600))));
    }
}
