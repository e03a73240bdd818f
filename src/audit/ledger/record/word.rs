//! Serializes a [`Word`] for `#[serde(with)]`: as a number in a record, as text elsewhere.

use std::sync::{PoisonError, RwLock};

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

use super::Word;

/// Every word written so far. Words are constants of the program, so their number is bounded.
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

/// Reads a word that this process wrote as a number.
///
/// # Errors
/// If the number is unknown.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    let at = usize::deserialize(deserializer)?;
    let words = WORDS.read().unwrap_or_else(PoisonError::into_inner);
    words.get(at).copied().ok_or_else(|| D::Error::custom("unknown word"))
}
