//! Patterns of paths: `*` and `?` within a segment, `**` over segments, `{name}` for one whole segment or a part of it,
//! which names can use. A pattern that matches a folder matches all below it.

use std::collections::HashSet;
use std::path::{Component, Path};

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// `**`.
    Any,
    /// Parts of one segment.
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Star,
    Question,
    Capture(String),
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid path pattern \"{pattern}\": {reason}")]
#[non_exhaustive]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// Why.
    pub reason: String,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is empty, absolute, or a placeholder is not closed.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let refuse = |reason: &str| Err(PatternError { pattern: text.to_owned(), reason: reason.to_owned() });
        let trimmed = text.trim_start_matches("./").trim_end_matches('/');
        if trimmed.is_empty() {
            return refuse("it is empty");
        }
        if trimmed.starts_with('/') {
            return refuse("paths are relative to the policy file's folder");
        }
        let mut segments = Vec::new();
        for segment in trimmed.split('/') {
            match segment {
                "**" => segments.push(Segment::Any),
                "" => return refuse("it has an empty segment"),
                "." | ".." => return refuse("it has a segment that is . or .."),
                _ => match parts(segment) {
                    Some(parts) => segments.push(Segment::Parts(parts)),
                    None => return refuse("a { has no } or no name of letters, digits, _ and - in it"),
                },
            }
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The placeholders in it.
    pub(crate) fn placeholders(&self) -> Vec<&str> {
        let parts = self.segments.iter().flat_map(|s| match s {
            Segment::Any => [].as_slice(),
            Segment::Parts(parts) => parts,
        });
        parts.filter_map(|p| if let Part::Capture(name) = p { Some(name.as_str()) } else { None }).collect()
    }

    /// What the placeholders match when the pattern matches `path` or a folder above it; `None` when it does not.
    pub(crate) fn captures(&self, path: &Path) -> Option<Vec<(String, String)>> {
        let names: Vec<String> = path
            .components()
            .filter_map(|c| match c {
                Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                _ => None,
            })
            .collect();
        let mut search = self.search(&names);
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        search.visit(At::default()).then(|| search.found.into_iter().map(owned).collect())
    }

    fn search<'a>(&'a self, names: &'a [String]) -> Search<'a> {
        Search { segments: &self.segments, names, again: self.again(), ..Search::default() }
    }

    /// The placeholders that occur more than once.
    fn again(&self) -> Vec<&str> {
        let mut names = self.placeholders();
        names.sort_unstable();
        let mut again: Vec<&str> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        again.dedup();
        again
    }
}

/// A place in the pattern and in the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct At {
    segment: usize,
    part: usize,
    name: usize,
    /// Bytes into the name.
    offset: usize,
}

impl At {
    /// The next part, this many bytes on.
    const fn past(self, bytes: usize) -> Self {
        Self { part: self.part + 1, offset: self.offset + bytes, ..self }
    }

    const fn segment(segment: usize, name: usize) -> Self {
        Self { segment, part: 0, name, offset: 0 }
    }
}

/// Tries every way to match. A place that failed once fails again, as long as the placeholders that are still to come have the
/// same values. Remembering it bounds the time: pattern length times the square of the path length without repeated placeholders.
#[derive(Default)]
struct Search<'a> {
    segments: &'a [Segment],
    names: &'a [String],
    again: Vec<&'a str>,
    found: Vec<(&'a str, &'a str)>,
    failed: HashSet<(At, Vec<&'a str>)>,
}

impl Search<'_> {
    fn visit(&mut self, at: At) -> bool {
        let values = self.found.iter().filter(|(name, _)| self.again.contains(name)).map(|(_, value)| *value);
        let place = (at, values.collect());
        if self.failed.contains(&place) {
            return false;
        }
        let before = self.found.len();
        let fits = self.step(at);
        if !fits {
            self.found.truncate(before);
            self.failed.insert(place);
        }
        fits
    }

    fn step(&mut self, at: At) -> bool {
        let (segments, names) = (self.segments, self.names);
        let parts = match segments.get(at.segment) {
            None => return true,
            Some(Segment::Any) => {
                return (at.name..=names.len()).any(|name| self.visit(At::segment(at.segment + 1, name)));
            }
            Some(Segment::Parts(parts)) => parts,
        };
        let Some(text) = names.get(at.name).map(|name| &name[at.offset..]) else { return false };
        match parts.get(at.part) {
            None => text.is_empty() && self.visit(At::segment(at.segment + 1, at.name + 1)),
            Some(Part::Text(word)) => text.starts_with(word.as_str()) && self.visit(at.past(word.len())),
            Some(Part::Question) => text.chars().next().is_some_and(|c| self.visit(at.past(c.len_utf8()))),
            Some(Part::Star) => ends(text).any(|end| self.visit(at.past(end))),
            Some(Part::Capture(name)) => {
                if let Some((_, value)) = self.found.iter().find(|(known, _)| known == name) {
                    return text.starts_with(value) && self.visit(at.past(value.len()));
                }
                ends(text).filter(|end| *end > 0).any(|end| {
                    self.found.push((name, &text[..end]));
                    let fits = self.visit(at.past(end));
                    if !fits {
                        self.found.pop();
                    }
                    fits
                })
            }
        }
    }
}

