//! The environment of a run.

use std::pin::Pin;

use crate::disk::Disk;
use crate::{Error, ErrorKind, Timestamp};

/// The disk and the clock of a run, and what keeps its state beyond the disk.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// The clock.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
    keeper: Option<&'a dyn Keeper>,
}

/// The future of something that is kept.
pub(crate) type Keeping<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Keeps an identity where it outlives the disk: a pod's disk goes away with the pod.
///
/// The futures fail when it cannot be kept, or another run has changed what is kept.
pub(crate) trait Keeper: Sync + std::fmt::Debug {
    /// Keeps the state files of the targets as they are on the disk. Called after they are written and before a request is
    /// sent, so that neither the key of a lost answer nor a refused try is forgotten; and after an answer. No request is
    /// sent if it fails.
    fn keep_state(&self) -> Keeping<'_>;

    /// Keeps the state files as they are on the disk; no request to the CA follows.
    #[cfg(feature = "kubernetes")]
    fn keep_memory(&self) -> Keeping<'_>;

    /// Keeps the folders and then the state files, at the end of a run that changed them.
    fn keep_identity(&self) -> Keeping<'_>;

    /// Brings what is kept to the disk again, if another run has changed it. What is no longer kept is removed from the disk.
    ///
    /// # Errors
    /// When it cannot be read; the disk stays as it is.
    fn refresh(&self) -> Result<(), Error>;
}

impl<'a> Environment<'a> {
    /// An environment whose disk keeps the state itself.
    pub const fn new(disk: &'a Disk, now: &'a (dyn Fn() -> Timestamp + Sync)) -> Self {
        Self { disk, now, keeper: None }
    }

    /// The same environment, whose state `keeper` keeps too.
    #[must_use]
    pub(crate) const fn kept_by(self, keeper: Option<&'a dyn Keeper>) -> Self {
        Self { keeper, ..self }
    }

    /// What keeps the identity beyond the disk.
    pub(crate) const fn keeper(&self) -> Option<&'a dyn Keeper> {
        self.keeper
    }

    /// Keeps the state beyond the disk, where something does.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(crate) async fn keep_state(&self) -> Result<(), Error> {
        match self.keeper {
            Some(keeper) => keeper.keep_state().await,
            None => Ok(()),
        }
    }

    /// Keeps what a run left beyond the disk, where something does: the folders of one that ended well, else the state.
    ///
    /// # Errors
    /// That of the run; when it ended well, when its result cannot be kept.
    pub(crate) async fn keep_result<T>(&self, run: Result<T, Error>) -> Result<T, Error> {
        match (self.keeper, &run) {
            (Some(keeper), Ok(_)) => keeper.keep_identity().await?,
            // The other run has what is to be kept.
            (Some(_), Err(e)) if e.kind() == ErrorKind::Locked => {}
            // What is installed before what is forgotten. The error of the run says more than a second one.
            (Some(keeper), Err(_)) => {
                if let Err(e) = keeper.keep_identity().await {
                    tracing::warn!("what this run leaves to the next one is not kept: {e}");
                }
            }
            (None, _) => {}
        }
        run
    }
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
