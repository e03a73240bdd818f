//! Serializes an optional word, as [`word`] does.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Word, word};

#[derive(Serialize, Deserialize)]
struct Wrapped(#[serde(with = "word")] Word);

/// Writes an optional word.
///
/// # Errors
/// When the serializer fails.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(crate) fn serialize<S: Serializer>(word: &Option<Word>, serializer: S) -> Result<S::Ok, S::Error> {
    word.map(Wrapped).serialize(serializer)
}

/// Reads an optional word.
///
/// # Errors
/// As [`word::deserialize`].
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Word>, D::Error> {
    Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
}
