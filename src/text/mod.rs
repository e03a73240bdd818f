//! Text and its encodings: PEM, hex, YAML whose values know their lines, and text from elsewhere made safe to print.

pub(crate) mod escape;
mod hex;
pub(crate) mod pattern;
mod pem;
mod shell;
pub(crate) mod yaml;

pub(crate) use hex::hex;
pub use pattern::{Pattern, PatternError};
pub use pem::{PemBlock, PemError, pem_blocks, pem_encode};
pub(crate) use shell::shell_word;
