//! How a record is turned into bytes and read back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A record of a [`super::Ledger`].
pub trait Packed: Sized {
    /// Writes it.
    fn pack(&self, out: &mut Packer<'_>);

    /// Reads it back, the parts in the order in which they were written.
    fn unpack(from: &mut Unpacker<'_>) -> Self;
}

/// Takes the parts of a record.
#[derive(Debug)]
pub struct Packer<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
    pub(super) words: &'a mut Vec<&'static str>,
}

impl Packer<'_> {
    /// A number.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.bytes.push(number.to_le_bytes()[0]);
    }

    /// A count, or an index.
    pub fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// A number that may be missing.
    pub fn maybe(&mut self, count: Option<usize>) {
        self.number(count.map_or(0, |n| (n as u64).saturating_add(1)));
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Texts, one, none or many.
    pub fn texts(&mut self, texts: &[String]) {
        self.count(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    /// A path.
    pub fn path(&mut self, path: &Path) {
        self.bytes(path.as_os_str().as_bytes());
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// A text that is part of the program: only the first of its kind costs room.
    pub fn word(&mut self, word: &'static str) {
        let known = self.words.iter().position(|w| std::ptr::eq(*w, word));
        let at = known.unwrap_or(self.words.len());
        if known.is_none() {
            self.words.push(word);
        }
        self.count(at);
    }
}

/// Gives the parts of a record. What is not there reads as nothing: only the own bytes are ever read.
#[derive(Debug)]
pub struct Unpacker<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) words: &'a Arc<[&'static str]>,
}

impl Unpacker<'_> {
    /// A number.
    pub fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift > 63 {
                break;
            }
        }
        number
    }

    /// A count, or an index.
    pub fn count(&mut self) -> usize {
        usize::try_from(self.number()).unwrap_or(usize::MAX)
    }

    /// A number that may be missing.
    pub fn maybe(&mut self) -> Option<usize> {
        self.count().checked_sub(1)
    }

    /// A text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Texts, one, none or many.
    pub fn texts(&mut self) -> Vec<String> {
        (0..self.count()).map(|_| self.text()).collect()
    }

    /// A path.
    pub fn path(&mut self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(self.bytes()))
    }

    /// Bytes.
    pub fn bytes(&mut self) -> &[u8] {
        let len = self.count().min(self.bytes.len());
        let (bytes, rest) = self.bytes.split_at(len);
        self.bytes = rest;
        bytes
    }

    /// A text that is part of the program.
    pub fn word(&mut self) -> &'static str {
        let at = self.count();
        self.words.get(at).copied().unwrap_or_default()
    }
}
