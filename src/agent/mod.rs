//! The agent: it enrols what is missing, then renews for ever, and shows what it knows.
//!
//! ```text
//! wake (time, signal) -> cycle: look (site) -> decision -> board -> renew -> wake
//!                        follower, beside the loop: hooks -> endpoints -> board
//! ```

pub(crate) mod backoff;
mod clock;
mod cycle;
mod decision;
mod follower;
pub(crate) mod health;
pub(crate) mod hooks;
mod loop_guard;
pub(crate) mod metrics;
pub(crate) mod notify;
#[cfg(test)]
mod simulation;
mod site;
pub(crate) mod status;
pub(crate) mod termination;
mod wake;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use cycle::Cycle;
use health::Health;
use notify::Notifier;
use site::DiskSite;
pub(crate) use site::{Wanted, Watch};
use status::Board;
use wake::{Wake, Woken};

use crate::identity::Environment;
use crate::{Error, ErrorKind, Timestamp};

/// How the agent runs.
#[derive(Debug)]
pub(crate) struct Settings {
    /// How often it looks at the disk, at least.
    pub(crate) look_every: Duration,
    /// The address of the health server.
    pub(crate) listen: Option<SocketAddr>,
    /// Whether an identity whose renewal is overdue is unready.
    pub(crate) unready_when_overdue: bool,
    /// The service manager.
    pub(crate) notifier: Option<Notifier>,
}

/// Runs until it is dropped.
///
/// # Errors
/// In the first turn an error that only another command line or another input corrects; later only what the system refuses.
pub(crate) async fn run(watch: Watch, settings: &Settings, env: &Environment<'_>) -> Result<Infallible, Error> {
    // Before anything else: by default both signals end the process.
    let wake = Wake::new((env.now)())?;
    let board = Arc::new(Board::new((env.now)()));
    let serve = async {
        let Some(address) = settings.listen else { return std::future::pending().await };
        let listener = health::bind(address).await?;
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!("health and metrics on http://{address}");
        let unready_when_overdue = settings.unready_when_overdue;
        health::serve(listener, Arc::new(Health { board: Arc::clone(&board), unready_when_overdue })).await;
        Err(Error::new(ErrorKind::Bug, "the health server ended"))
    };
    let watchdog = async {
        match &settings.notifier {
            Some(notifier) => notifier.watch(&board, settings.unready_when_overdue).await,
            None => std::future::pending().await,
        }
    };
    let clock = Clock::new(env.now);
    let jobs = watch.options.jobs;
    #[cfg(feature = "kubernetes")]
    board.update(|status| status.has_restarts = watch.hooks.restarter.is_some());
    let site = DiskSite::new(watch, env);
    let cycle = Cycle::new(&site, &board, &clock, (settings.look_every, jobs));
    tokio::select! {
        biased;
        ended = serve => ended,
        never = watchdog => match never {},
        never = site.follower.run(&board, &clock, env) => match never {},
        ended = turn(cycle, wake, env) => ended,
    }
}

/// The loop.
async fn turn(mut cycle: Cycle<'_, DiskSite<'_>>, mut wake: Wake, env: &Environment<'_>) -> Result<Infallible, Error> {
    let clock = cycle.clock;
    let mut force = false;
    let mut is_first = true;
    loop {
        let next = cycle.turn(force).await?;
        if std::mem::take(&mut is_first) {
            announce(cycle.board, next);
        }
        tracing::debug!("next turn at {next}");
        let woken = loop {
            match wake.until(clock.on_the_system(next)).await? {
                Woken::Orphan => cycle.site.follower.hooks.reap(),
                woken => break woken,
            }
        };
        clock.jumped(wake.jump((env.now)()));
        force = woken == Woken::Renew;
        match woken {
            Woken::Timer | Woken::Orphan => {}
            Woken::Look => tracing::info!("SIGHUP: looking again"),
            Woken::Renew => tracing::info!("SIGUSR1: renewing now"),
        }
    }
}

/// Logs what the agent watches.
fn announce(board: &Board, next: Timestamp) {
    let watched = board.read(|status| {
        let folders = |identity: &status::Identity| {
            identity.folders.iter().map(|folder| folder.path.display().to_string()).collect::<Vec<_>>().join(", ")
        };
        let named = status.identities.iter().filter(|identity| !identity.id.is_empty());
        named.map(|identity| format!("{} ({})", identity.id, folders(identity))).collect::<Vec<_>>()
    });
    let plural = if watched.len() == 1 { "identity" } else { "identities" };
    tracing::info!("watching {} {plural}: {}; next look at {next}", watched.len(), watched.join(", "));
}
