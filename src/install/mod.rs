//! Installs any folder in one step and rolls it back: planned, staged beside the target, swapped. Knows nothing about
//! certificates.

mod error;
mod generation;
mod key_access;
mod lock;
mod one_step;
mod place;
mod plan;
mod rehearsal;
mod stage;
mod state_folder;
mod swap;
mod trash;

pub use error::InstallError;
pub use key_access::KeyAccess;
pub use lock::Lock;
pub use one_step::{install, rollback};
pub use place::{Place, Placement};
pub use plan::{FolderPlan, PlannedDir, PlannedFile};
pub use rehearsal::rehearse;
pub(crate) use rehearsal::try_files;
