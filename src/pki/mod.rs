//! Names, keys, certificates, and their use by Go programs. No file access.

pub(crate) mod go;
pub mod key;
pub mod name;
pub mod x509;
