//! How a record is turned into bytes and read back: as its `Serialize` and `Deserialize` say for a form that people do not
//! read. Both are derived, so that the compiler holds them to the same fields.

pub(crate) mod maybe_word;
pub(crate) mod path;
pub(crate) mod word;

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
