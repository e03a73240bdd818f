//! MSP folders and TLS folders: their files, their contents, and Fabric's verdict.

mod config_text;
mod keystore;
pub(crate) mod layout;
mod node_ous;
mod pem_folder;
pub(crate) mod read;
mod read_once;
#[cfg(test)]
mod tests;
pub(crate) mod verdict;

pub(crate) use keystore::KEYSTORE;
pub(crate) use layout::FileNameError;
pub(crate) use layout::{CaFolder, MSP_PARTS, MspNames, is_key};
pub use layout::{Layout, NoLayout, NoTlsNames, TlsNames};
pub(crate) use node_ous::{MspConfig, NodeOus, OuIdentifier};
pub(crate) use read::{CONFIG, SIGN_FOLDERS, TLS_FOLDERS, chain_among, sha256_hex};
pub(crate) use read::{CurrentConfig, CurrentMsp, CurrentTls};
pub(crate) use read_once::ReadOnce;
pub use verdict::ChannelRules;
pub(crate) use verdict::{AdminRule, MspRefusal, MspWarning, NO_ADMINISTRATOR, judge, verdicts};
