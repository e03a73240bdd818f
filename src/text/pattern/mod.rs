//! Patterns of paths: `*` and `?` within a segment, `**` over segments, `{name}` for one whole segment or a part of it,
//! which names can use. A pattern that matches a folder matches all below it.

mod search;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::{Component, Path};

use self::search::Search;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
    /// The placeholders that occur more than once.
    again: Vec<String>,
}

/// The most bytes of a pattern: as many as the kernel takes for a path.
const LONGEST: usize = 4096;
/// The most parts of a pattern with a placeholder that occurs twice.
const MOST_PARTS: usize = 64;

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
    /// When it is empty, absolute or too long, or a placeholder is not closed.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let refuse = |reason: &str| Err(PatternError { pattern: text.to_owned(), reason: reason.to_owned() });
        if text.len() > LONGEST {
            let mut pattern: String = text.chars().take(40).collect();
            pattern.push_str("...");
            return Err(PatternError { pattern, reason: format!("it is longer than {LONGEST} bytes") });
        }
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
                "**" if segments.last() == Some(&Segment::Any) => {}
                "**" => segments.push(Segment::Any),
                "" => return refuse("it has an empty segment"),
                "." | ".." => return refuse("it has a segment that is . or .."),
                _ => match parts(segment) {
                    Some(parts) => segments.push(Segment::Parts(parts)),
                    None => return refuse("a { has no } or no name of letters, digits, _ and - in it"),
                },
            }
        }
        let again = repeated(&segments);
        let count = |segment: &Segment| if let Segment::Parts(parts) = segment { 1 + parts.len() } else { 1 };
        if !again.is_empty() && segments.iter().map(count).sum::<usize>() > MOST_PARTS {
            return refuse("it has too many parts for a placeholder that occurs twice");
        }
        Ok(Self { text: text.to_owned(), segments, again })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The placeholders in it.
    pub(crate) fn placeholders(&self) -> Vec<&str> {
        captures_of(&self.segments).map(String::as_str).collect()
    }

    /// Whether the pattern matches `path` or a folder above it. The time is at most proportional to the length of the
    /// pattern times the length of the path.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        let names = names(path);
        if self.again.is_empty() {
            return self.fits(&names);
        }
        self.captures_in(&names).is_ok_and(|found| found.is_some())
    }

    /// What the placeholders match when the pattern matches `path` or a folder above it; `None` when it does not.
    ///
    /// # Errors
    /// When placeholders that occur more than once leave too many ways to match.
    pub(crate) fn captures(&self, path: &Path) -> Result<Option<Captures>, PatternError> {
        self.captures_in(&names(path))
    }

    fn captures_in(&self, names: &[Cow<'_, str>]) -> Result<Option<Captures>, PatternError> {
        if !self.fits(names) {
            return Ok(None);
        }
        if self.again.is_empty() {
            return Ok(Some(self.taken(names)));
        }
        Search::new(&self.segments, names).captures().map_err(|_| {
            let reason =
                format!("{{{}}} occurs twice and leaves too many ways to match a path", self.again.join("}, {"));
            PatternError { pattern: self.text.clone(), reason }
        })
    }

    /// Whether the segments fit, each placeholder by itself. After a `**`, the first place that fits the segments up to
    /// the next `**` is as good as any later one.
    fn fits(&self, names: &[Cow<'_, str>]) -> bool {
        let (mut segment, mut name, mut again) = (0, 0, None);
        loop {
            match self.segments.get(segment) {
                None => return true,
                Some(Segment::Any) => {
                    segment += 1;
                    again = Some((segment, name));
                    continue;
                }
                Some(Segment::Parts(parts)) if names.get(name).is_some_and(|text| part_fits(parts, text)) => {
                    segment += 1;
                    name += 1;
                    continue;
                }
                Some(Segment::Parts(_)) => {}
            }
            match again {
                Some((after, at)) if at < names.len() => {
                    again = Some((after, at + 1));
                    (segment, name) = (after, at + 1);
                }
                _ => return false,
            }
        }
    }

    /// The values of the placeholders in names that fit; no placeholder occurs twice.
    fn taken(&self, names: &[Cow<'_, str>]) -> Captures {
        let mut found = Vec::new();
        if self.placeholders().is_empty() {
            return found;
        }
        // Whether the segments from one on fit the names from one on, from the last segment to the first.
        let mut tables = vec![vec![true; names.len() + 1]];
        for segment in self.segments.iter().rev() {
            let after = tables.last().map_or(&[][..], Vec::as_slice);
            let mut table = vec![false; names.len() + 1];
            for name in (0..=names.len()).rev() {
                table[name] = match segment {
                    Segment::Any => after[name] || table.get(name + 1).is_some_and(|fits| *fits),
                    Segment::Parts(parts) => {
                        names.get(name).is_some_and(|text| after[name + 1] && part_fits(parts, text))
                    }
                };
            }
            tables.push(table);
        }
        tables.pop();
        let mut name = 0;
        for segment in &self.segments {
            let after = tables.pop().unwrap_or_default();
            match segment {
                Segment::Any => name += after[name..].iter().position(|fits| *fits).unwrap_or(0),
                Segment::Parts(parts) => {
                    take(parts, &names[name], &mut found);
                    name += 1;
                }
            }
        }
        found
    }
}

/// Placeholders with their values.
pub(crate) type Captures = Vec<(String, String)>;

/// The names in a path; bytes that are not UTF-8 are replaced.
fn names(path: &Path) -> Vec<Cow<'_, str>> {
    let normal = |part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    };
    path.components().filter_map(normal).collect()
}

