//! MSP folders and TLS folders: what goes in, what stands, what Fabric would say, and how a folder is put in place whole.

mod config_text;
mod generation;
mod install;
mod keystore;
mod layout;
mod lock;
mod node_ous;
mod pem_folder;
mod place;
mod plan;
mod read;
mod read_once;
mod stage;
mod swap;
#[cfg(test)]
mod tests;
mod verdict;

pub use install::{InstallError, install, rollback};
pub use layout::{Layout, NoLayout, NoTlsNames, TlsNames};
pub use lock::Lock;
pub use node_ous::{ConfigError, MspConfig, NodeOus, OuIdentifier};
pub use place::{Place, Placement};
pub use plan::{FolderPlan, KeyAccess, MspError, MspPlan, MspRequest, PlannedDir, PlannedFile, TlsPlan};
pub use read::{Problem, StandingConfig, StandingMsp, StandingTls};
pub use verdict::{
    AdminRule, ChannelRules, MspRefusal, MspVerdicts, MspWarning, RefusalStage, Verdict, judge, verdicts,
};
