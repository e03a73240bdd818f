//! MSP folders and TLS folders: what goes in, what stands, and what Fabric would say.

mod first_block;
mod folder;
mod keystore;
mod layout;
mod node_ous;
mod pem_folder;
mod plan;
mod read;
#[cfg(test)]
mod tests;
mod verdict;

pub use folder::{EntryKind, FolderEntry, FolderReader, MemoryFolder};
pub use layout::{Layout, NoLayout, NoTlsNames, TlsNames};
pub use node_ous::{ConfigError, MspConfig, NodeOus, OuIdentifier};
pub use plan::{FolderPlan, KeyAccess, MspError, MspPlan, MspRequest, PlannedDir, PlannedFile, TlsPlan};
pub use read::{Problem, StandingConfig, StandingMsp, StandingTls};
pub use verdict::{AdminRule, MspRefusal, MspWarning, RefusalStage, judge};
