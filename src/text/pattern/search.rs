//! Matching with a placeholder that occurs twice.

use std::borrow::Cow;

use super::{Captures, Part, Segment};

/// The most steps to match one path.
const MOST_STEPS: usize = 50_000;

/// There are more ways to match than are tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooManySteps;

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
pub(super) struct Search<'a> {
    segments: &'a [Segment],
    names: &'a [Cow<'a, str>],
    found: Vec<(&'a str, &'a str)>,
    steps: usize,
}

impl<'a> Search<'a> {
    pub(super) const fn new(segments: &'a [Segment], names: &'a [Cow<'a, str>]) -> Self {
        Self { segments, names, found: Vec::new(), steps: 0 }
    }

    /// The values of the placeholders, if the names fit.
    ///
    /// # Errors
    /// When the steps do not suffice.
    pub(super) fn captures(mut self) -> Result<Option<Captures>, TooManySteps> {
        let fits = self.visit(At::default());
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        if self.steps > MOST_STEPS {
            return Err(TooManySteps);
        }
        Ok(fits.then(|| self.found.into_iter().map(owned).collect()))
    }

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
