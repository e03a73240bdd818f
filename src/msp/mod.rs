//! MSP and TLS folders.

mod generation;
mod install;
mod lock;
mod place;
mod stage;
mod swap;

pub use install::{FolderPlan, InstallError, PlannedDir, PlannedFile, install, rollback};
pub use lock::Lock;
pub use place::{Layout, Place};
