//! Removes secrets from texts of servers: whatever a server received, it may repeat, in any encoding.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::Secret;
use super::view::{DECODERS, SEPARATOR, View};

/// What is put in place of a secret.
const MASK: &str = "[redacted]";
/// Secrets below this length are matched as whole words only.
const SHORT: usize = 5;
/// The length of a part of a secret that is masked on its own.
const PART: usize = 8;
/// The same at either end of a text, where it was cut.
const CUT_PART: usize = 3;
/// The longest text that is looked at, in bytes; the rest of a longer one is masked. Every reading of a byte is work.
const LIMIT: usize = 32 * 1024;
/// Bytes that are read at once. Parts of this size overlap by half.
const WINDOW: usize = 8 * 1024;
/// How many readings of one window are looked at.
const VIEWS: usize = 96;
/// How many decodings are undone one after the other.
const DEPTH: u32 = 6;

/// Removes secrets from texts, in whatever encoding: as they are, percent-encoded, in base64, hexadecimal, HTML or JSON, with
/// other characters escaped, with whitespace or tags between their characters, several of these at once, and parts of
/// them.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// The secrets, each with the length of a part that is masked on its own.
    secrets: Vec<(Zeroizing<Vec<u8>>, usize)>,
    /// What to look for, made for the first text: most requests succeed, and nothing of their answers is shown.
    needles: OnceLock<Vec<Needle>>,
    /// What precedes a secret in HTTP's `Basic` scheme: the id with a colon.
    ids: Vec<(String, Secret)>,
    /// Words that are no secret, in lower case, even if a secret shares a part with them.
    public: Vec<String>,
}

/// A secret to look for, in lower case.
#[derive(Clone)]
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    /// The length of a part that is masked on its own.
    part: usize,
    /// Where each part begins.
    parts: HashMap<u128, Vec<usize>>,
}

/// A place in the text to mask.
#[derive(Clone, Copy)]
struct Mark {
    start: usize,
    end: usize,
    /// Whether the run of characters around it is masked too.
    whole_run: bool,
}

impl Redactor {
    /// Adds a secret.
    pub(crate) fn secret(mut self, secret: &Secret) -> Self {
        self.add(secret.expose().as_bytes().to_vec(), PART);
        self
    }

    /// Adds the pair of an id and a secret, as HTTP's `Basic` scheme sends it.
    pub(crate) fn credential(self, id: &str, secret: &Secret) -> Self {
        let mut redactor = self.secret(secret).public(id);
        if !id.is_empty() && !secret.is_empty() {
            redactor.ids.push((format!("{}:", id.to_ascii_lowercase()), secret.clone()));
        }
        redactor
    }

    /// Whether the bytes of a certificate contain a secret of an enrolment as text, in base64 or in hexadecimal. A certificate
    /// is public: what is in one cannot be redacted. Secrets of few characters may be there by chance and do not count.
    pub(crate) fn is_in(&self, der: &[u8]) -> bool {
        // A BMPString has a zero byte before each character of ASCII.
        let text: Zeroizing<Vec<u8>> = Zeroizing::new(der.iter().filter(|b| **b != 0).copied().collect());
        self.ids.iter().any(|(_, secret)| {
            let bytes = secret.expose().as_bytes();
            let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
            let hex: Zeroizing<String> =
                Zeroizing::new(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect());
            let base64 = Zeroizing::new(STANDARD_NO_PAD.encode(bytes));
            let forms = [bytes, hex.as_bytes(), base64.as_bytes()];
            bytes.len() >= PART
                && forms.iter().any(|form| text.windows(form.len()).any(|w| w.eq_ignore_ascii_case(form)))
        })
    }

