//! The loop: what is watched goes to the queue, and each look ends with a status.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::board::Board;
use super::kind::IssuerKind;
use super::look::Looker;
use super::objects::{REQUESTS, issuers};
use super::observed::{IssuerKey, Readiness, RequestKey, issuer_key, metadata, request_key};
use super::queue::Queue;
use crate::cluster::{Access, Change, Lease};
use crate::identity::Environment;
use crate::{Error, ErrorKind, agent::health};

/// The most things that wait; others are found when the objects are listed again.
const LONGEST_QUEUE: usize = 10_000;

/// The longest time between two turns.
const TURN: Duration = Duration::from_secs(10);

/// The time for what is at work when the controller ends.
const ENDING: Duration = Duration::from_secs(15);

/// The Lease of which one of several processes is the holder.
const LEASE: &str = "fabcert-issuer";
const LEASE_LASTS: Duration = Duration::from_secs(15);
const LEASE_RENEWED: Duration = Duration::from_secs(4);

/// How the controller runs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The namespace that is watched; `None` for all, and for cluster issuers.
    pub(crate) namespace: Option<String>,
    pub(crate) listen: Option<SocketAddr>,
    /// How many things are at work at the same time.
    pub(crate) jobs: usize,
    /// How long after its creation a request is tried.
    pub(crate) give_up_after: Duration,
    /// The name of this process among those that share the Lease; `None` if it is alone.
    pub(crate) holder: Option<String>,
    /// Where enrolments work.
    pub(crate) folder: PathBuf,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Issuer(IssuerKey),
    Request(RequestKey),
}

/// The end of a look.
pub(super) struct Looked {
    pub(super) item: Item,
    /// When to look again after a failure.
    pub(super) retry: Option<Duration>,
    /// What else is to be looked at, and when.
    pub(super) also: Vec<(Item, Duration)>,
}

/// Runs until `ending` is ready; what is at work then is finished.
///
/// # Errors
/// When the address for the health server cannot be used.
pub(crate) async fn run(
    access: Access,
    settings: Settings,
    ending: oneshot::Receiver<()>,
    env: &Environment<'_>,
) -> Result<(), Error> {
    let (access, board) = (Arc::new(access), Arc::new(Board::new()));
    let serve = async {
        let Some(address) = settings.listen else { return std::future::pending().await };
        let listener = health::bind(address).await?;
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!("health and metrics on http://{address}");
        health::serve(listener, Arc::clone(&board)).await;
        Err(Error::new(ErrorKind::Bug, "the health server ended"))
    };
    let looker = Looker::new(&access, &settings, &board, env);
    let lead = Leadership::default();
    let mut lease = settings.holder.clone().map(|holder| Lease::new(LEASE.to_owned(), holder, LEASE_LASTS));
    let done = tokio::select! {
        biased;
        failed = serve => failed,
        () = lead.keep(lease.as_mut(), &access, env) => Ok(()),
        () = turn(&looker, &lead, ending) => Ok(()),
    };
    if let Some(lease) = &mut lease {
        lease.release(&access, (env.now)()).await;
    }
    done
}

/// Whether this process may act.
#[derive(Default)]
struct Leadership {
    until: Cell<Option<Instant>>,
    changed: Notify,
}

impl Leadership {
    /// Takes and renews the Lease for ever; without one this process is the only one.
    async fn keep(&self, lease: Option<&mut Lease>, access: &Access, env: &Environment<'_>) {
        let Some(lease) = lease else {
            self.until.set(Some(Instant::now() + Duration::from_secs(u64::from(u32::MAX))));
            self.changed.notify_one();
            return std::future::pending().await;
        };
        let mut was = false;
        loop {
            let tick = Instant::now();
            let claimed = lease.claim(access, tick.into_std(), (env.now)()).await;
            if let Err(e) = &claimed {
                tracing::warn!("{e}");
            }
            self.until.set(lease.held_until().map(Instant::from_std));
            let is = self.is_leader();
            if is != was {
                tracing::info!(
                    "{}",
                    if is { "took the Lease: answering requests" } else { "another process has the Lease" }
                );
            }
            was = is;
            self.changed.notify_one();
            tokio::time::sleep(LEASE_RENEWED).await;
        }
    }

    fn is_leader(&self) -> bool {
        self.until.get().is_some_and(|until| Instant::now() < until)
    }
}

