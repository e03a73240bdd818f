//! Converts records to bytes and back, with their `Serialize` and `Deserialize` in the form that is not human-readable.
//! Both are derived, so that the compiler keeps their fields equal.

pub(crate) mod maybe_word;
pub(crate) mod path;
pub(crate) mod word;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A record of a [`super::Ledger`].
pub(crate) trait Record: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Record for T {}

/// Appends a record to `bytes`.
///
/// # Panics
/// If the type has a part without a compact form: a map or list of unknown length, or a field that is sometimes
/// skipped. The first record of that type shows it.
pub(super) fn write<T: Record>(record: &T, bytes: &mut Vec<u8>) {
    let taken = std::mem::take(bytes);
    *bytes = postcard::to_extend(record, taken).expect("every part of a record has a compact form");
}

/// Takes the first record off `bytes`, as written by [`write`].
///
/// # Panics
/// If the type does not read its own output.
pub(super) fn read<T: Record>(bytes: &mut &[u8]) -> T {
    let (record, rest) =
        postcard::take_from_bytes(bytes).unwrap_or_else(|e| panic!("a record does not read what it wrote: {e}"));
    *bytes = rest;
    record
}

/// A text that is a constant of the program: a rule's id, a role.
pub(crate) type Word = &'static str;