/// The placeholders that occur more than once.
fn repeated(segments: &[Segment]) -> Vec<String> {
    let mut names: Vec<&String> = captures_of(segments).collect();
    names.sort_unstable();
    let mut again: Vec<String> =
        names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    again.dedup();
    again
}

fn captures_of(segments: &[Segment]) -> impl Iterator<Item = &String> {
    let parts = segments.iter().flat_map(|segment| match segment {
        Segment::Any => [].as_slice(),
        Segment::Parts(parts) => parts,
    });
    parts.filter_map(|part| if let Part::Capture(name) = part { Some(name) } else { None })
}

/// Whether the parts of a segment fit a name. After a star, the first place that fits the parts up to the next star is
/// as good as any later one.
fn part_fits(parts: &[Part], name: &str) -> bool {
    let (mut part, mut at, mut again) = (0, 0, None);
    loop {
        let rest = &name[at..];
        let step = match parts.get(part) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Part::Star) => Some(0),
            Some(Part::Question | Part::Capture(_)) => rest.chars().next().map(char::len_utf8),
            Some(Part::Text(word)) => rest.starts_with(word.as_str()).then_some(word.len()),
        };
        if let Some(bytes) = step {
            let is_any = matches!(parts[part], Part::Star | Part::Capture(_));
            (part, at) = (part + 1, at + bytes);
            if is_any {
                again = Some((part, at));
            }
            continue;
        }
        let Some((after, from)) = again else { return false };
        let Some(next) = name[from..].chars().next().map(|c| from + c.len_utf8()) else { return false };
        let next = match parts.get(after) {
            // Nothing but the end fits there.
            None => name.len(),
            Some(Part::Text(word)) => match name[next..].find(word.as_str()) {
                Some(ahead) => next + ahead,
                None => return false,
            },
            Some(_) => next,
        };
        again = Some((after, next));
        (part, at) = (after, next);
    }
}

/// The values of the placeholders in a name that fits: each takes as much as it can.
fn take(parts: &[Part], name: &str, found: &mut Captures) {
    if !parts.iter().any(|part| matches!(part, Part::Capture(_))) {
        return;
    }
    // Whether the parts from one on fit the name from a byte on, from the last part to the first.
    let mut tables = vec![vec![false; name.len() + 1]];
    tables[0][name.len()] = true;
    for part in parts.iter().rev() {
        let after = tables.last().map_or(&[][..], Vec::as_slice);
        let mut table = vec![false; name.len() + 1];
        let ends = name.char_indices().map(|(at, c)| (at, at + c.len_utf8())).rev();
        if *part == Part::Star {
            table[name.len()] = after[name.len()];
        }
        for (at, next) in ends {
            table[at] = match part {
                Part::Star => after[at] || table[next],
                Part::Question => after[next],
                Part::Text(word) => name[at..].starts_with(word.as_str()) && after[at + word.len()],
                // At least one character.
                Part::Capture(_) => after[next] || table[next],
            };
        }
        tables.push(table);
    }
    tables.pop();
    let mut at = 0;
    for part in parts {
        let after = tables.pop().unwrap_or_default();
        let end = match part {
            Part::Text(word) => at + word.len(),
            Part::Question => at + name[at..].chars().next().map_or(0, char::len_utf8),
            Part::Star | Part::Capture(_) => after.iter().rposition(|fits| *fits).unwrap_or(at),
        };
        if let Part::Capture(placeholder) = part {
            found.push((placeholder.clone(), name[at..end].to_owned()));
        }
        at = end;
    }
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
