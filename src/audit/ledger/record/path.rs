//! Serializes a path for `#[serde(with)]`: as bytes in a record, as text elsewhere. serde itself refuses a path that is
//! not UTF-8, so that one such file name would fail the whole report.

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

/// Reads a path.
///
/// # Errors
/// If it is neither text nor bytes.
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
