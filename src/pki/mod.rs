//! Names, keys, certificates, and what Go programs do with them. Nothing here reads or writes a file by itself.

pub mod go;
pub mod key;
pub mod name;
pub mod x509;
