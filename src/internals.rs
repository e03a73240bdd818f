//! What the tests and benches of this package need beside the public surface.

pub use crate::disk::{
    Disk, DiskFolder, Entry, EntryKind, FaultAction, FaultHook, Folder, FolderEntry, FolderReader, FsError, HeldFolder,
    Kind, LockFile, Locked, Metadata, Op, RegularFile, Step, When,
};
pub use crate::enroll::flow::enroll;
pub use crate::identity::{Environment, Request};
pub use crate::install::{
    FolderPlan, InstallError, KeyAccess, Lock, Place, Placement, PlannedDir, PlannedFile, install, rehearse, rollback,
};
pub use crate::msp::layout::FileNameError;
pub use crate::msp::read::{CurrentConfig, CurrentMsp, CurrentTls, Problem};
pub use crate::msp::verdict::{AdminRule, MspRefusal, MspVerdicts, MspWarning, RefusalStage, judge, verdicts};
pub use crate::pki::go::tls;
pub use crate::proof::files::OtherCas;
pub use crate::proof::msp_plan::{MspPlan, MspRequest};
pub use crate::proof::plan_error::PlanError;
pub use crate::proof::tls_plan::{TlsFolderRequest, TlsPlan};
pub use crate::text::{PemBlock, PemError, pem_blocks, pem_encode};