    /// Adds a text of base64, such as the signature in a token.
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.add(token.as_bytes().to_vec(), 2 * PART);
        self
    }

    /// Adds a word that is not masked where a secret has only a part in common with it.
    pub(crate) fn public(mut self, word: &str) -> Self {
        self.public.push(word.to_ascii_lowercase());
        self
    }

    /// The text with every form of every secret masked, and what follows its first 32 KiB.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.redact_within(text, &mut { LIMIT })
    }

    /// Several texts, whose lengths together count towards the limit of one.
    pub(crate) fn redact_all<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut left = LIMIT;
        texts.into_iter().map(|text| self.redact_within(text, &mut left)).collect()
    }

    /// The text, of which at most `left` bytes are looked at.
    fn redact_within(&self, text: &str, left: &mut usize) -> String {
        // Such as what is around the certificates of an answer.
        if text.trim().is_empty() {
            return text.to_owned();
        }
        let end = (0..=text.len().min(*left)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let (text, rest) = text.split_at(if self.secrets.is_empty() { text.len() } else { end });
        *left = left.saturating_sub(text.len());
        let mut marks = Vec::new();
        if !self.secrets.is_empty() {
            let mut start = 0;
            loop {
                let end = text.len().min(start + WINDOW);
                self.look(&text.as_bytes()[start..end], start, &mut marks);
                if end == text.len() {
                    break;
                }
                start += WINDOW / 2;
            }
        }
        let out = masked(text, marks);
        if rest.trim().is_empty() { out + rest } else { out + MASK }
    }

    fn add(&mut self, secret: Vec<u8>, part: usize) {
        self.secrets.push((Zeroizing::new(secret), part));
        self.needles = OnceLock::new();
    }

    fn needles(&self) -> &[Needle] {
        self.needles
            .get_or_init(|| self.secrets.iter().flat_map(|(secret, part)| Needle::spellings(secret, *part)).collect())
    }

    /// Looks for the secrets in every reading of one part of the text, which begins at `offset`.
    fn look(&self, text: &[u8], offset: usize, marks: &mut Vec<Mark>) {
        let mut seen = HashSet::new();
        let mut views = vec![(View::of(text), 0)];
        let mut at = 0;
        while at < views.len() {
            let (view, depth) = &views[at];
            let mut found = |start, end| {
                let (start, end) = view.place(start, end);
                marks.push(Mark { start: offset + start, end: offset + end, whole_run: view.is_packed });
            };
            self.search(view, &mut found);
            let depth = depth + 1;
            if depth <= DEPTH && view.is_readable() {
                let new: Vec<View> = DECODERS.iter().filter_map(|decode| decode(view)).collect();
                for new in new {
                    let mut hasher = DefaultHasher::new();
                    (&*new.bytes, new.is_packed).hash(&mut hasher);
                    if views.len() < VIEWS && seen.insert(hasher.finish()) {
                        views.push((new, depth));
                    }
                }
            }
            at += 1;
        }
    }

    /// Looks for the secrets in one reading.
    fn search(&self, view: &View, found: &mut impl FnMut(usize, usize)) {
        let lower = Zeroizing::new(view.bytes.to_ascii_lowercase());
        for needle in self.needles() {
            if needle.bytes.len() < SHORT {
                needle.words(&lower, view.is_packed, found);
            } else {
                let is_public = |part: &[u8]| {
                    part.len() < needle.bytes.len()
                        && self.public.iter().any(|word| word.as_bytes().windows(part.len()).any(|w| w == part))
                };
                needle.parts(&lower, &is_public, found);
                needle.cut(&lower, view.is_packed, &is_public, found);
            }
        }
        for (id, secret) in &self.ids {
            let secret = Zeroizing::new(secret.expose().as_bytes().to_ascii_lowercase());
            for at in positions(&lower, id.as_bytes()) {
                let start = at + id.len();
                let length = common(&lower[start..], &secret);
                if length > 0 {
                    found(start, start + length);
                }
            }
        }
    }
}

impl Needle {
    /// A secret in each spelling that a decoding of the text could turn it into.
    fn spellings(secret: &[u8], part: usize) -> Vec<Self> {
        let mut spellings = vec![View::of(secret)];
        let mut at = 0;
        while at < spellings.len() && spellings.len() < 16 {
            for decode in &DECODERS[..5] {
                let is_new = |new: &View| spellings.iter().all(|known| known.bytes != new.bytes);
                if let Some(view) = decode(&spellings[at]).filter(is_new) {
                    spellings.push(view);
                }
            }
            at += 1;
        }
        // A long secret with a short spelling would mask words.
        let is_of_use =
            |(index, view): &(usize, View)| !view.bytes.is_empty() && (*index == 0 || view.bytes.len() >= SHORT);
        spellings.into_iter().enumerate().filter(is_of_use).map(|(_, view)| Self::new(&view.bytes, part)).collect()
    }

    fn new(bytes: &[u8], part: usize) -> Self {
        let bytes = Zeroizing::new(bytes.to_ascii_lowercase());
        let part = part.min((bytes.len() / 2).max(SHORT)).min(bytes.len());
        let mut parts: HashMap<u128, Vec<usize>> = HashMap::new();
        for (at, window) in bytes.windows(part).enumerate() {
            parts.entry(key(window)).or_default().push(at);
        }
        Self { bytes, part, parts }
    }

