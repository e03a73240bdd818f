//! Patterns of paths: `*` and `?` within a segment, `**` over segments, `{name}` for one whole segment or a part of it,
//! which names can use. A pattern that matches a folder matches all below it.

use std::borrow::Cow;
use std::path::{Component, Path};

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
/// The most parts of a pattern with a placeholder that occurs twice, and the most steps to match one path with it.
const MOST_PARTS: usize = 64;
const MOST_STEPS: usize = 50_000;

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
        let mut search = Search { segments: &self.segments, names, found: Vec::new(), steps: 0 };
        let fits = search.visit(At::default());
        if search.steps > MOST_STEPS {
            let reason =
                format!("{{{}}} occurs twice and leaves too many ways to match a path", self.again.join("}, {"));
            return Err(PatternError { pattern: self.text.clone(), reason });
        }
        Ok(fits.then(|| search.found.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
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

/// A place in the pattern and in the path.
#[derive(Clone, Copy, Debug, Default)]
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

/// Tries the ways to match a pattern with a placeholder that occurs twice: no method in linear time is known for that
/// (it is a back-reference), so the number of steps is bounded, and so is the number of parts, hence the depth.
struct Search<'a> {
    segments: &'a [Segment],
    names: &'a [Cow<'a, str>],
    found: Vec<(&'a str, &'a str)>,
    steps: usize,
}

