//! How a record is turned into bytes and read back: as its `Serialize` and `Deserialize` say for a form that people do not
//! read. Both are derived, so that the compiler holds them to the same fields.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A record of a [`super::Ledger`].
pub trait Record: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Record for T {}

/// Appends a record to `bytes`.
///
/// # Panics
/// When its type has a part without a compact form: a map or a list of unknown length, a field that is skipped at times.
/// The first record of that type shows it.
pub(super) fn write<T: Record>(record: &T, bytes: &mut Vec<u8>) {
    let taken = std::mem::take(bytes);
    *bytes = postcard::to_extend(record, taken).expect("every part of a record has a compact form");
}

/// Takes the first record off `bytes`, which [`write`] made.
///
/// # Panics
/// When the type does not read what it writes.
pub(super) fn read<T: Record>(bytes: &mut &[u8]) -> T {
    let (record, rest) =
        postcard::take_from_bytes(bytes).unwrap_or_else(|e| panic!("a record does not read what it wrote: {e}"));
    *bytes = rest;
    record
}

/// A text that is part of the program: a rule's id, a role.
pub type Word = &'static str;

/// For `#[serde(with)]` on a [`Word`]: its number in a record, its text elsewhere.
pub(crate) mod word {
    use std::sync::{PoisonError, RwLock};

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::Word;

    /// Every word that was written. They are constants of the program, so that there are no more than it has.
    static WORDS: RwLock<Vec<Word>> = RwLock::new(Vec::new());

    fn number(word: Word) -> usize {
        let known = |words: &Vec<Word>| words.iter().position(|w| *w == word);
        if let Some(at) = known(&WORDS.read().unwrap_or_else(PoisonError::into_inner)) {
            return at;
        }
        let mut words = WORDS.write().unwrap_or_else(PoisonError::into_inner);
        known(&words).unwrap_or_else(|| {
            words.push(word);
            words.len() - 1
        })
    }

    /// Writes a word.
    ///
    /// # Errors
    /// When the serializer fails.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(crate) fn serialize<S: Serializer>(word: &Word, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.serialize_str(word) } else { number(word).serialize(serializer) }
    }

    /// Reads a word that was written as a number by this process.
    ///
    /// # Errors
    /// When it was not.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
        let at = usize::deserialize(deserializer)?;
        let words = WORDS.read().unwrap_or_else(PoisonError::into_inner);
        words.get(at).copied().ok_or_else(|| D::Error::custom("unknown word"))
    }
}

/// The same for a word that may be missing.
pub(crate) mod maybe_word {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Word, word};

    #[derive(Serialize, Deserialize)]
    struct Wrapped(#[serde(with = "word")] Word);

    /// Writes a word or that there is not one.
    ///
    /// # Errors
    /// When the serializer fails.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(crate) fn serialize<S: Serializer>(word: &Option<Word>, serializer: S) -> Result<S::Ok, S::Error> {
        word.map(Wrapped).serialize(serializer)
    }

    /// Reads it back.
    ///
    /// # Errors
    /// As [`word::deserialize`].
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Word>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
    }
}

/// For `#[serde(with)]` on a path: its bytes in a record, as text elsewhere. serde itself refuses a path that is not UTF-8,
/// and one file with such a name would cost the whole report.
pub(crate) mod path {
    use std::ffi::OsString;
    use std::fmt;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::path::{Path, PathBuf};

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    /// Writes a path.
    ///
    /// # Errors
    /// When the serializer fails.
    pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&path.to_string_lossy())
        } else {
            serializer.serialize_bytes(path.as_os_str().as_bytes())
        }
    }

    /// Reads it back.
    ///
    /// # Errors
    /// When it is neither text nor bytes.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_string(Bytes)
        } else {
            deserializer.deserialize_byte_buf(Bytes)
        }
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = PathBuf;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a path")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<PathBuf, E> {
            Ok(text.into())
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<PathBuf, E> {
            Ok(OsString::from_vec(bytes.to_owned()).into())
        }
    }
}