    /// A short secret counts only where it is a word of its own; one character only in quotes or as a value.
    fn words(&self, text: &[u8], is_packed: bool, found: &mut impl FnMut(usize, usize)) {
        let ends = |b: Option<&u8>| match b {
            None | Some(&SEPARATOR) => true,
            Some(_) if is_packed => false,
            Some(b) if self.bytes.len() == 1 => b"\"'`:=&@".contains(b),
            Some(b) => !b.is_ascii_alphanumeric() && b.is_ascii(),
        };
        for at in positions(text, &self.bytes) {
            let end = at + self.bytes.len();
            let is_alone = is_packed && self.bytes.len() == 1;
            if !is_alone && ends(at.checked_sub(1).and_then(|before| text.get(before))) && ends(text.get(end)) {
                found(at, end);
            }
        }
    }

    /// Parts of the secret, and all of it.
    fn parts(&self, text: &[u8], is_public: &impl Fn(&[u8]) -> bool, found: &mut impl FnMut(usize, usize)) {
        let mask = u128::MAX >> (128 - 8 * self.part);
        let (mut rolling, mut done) = (0, 0);
        for (at, byte) in text.iter().enumerate() {
            rolling = (rolling << 8 | u128::from(*byte)) & mask;
            let Some(start) = (at + 1).checked_sub(self.part).filter(|start| *start >= done) else { continue };
            let Some(places) = self.parts.get(&rolling) else { continue };
            let length = places.iter().map(|place| common(&text[start..], &self.bytes[*place..])).max().unwrap_or(0);
            if length >= self.part && !is_public(&text[start..start + length]) {
                found(start, start + length);
                done = start + length;
            }
        }
    }

    /// A beginning of the secret at the end of the text, or its end at the beginning: the text was cut there. In a packed
    /// reading each run is a text.
    fn cut(
        &self,
        text: &[u8],
        is_packed: bool,
        is_public: &impl Fn(&[u8]) -> bool,
        found: &mut impl FnMut(usize, usize),
    ) {
        let mut base = 0;
        for run in text.split(|b| is_packed && *b == SEPARATOR) {
            let is_frame = |b: &u8| !b.is_ascii_alphanumeric();
            let front = if is_packed { 0 } else { run.iter().take_while(|b| is_frame(b)).count() };
            let back = if is_packed { 0 } else { run.iter().rev().take_while(|b| is_frame(b)).count() };
            // With and without the signs around it, which may belong to the secret.
            for (start, end) in [(0, run.len()), (front, run.len()), (0, run.len().saturating_sub(back))] {
                let Some(run) = run.get(start..end) else { continue };
                let longest = run.len().min(self.bytes.len());
                let lengths = || (CUT_PART..=longest).rev();
                let tail = lengths().find(|n| run.ends_with(&self.bytes[..*n]));
                if let Some(n) = tail.filter(|n| !is_public(&self.bytes[..*n])) {
                    found(base + start + run.len() - n, base + start + run.len());
                }
                let head = lengths().find(|n| run.starts_with(&self.bytes[self.bytes.len() - n..]));
                if let Some(n) = head.filter(|n| !is_public(&self.bytes[self.bytes.len() - n..])) {
                    found(base + start, base + start + n);
                }
            }
            base += run.len() + 1;
        }
    }
}

fn key(part: &[u8]) -> u128 {
    part.iter().fold(0, |key, byte| key << 8 | u128::from(*byte))
}

/// The number of bytes that two texts begin with in common.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn positions<'a>(text: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    text.windows(word.len()).enumerate().filter(move |(_, window)| *window == word).map(|(at, _)| at)
}

/// The text with the marked places masked.
fn masked(text: &str, mut marks: Vec<Mark>) -> String {
    let bytes = text.as_bytes();
    let in_run = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_=%".contains(b);
    for mark in &mut marks {
        if mark.whole_run {
            mark.start -= bytes[..mark.start].iter().rev().take_while(|b| in_run(b)).count();
            mark.end += bytes[mark.end..].iter().take_while(|b| in_run(b)).count();
        }
        while !text.is_char_boundary(mark.start) {
            mark.start -= 1;
        }
        while !text.is_char_boundary(mark.end) {
            mark.end += 1;
        }
    }
    marks.sort_by_key(|mark| mark.start);
    let (mut out, mut shown) = (String::with_capacity(text.len()), 0);
    let mut marks = marks.into_iter().peekable();
    while let Some(Mark { start, mut end, .. }) = marks.next() {
        while let Some(next) = marks.next_if(|next| next.start <= end) {
            end = end.max(next.end);
        }
        out.push_str(&text[shown..start]);
        out.push_str(MASK);
        shown = end;
    }
    out.push_str(&text[shown..]);
    out
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}
