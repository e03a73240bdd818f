//! MSP folders and TLS folders: their files, their contents, and Fabric's verdict.

mod config_text;
mod keystore;
mod layout;
mod node_ous;
mod pem_folder;
mod read;
mod read_once;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use keystore::KEYSTORE;
pub(crate) use layout::{CaFolder, MspNames};
pub use layout::{FileNameError, Layout, NoLayout, NoTlsNames, TlsNames};
pub use node_ous::{ConfigError, MspConfig, NodeOus, OuIdentifier};
pub(crate) use read::{CONFIG, SIGN_FOLDERS, TLS_FOLDERS, sha256_hex};
pub use read::{CurrentConfig, CurrentMsp, CurrentTls, Problem};
pub use verdict::{
    AdminRule, ChannelRules, MspRefusal, MspVerdicts, MspWarning, RefusalStage, Verdict, judge, verdicts,
};
