//! A restart of the node by the cluster, as the last hook: asked for once for each certificate, in turn with the other members of
//! the gateway, and passed when the node is ready and serves the certificate.

mod attempt;
mod verdict;

use std::fmt::Debug;
use std::path::Path;
use std::pin::Pin;

use super::memory::{Fingerprints, Memory};
use super::{Hooks, OnDisk, Watched};
use crate::identity::Environment;
use crate::text::escape::Shown;
use crate::{Error, Timestamp};

use attempt::Attempt;

/// What a [`Restarter`] does.
pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The node as the cluster has it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// What a restart changes.
    pub(crate) mark: String,
    /// Whether the members of its gateway may count on it.
    pub(crate) is_ready: bool,
    /// Whether it was told to end.
    pub(crate) is_ending: bool,
}

/// Whether something may be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Go,
    /// Not yet, for this reason.
    Wait(String),
    /// Not before a person has changed something.
    Stop(String),
}

/// What is said of a restart where those who watch the cluster see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Waits,
    Begins,
    Passed,
    Stopped,
}

/// Restarts the node of an identity, in turn with the other members of its gateway.
pub(crate) trait Restarter: Debug + Send + Sync {
    /// Looks at the node.
    fn node(&self) -> Work<'_, Node>;

    /// Asks for the turn, and keeps it from then on.
    fn turn(&self) -> Work<'_, Turn>;

    /// Asks for the restart, which must still be this node's turn. Asked again before the node's mark changes, it does no more
    /// than once.
    fn restart<'a>(&'a self, certificates: &'a Fingerprints) -> Work<'a, Turn>;

    /// The node is back: the next member may begin.
    fn release(&self) -> Work<'_, ()>;

    /// Says something about the restart.
    fn say<'a>(&'a self, news: News, text: &'a str, now: Timestamp) -> Work<'a, ()>;

    /// Whether the node keeps what is on its `emptyDir` volumes.
    fn keeps_volumes(&self) -> bool;
}

/// How far the restart for the certificate on disk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is in its way but the turns of others.
    #[default]
    Waits,
    /// A person has to look at it.
    Stopped,
    /// Another hook failed before it.
    Before,
}

impl Hooks {
    /// Whether the cluster restarts the node.
    pub(crate) const fn restarts(&self) -> bool {
        self.plan.restarter.is_some()
    }

    /// How far the restart is.
    pub(crate) fn phase(&self, watched: &Watched) -> Phase {
        if !self.restarts() {
            return Phase::Before;
        }
        self.of(watched, |known| known.phase).unwrap_or_default()
    }

    /// After a try of all hooks: notes whether another hook failed before the restart, and keeps that they passed beyond the disk.
    pub(super) async fn keep(&self, watched: &Watched, tried: &Result<(), Error>, env: &Environment<'_>) {
        match (tried, env.keeper()) {
            // Errors of the restart say when to try again.
            (Err(e), _) if e.retry_after().is_none() => drop(self.of(watched, |known| known.phase = Phase::Before)),
            (Ok(()), Some(keeper)) if self.restarts() => {
                if let Err(e) = keeper.keep_memory().await {
                    tracing::debug!("that the hooks passed is not kept: {e}");
                }
            }
            _ => {}
        }
    }

    /// The reason for which the restart waits; `None` before the first try of this process.
    pub(crate) fn halted(&self, watched: &Watched) -> Option<String> {
        self.of(watched, |known| known.error.clone()).flatten()
    }

    /// Moves the restart for what is on disk on, to its end if it may.
    pub(super) async fn restart(
        &self,
        watched: &Watched,
        on_disk: &OnDisk,
        memory: &mut Memory,
        env: &Environment<'_>,
    ) -> Result<(), Error> {
        let Some(restarter) = self.plan.restarter.as_deref() else { return Ok(()) };
        self.of(watched, |known| known.phase = Phase::Waits);
        let attempt = Attempt { hooks: self, restarter, watched, on_disk, env };
        let Err(halt) = attempt.go(memory).await else { return Ok(()) };
        let (news, error) = halt.explained();
        if news == News::Stopped {
            self.of(watched, |known| known.phase = Phase::Stopped);
        }
        self.tell(watched, (news, error.message()), env).await;
        Err(error)
    }

    /// Says it, each text once an hour.
    async fn tell(&self, watched: &Watched, (news, text): (News, &str), env: &Environment<'_>) {
        let Some(restarter) = self.plan.restarter.as_deref() else { return };
        let now = (env.now)();
        if self.of(watched, |known| known.told.is_new(text, now)) == Some(false) {
            return;
        }
        let text = Shown(format!("{}: {text}", watched.id)).to_string();
        if let Err(e) = restarter.say(news, &text, now).await {
            tracing::warn!("{e}{}", e.help().map(|help| format!("; {help}")).unwrap_or_default());
        }
    }
}