/// Every place between characters, the longest first: a placeholder takes as much as it can.
fn ends(text: &str) -> impl Iterator<Item = usize> + '_ {
    std::iter::once(text.len()).chain(text.char_indices().rev().map(|(at, _)| at))
}

fn parts(segment: &str) -> Option<Vec<Part>> {
    let mut out = Vec::new();
    let mut rest = segment;
    while let Some(first) = rest.chars().next() {
        match first {
            '*' => {
                rest = &rest[1..];
                if out.last() != Some(&Part::Star) {
                    out.push(Part::Star);
                }
            }
            '?' => {
                rest = &rest[1..];
                out.push(Part::Question);
            }
            '{' => {
                let (name, after) = rest[1..].split_once('}')?;
                let good =
                    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if !good {
                    return None;
                }
                out.push(Part::Capture(name.to_owned()));
                rest = after;
            }
            _ => {
                let end = rest.find(['*', '?', '{']).unwrap_or(rest.len());
                out.push(Part::Text(rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        Pattern::parse(pattern).unwrap().captures(Path::new(path))
    }

    #[test]
    fn placeholders_take_a_segment_or_a_part_of_it() {
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(
            captures("organizations/{org}/peers/{node}/tls", "organizations/org1/peers/peer0.org1/tls/server.crt"),
            Some(vec![pair("org", "org1"), pair("node", "peer0.org1")])
        );
        assert_eq!(captures("a/{node}-cert.pem", "a/x-y-cert.pem"), Some(vec![pair("node", "x-y")]));
        assert_eq!(
            captures("{org}/peers/{node}.{org}", "o1/peers/p.o1"),
            Some(vec![pair("org", "o1"), pair("node", "p")])
        );
        assert_eq!(captures("{org}/peers/{node}.{org}", "o1/peers/p.o2"), None);
    }

    #[test]
    fn stars_stay_within_a_segment_and_double_stars_do_not() {
        assert!(captures("a/*.pem", "a/b.pem").is_some());
        assert!(captures("a/*.pem", "a/b/c.pem").is_none());
        assert!(captures("a/**/c.pem", "a/b/x/c.pem").is_some());
        assert!(captures("**/c.pem", "c.pem").is_some());
        assert!(captures("a/?.pem", "a/é.pem").is_some());
        assert!(captures("a", "a/b/c").is_some(), "all below a folder that matches");
        assert!(captures("a/b", "a").is_none());
    }

    #[test]
    fn placeholders_give_back_what_a_later_segment_needs() {
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(captures("{a}{b}/{a}", "xyz/x"), Some(vec![pair("a", "x"), pair("b", "yz")]));
        assert_eq!(captures("**/{a}/{a}.pem", "x/y/z/z.pem"), Some(vec![pair("a", "z")]));
    }

    #[test]
    fn patterns_with_many_stars_try_each_place_once() {
        let long = "a".repeat(250);
        let deep = vec!["a"; 200].join("/");
        for (pattern, path) in [
            ("*a*a*a*a*a*a*a*a*b", long.as_str()),
            ("{a}a{b}a{c}a{d}a{e}a{f}a{g}a{h}b", &long),
            ("**/a/**/a/**/a/**/a/**/a/**/a/b", &deep),
            ("**/**/**/**/**/**/b", &deep),
            ("**/*a*/**/*a*/**/*a*/**/*a*/**/b", &deep),
        ] {
            let names: Vec<String> = path.split('/').map(str::to_owned).collect();
            let (tried, at_most) = (Pattern::parse(pattern).unwrap(), (pattern.len() + 1) * (path.len() + 1));
            let mut search = tried.search(&names);
            assert!(!search.visit(At::default()), "{pattern}");
            assert!(search.failed.len() <= at_most, "{pattern}: {} places, at most {at_most}", search.failed.len());
            assert!(captures(&format!("{}*", &pattern[..pattern.len() - 1]), path).is_some(), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "/abs", "a//b", "../a", "a/{", "a/{}", "a/{b c}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
