//! Patterns of paths: `*` and `?` within a segment, `**` over segments, `{name}` for one whole segment or a part of it,
//! which names can use. A pattern that matches a folder matches all below it.

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
#[error("\"{pattern}\" is no path pattern: {reason}")]
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
    pub fn placeholders(&self) -> Vec<&str> {
        let parts = self.segments.iter().flat_map(|s| match s {
            Segment::Any => [].as_slice(),
            Segment::Parts(parts) => parts,
        });
        parts.filter_map(|p| if let Part::Capture(name) = p { Some(name.as_str()) } else { None }).collect()
    }

    /// What the placeholders stand for when the pattern matches `path` or a folder above it; `None` when it does not.
    pub fn captures(&self, path: &Path) -> Option<Vec<(String, String)>> {
        let names: Vec<String> = path
            .components()
            .filter_map(|c| match c {
                Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                _ => None,
            })
            .collect();
        let mut found = Vec::new();
        walk(&self.segments, &names, &mut found).then_some(found)
    }
}

fn walk(segments: &[Segment], names: &[String], found: &mut Vec<(String, String)>) -> bool {
    match segments.split_first() {
        None => true,
        Some((Segment::Any, rest)) => (0..=names.len()).any(|skip| walk(rest, &names[skip..], found)),
        Some((Segment::Parts(parts), rest)) => {
            let Some((name, below)) = names.split_first() else { return false };
            let before = found.len();
            let fits = within(parts, name, found) && walk(rest, below, found);
            if !fits {
                found.truncate(before);
            }
            fits
        }
    }
}

fn within(parts: &[Part], text: &str, found: &mut Vec<(String, String)>) -> bool {
    match parts.split_first() {
        None => text.is_empty(),
        Some((Part::Text(word), rest)) => text.strip_prefix(word.as_str()).is_some_and(|t| within(rest, t, found)),
        Some((Part::Question, rest)) => {
            let mut chars = text.chars();
            chars.next().is_some() && within(rest, chars.as_str(), found)
        }
        Some((Part::Star, rest)) => ends(text).any(|at| within(rest, &text[at..], found)),
        Some((Part::Capture(name), rest)) => {
            let known = found.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
            if let Some(value) = known {
                return text.strip_prefix(value.as_str()).is_some_and(|t| within(rest, t, found));
            }
            let before = found.len();
            for at in ends(text).filter(|at| *at > 0) {
                found.push((name.clone(), text[..at].to_owned()));
                if within(rest, &text[at..], found) {
                    return true;
                }
                found.truncate(before);
            }
            false
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
    fn what_is_no_pattern_is_refused() {
        for text in ["", "/abs", "a//b", "../a", "a/{", "a/{}", "a/{b c}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