impl Search<'_> {
    fn visit(&mut self, at: At) -> bool {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return false;
        }
        let before = self.found.len();
        let fits = self.step(at);
        if !fits {
            self.found.truncate(before);
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
        Pattern::parse(pattern).unwrap().captures(Path::new(path)).unwrap()
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
    fn time_is_linear_in_pattern_and_path() {
        let (long, deep) = ("a".repeat(4000), vec!["a"; 2000].join("/"));
        let anys = "**/".repeat(1000);
        for (pattern, path) in [
            ("*a*a*a*a*a*a*a*a*b".to_owned(), long.as_str()),
            (format!("{}b", "*a".repeat(2000)), &long),
            (format!("{}b", "*?".repeat(2000)), &long),
            ("{a}a{b}a{c}a{d}a{e}a{f}a{g}a{h}b".to_owned(), &long),
            (format!("{}b", (0..500).map(|i| format!("{{p{i}}}a")).collect::<Vec<_>>().concat()), &long),
            ("**/a/**/a/**/a/**/a/**/a/**/a/b".to_owned(), &deep),
            (format!("{}b", "**/a/".repeat(800)), &deep),
            (format!("{anys}b"), &deep),
            ("**/*a*/**/*a*/**/*a*/**/*a*/**/b".to_owned(), &deep),
            ("**/{a}/**/{b}/**/{c}/**/{d}/**/{e}/**/{f}/b".to_owned(), &deep),
        ] {
            // The tests run without optimisation; an exponential method would not end.
            assert!(captures(&pattern, path).is_none(), "{pattern}");
            assert!(captures(&format!("{}*", &pattern[..pattern.len() - 1]), path).is_some(), "{pattern}");
        }
    }

    #[test]
    fn thousands_of_patterns_are_held_against_thousands_of_paths() {
        let patterns: Vec<Pattern> =
            (0..1000).map(|i| Pattern::parse(&format!("**/*a*a*a*a*a*a*a*{i}b/**/{{x}}.pem")).unwrap()).collect();
        let paths: Vec<String> = (0..200).map(|i| format!("{}/{i}/x.pem", "a".repeat(100))).collect();
        let count = paths.iter().map(|path| patterns.iter().filter(|p| p.matches(Path::new(path))).count());
        assert_eq!(count.sum::<usize>(), 0);
    }

    #[test]
    fn a_repeated_placeholder_is_matched_within_a_bound_or_refused() {
        let tried = Pattern::parse("{a}{b}{c}{d}{e}{f}x/{a}{b}{c}{d}{e}{f}y").unwrap();
        let path = format!("{0}x/{0}y", "a".repeat(200));
        let error = tried.captures(Path::new(&path.replace('y', "ay"))).unwrap_err();
        assert!(error.to_string().contains("too many ways"), "{error}");
        assert!(!tried.matches(Path::new(&path.replace('y', "ay"))));
        let usual = Pattern::parse("**/{org}/peers/{node}.{org}/{node}.{org}/**/{node}.{org}-cert.pem").unwrap();
        let path = "organizations/org1.example.com/peers/peer0.org1.example.com/peer0.org1.example.com/msp/signcerts/peer0.org1.example.com-cert.pem";
        let found = usual.captures(Path::new(path)).unwrap().unwrap();
        assert_eq!(found, [("org".to_owned(), "org1.example.com".to_owned()), ("node".to_owned(), "peer0".to_owned())]);
    }

    mod agreement {
        use proptest::prelude::*;

        use super::*;

        /// Whether a pattern without placeholders matches, by trying everything.
        fn tried(segments: &[&str], names: &[&str]) -> bool {
            match (segments.split_first(), names.split_first()) {
                (None, _) => true,
                (Some((&"**", rest)), Some((_, below))) => tried(rest, names) || tried(segments, below),
                (Some((&"**", rest)), None) => tried(rest, names),
                (Some(_), None) => false,
                (Some((first, rest)), Some((name, below))) => {
                    one(first.as_bytes(), name.as_bytes()) && tried(rest, below)
                }
            }
        }

        fn one(segment: &[u8], name: &[u8]) -> bool {
            match (segment.split_first(), name.split_first()) {
                (None, rest) => rest.is_none(),
                (Some((b'*', after)), Some((_, rest))) => one(after, name) || one(segment, rest),
                (Some((b'*', after)), None) => one(after, name),
                (Some((b'?', after)), Some((_, rest))) => one(after, rest),
                (Some((c, after)), Some((d, rest))) => c == d && one(after, rest),
                (Some(_), None) => false,
            }
        }

        proptest! {
            #[test]
            fn with_a_method_that_tries_everything(
                pattern in "([ab*?]{1,4}|\\*\\*)(/([ab*?]{1,4}|\\*\\*)){0,4}",
                path in "[ab]{1,4}(/[ab]{1,4}){0,4}",
            ) {
                let segments: Vec<&str> = pattern.split('/').collect();
                let names: Vec<&str> = path.split('/').collect();
                let parsed = Pattern::parse(&pattern).unwrap();
                prop_assert_eq!(parsed.matches(Path::new(&path)), tried(&segments, &names));
                let captures = parsed.captures(Path::new(&path)).unwrap();
                prop_assert_eq!(captures.is_some(), tried(&segments, &names));
            }

            #[test]
            fn of_placeholders_with_stars(
                pattern in "([ab*?]|\\{[xy]\\}){1,5}(/([ab*?]|\\{[zw]\\}){1,4}){0,2}",
                path in "[ab]{1,6}(/[ab]{1,5}){0,3}",
            ) {
                let parsed = Pattern::parse(&pattern).unwrap();
                prop_assume!(parsed.again.is_empty());
                let stars = pattern.replace("{x}", "?*").replace("{y}", "?*").replace("{z}", "?*").replace("{w}", "?*");
                let stars = Pattern::parse(&stars).unwrap();
                let found = parsed.captures(Path::new(&path)).unwrap();
                prop_assert_eq!(found.is_some(), stars.matches(Path::new(&path)));
                // The values, put in, give a pattern that matches.
                if let Some(found) = found {
                    let filled = found.iter().fold(pattern, |p, (name, value)| p.replace(&format!("{{{name}}}"), value));
                    prop_assert!(Pattern::parse(&filled).unwrap().matches(Path::new(&path)), "{}", filled);
                }
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let many = format!("{}/{{a}}/{{a}}", vec!["x"; 64].join("/"));
        for text in ["", "/abs", "a//b", "../a", "a/{", "a/{}", "a/{b c}", &"a/".repeat(2049), &many] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
