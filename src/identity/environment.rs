//! The environment of a run.

use std::pin::Pin;

use crate::disk::Disk;
use crate::{Error, Timestamp};

/// The disk and the clock of a run, and what keeps its state beyond the disk.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// The clock.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
    keeper: Option<&'a dyn StateKeeper>,
}

/// Keeps the state of a run where it outlives the disk: a pod's disk goes away with the pod.
pub(crate) trait StateKeeper: Sync {
    /// Keeps the state files of the targets as they are on the disk. Called after they are written and before a request is
    /// sent, so that neither the key of a lost answer nor a refused try is forgotten; and after an answer.
    ///
    /// The future fails when they cannot be kept, or another run has changed what is kept: no request is sent then.
    fn keep(&self) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>>;
}

impl<'a> Environment<'a> {
    /// An environment whose disk keeps the state itself.
    pub const fn new(disk: &'a Disk, now: &'a (dyn Fn() -> Timestamp + Sync)) -> Self {
        Self { disk, now, keeper: None }
    }

    /// The same environment, whose state `keeper` keeps too.
    #[must_use]
    #[cfg_attr(not(feature = "kubernetes"), expect(dead_code, reason = "the store is in the cluster"))]
    pub(crate) const fn kept_by(self, keeper: &'a dyn StateKeeper) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// Whether something keeps the identity beyond the disk.
    pub(crate) const fn is_kept(&self) -> bool {
        self.keeper.is_some()
    }

    /// Keeps the state beyond the disk, where something does.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(crate) async fn keep_state(&self) -> Result<(), Error> {
        match self.keeper {
            Some(keeper) => keeper.keep().await,
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