/// The loop itself.
async fn turn(looker: &Looker<'_>, lead: &Leadership, ending: oneshot::Receiver<()>) {
    let (access, settings, board) = (looker.access, looker.settings, looker.board);
    let mut requests = access.watch(REQUESTS, settings.namespace.clone());
    let mut namespaced = access.watch(issuers(IssuerKind::Namespaced), settings.namespace.clone());
    let mut cluster = settings.namespace.is_none().then(|| access.watch(issuers(IssuerKind::Cluster), None));
    let mut listed = [false, false, cluster.is_none()];
    let begun = Instant::now();
    let queue = RefCell::new(Queue::new(LONGEST_QUEUE));
    let mut work = FuturesUnordered::new();
    let mut ending = pin!(ending);
    let room = |is_room: bool| {
        if !is_room {
            tracing::warn!("{LONGEST_QUEUE} requests wait already; others are found when they are listed again");
        }
    };
    let add = |item, after: Duration| room(queue.borrow_mut().add(item, begun.elapsed() + after));
    loop {
        board.turned();
        let is_leader = lead.is_leader();
        while is_leader && listed == [true; 3] && work.len() < settings.jobs {
            let Some(item) = queue.borrow_mut().take(begun.elapsed()) else { break };
            let failures = queue.borrow().failures(&item);
            work.push(looker.look(item, failures));
        }
        board.update(|shown| {
            (shown.is_listed, shown.is_leader) = (listed == [true; 3], is_leader);
            (shown.queued, shown.running) = (queue.borrow().len(), queue.borrow().running());
        });
        let is_full = work.len() >= settings.jobs || !is_leader;
        let next = queue.borrow().next_at().filter(|_| !is_full).map_or(TURN, |at| at.saturating_sub(begun.elapsed()));
        tokio::select! {
            _ = &mut ending => break,
            Some(change) = requests.recv() => {
                let is_list = matches!(change, Change::All(_));
                listed[0] |= is_list;
                for item in looker.take_request(change).into_iter().map(Item::Request) {
                    if is_list {
                        room(queue.borrow_mut().ensure(item, begun.elapsed()));
                    } else {
                        add(item, Duration::ZERO);
                    }
                }
            }
            Some(change) = namespaced.recv() => {
                listed[1] |= matches!(change, Change::All(_));
                looker.take_issuer(IssuerKind::Namespaced, change).into_iter().for_each(|key| add(Item::Issuer(key), Duration::ZERO));
            }
            Some(change) = received(cluster.as_mut()) => {
                listed[2] |= matches!(change, Change::All(_));
                looker.take_issuer(IssuerKind::Cluster, change).into_iter().for_each(|key| add(Item::Issuer(key), Duration::ZERO));
            }
            Some(Looked { item, retry, also }) = work.next(), if !work.is_empty() => {
                queue.borrow_mut().done(item, retry.map(|retry| begun.elapsed() + retry));
                for (item, after) in also {
                    add(item, after);
                }
            }
            () = lead.changed.notified() => {}
            () = tokio::time::sleep(next.min(TURN)) => {}
        }
    }
    let left = work.len();
    if left > 0 {
        tracing::info!("finishing {left} requests");
    }
    drop(tokio::time::timeout(ENDING, async { while work.next().await.is_some() {} }).await);
}

/// The next change, if the kind is watched.
async fn received(changes: Option<&mut tokio::sync::mpsc::Receiver<Change>>) -> Option<Change> {
    match changes {
        Some(changes) => changes.recv().await,
        None => std::future::pending().await,
    }
}

impl Looker<'_> {
    /// Takes a change of the requests over; returns what is to be looked at.
    fn take_request(&self, change: Change) -> Vec<RequestKey> {
        let mut observed = self.observed.borrow_mut();
        match change {
            Change::All(objects) => observed.all_requests(objects),
            Change::Applied(object) => observed.request(object).into_iter().collect(),
            Change::Removed(object) => {
                if let Some(metadata) = metadata(&object) {
                    observed.removed(&request_key(&metadata));
                }
                Vec::new()
            }
            Change::Failed(e) => {
                tracing::warn!("{e}");
                Vec::new()
            }
        }
    }

    /// Takes a change of issuers over; returns what is to be looked at.
    fn take_issuer(&self, kind: IssuerKind, change: Change) -> Vec<IssuerKey> {
        let mut observed = self.observed.borrow_mut();
        let keys = match change {
            Change::All(objects) => observed.all_issuers(kind, objects),
            Change::Applied(object) => observed.issuer(kind, object).into_iter().collect(),
            Change::Removed(object) => {
                let key = metadata(&object).map(|metadata| issuer_key(kind, &metadata));
                key.and_then(|key| observed.issuers.remove(&key));
                Vec::new()
            }
            Change::Failed(e) => {
                tracing::warn!("{e}");
                Vec::new()
            }
        };
        let ready = observed.issuers.values().filter(|issuer| issuer.readiness() == Readiness::Ready).count();
        self.board.update(|shown| shown.issuers = [ready, observed.issuers.len() - ready]);
        keys
    }
}
