//! Holds many records in little memory: as bytes, compressed in chunks, read back in sequence. A run over 100,000 files
//! with findings in each holds all of them in memory, and they must not dominate it.

mod record;
mod sorter;

use std::marker::PhantomData;

pub(crate) use record::{Record, Word};
pub(crate) use record::{maybe_word, path, word};
use serde::{Serialize, Serializer};
pub(crate) use sorter::{Sorted, Sorter};

/// The size at which a chunk is compressed: the window of the compression, in bytes.
const CHUNK: usize = 64 * 1024;

/// A list of records that can be appended to and iterated.
#[derive(Clone, Debug)]
pub(crate) struct Ledger<T> {
    chunks: Vec<Chunk>,
    /// The last chunk, not compressed until it is full.
    open: Vec<u8>,
    in_open: usize,
    len: usize,
    of: PhantomData<fn() -> T>,
}

#[derive(Clone, Debug)]
struct Chunk {
    compressed: Box<[u8]>,
    /// The number of bytes before compression.
    len: usize,
    records: usize,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), open: Vec::new(), in_open: 0, len: 0, of: PhantomData }
    }
}

impl<T: Record> Ledger<T> {
    /// Adds a record.
    pub(crate) fn push(&mut self, record: &T) {
        record::write(record, &mut self.open);
        self.in_open += 1;
        self.len += 1;
        if self.open.len() >= CHUNK {
            self.close();
        }
    }

    /// Compresses the last chunk.
    fn close(&mut self) {
        if self.in_open > 0 {
            let compressed = lz4_flex::block::compress(&self.open).into_boxed_slice();
            self.chunks.push(Chunk { compressed, len: self.open.len(), records: self.in_open });
            self.in_open = 0;
            self.open.clear();
        }
    }

    /// The number of records.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no records.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The records in insertion order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + use<'_, T> {
        let open = Records::new(self.open.clone(), self.in_open);
        self.chunks.iter().flat_map(Chunk::records).chain(open)
    }
}

impl<T: Record + 'static> IntoIterator for Ledger<T> {
    type Item = T;
    type IntoIter = Box<dyn Iterator<Item = T>>;

    /// Frees each chunk after its records are taken.
    fn into_iter(self) -> Self::IntoIter {
        let open = Records::new(self.open, self.in_open);
        Box::new(self.chunks.into_iter().flat_map(|chunk| chunk.records()).chain(open))
    }
}

impl<T: Record> Extend<T> for Ledger<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, records: I) {
        records.into_iter().for_each(|record| self.push(&record));
    }
}

impl<T: Record> FromIterator<T> for Ledger<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        let mut ledger = Self::default();
        ledger.extend(records);
        ledger
    }
}

impl<T: Record> Serialize for Ledger<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl Chunk {
    fn records<T>(&self) -> Records<T> {
        // The data was compressed here, so it decompresses; otherwise its first record fails.
        let bytes = lz4_flex::block::decompress(&self.compressed, self.len).unwrap_or_default();
        Records::new(bytes, self.records)
    }
}

/// The records of one chunk.
struct Records<T> {
    bytes: Vec<u8>,
    at: usize,
    left: usize,
    of: PhantomData<fn() -> T>,
}

impl<T> Records<T> {
    const fn new(bytes: Vec<u8>, left: usize) -> Self {
        Self { bytes, at: 0, left, of: PhantomData }
    }
}

impl<T: Record> Iterator for Records<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let mut rest = &self.bytes[self.at..];
        let record = record::read(&mut rest);
        self.at = self.bytes.len() - rest.len();
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text with a number and a word.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
    pub(super) struct Note(pub(super) String, pub(super) u64, #[serde(with = "word")] pub(super) Word);

    fn notes(count: u64) -> Vec<Note> {
        let words = ["expired", "expiring", "san-none"];
        (0..count).map(|n| Note(format!("folder/file{n}.pem"), n * n, words[usize::try_from(n % 3).unwrap()])).collect()
    }

    #[test]
    fn records_keep_their_order_and_take_little_memory() {
        let all = notes(20_000);
        let ledger: Ledger<Note> = all.iter().cloned().collect();
        assert_eq!((ledger.len(), ledger.is_empty()), (20_000, false));
        assert!(ledger.iter().eq(all.iter().cloned()), "a second iteration");
        let room: usize = ledger.chunks.iter().map(|c| c.compressed.len()).sum();
        assert!(ledger.chunks.len() > 3 && room < 20_000 * 14, "{room}");
        assert!(ledger.into_iter().eq(all));
    }

    proptest! {
        #[test]
        fn any_record_round_trips(texts in proptest::collection::vec((".{0,300}", any::<u64>()), 0..50)) {
            let all: Vec<Note> = texts.into_iter().map(|(text, number)| Note(text, number, "word")).collect();
            let mut ledger: Ledger<Note> = all.iter().cloned().collect();
            prop_assert!(ledger.iter().eq(all.iter().cloned()));
            ledger.close();
            prop_assert!(ledger.into_iter().eq(all));
        }
    }

    #[test]
    fn non_utf8_paths_round_trip_and_are_text_in_a_report() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        use std::path::PathBuf;

        #[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        struct Place(#[serde(with = "path")] PathBuf, #[serde(with = "maybe_word")] Option<Word>);

        let place = || Place(OsStr::from_bytes(b"a/\xff").into(), Some("peer"));
        let ledger: Ledger<Place> = [place(), Place(PathBuf::new(), None)].into_iter().collect();
        assert_eq!(serde_json::to_string(&ledger).unwrap(), "[[\"a/\u{fffd}\",\"peer\"],[\"\",null]]");
        assert!(ledger.into_iter().eq([place(), Place(PathBuf::new(), None)]));
    }
}
