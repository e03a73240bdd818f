//! Dials TLS endpoints, all at the same time and under one deadline, and returns the certificates that they serve.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout_at;

use super::Endpoint;
use super::handshake::{Client, Deadline, certified};
use crate::lookup::lookup;

/// A client certificate for mutual TLS.
#[derive(Debug)]
pub struct ClientPair {
    /// The chain, the client's own certificate first; DER.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the client's certificate.
    pub key: PrivateKeyDer<'static>,
}

impl ClientPair {
    /// Checks that the key belongs to the certificate and that both are usable.
    ///
    /// # Errors
    /// Returns the reason if not.
    pub fn check(&self) -> Result<(), String> {
        certified(self).map(drop)
    }
}

/// Options for dialling.
#[derive(Debug)]
pub struct DialOptions {
    /// The server name (SNI); the host if `None`. Not sent for an address.
    pub server_name: Option<String>,
    /// Connections for each address: a load balancer may lead each to another member.
    pub samples: usize,
    /// Limit for everything together: name resolution, connections, handshakes.
    pub timeout: Duration,
    /// The client certificate, if any.
    pub client: Option<Arc<ClientPair>>,
}

/// One connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// The dialled address; `None` if the name did not resolve.
    pub address: Option<SocketAddr>,
    /// The served certificates, the server's own first (DER), or the reason for the failure. The server proved in the
    /// handshake that it holds the key of its certificate.
    pub served: Result<Vec<Vec<u8>>, String>,
    /// The negotiated TLS version: `TLS 1.3`.
    pub version: Option<&'static str>,
    /// The reason, if the handshake broke off after the server's certificate and its proof, or the server refused the
    /// client certificate.
    pub broken_off: Option<String>,
    /// Whether the server ended the connection because the client has no certificate.
    pub wants_client: bool,
}

impl Sample {
    pub(super) fn failed(address: Option<SocketAddr>, reason: impl Into<String>) -> Self {
        Self { address, served: Err(reason.into()), version: None, broken_off: None, wants_client: false }
    }
}

/// Dials every address of an endpoint, [`DialOptions::samples`] times each, at the same time. The samples are in the order
/// of the addresses.
pub async fn dial(endpoint: &Endpoint, options: &DialOptions) -> Vec<Sample> {
    dial_targets(vec![Target::new(endpoint.clone(), options)]).await.pop().unwrap_or_default()
}

/// Connections at the same time. A process may usually open 1,024 files.
const CONNECTIONS: usize = 256;
/// Of these, the number that only the first samples of an address may use, so that silent addresses with many samples do not
/// use up the time of the others.
const RESERVED: usize = 64;
/// The number of those first samples.
const FIRST: usize = 4;
/// Connections to one address at the same time, besides one for each that ended.
const AN_ADDRESS: usize = 32;
/// Lookups at the same time; each has a thread.
const LOOKUPS: usize = 64;

/// Dials many endpoints at the same time, each within its time limit, which starts now. The samples are in the order of the
/// endpoints, and of their addresses.
pub(crate) async fn dial_all(endpoints: Vec<(Endpoint, DialOptions)>) -> Vec<Vec<Sample>> {
    dial_targets(endpoints.into_iter().map(|(endpoint, options)| Target::new(endpoint, &options)).collect()).await
}

async fn dial_targets(targets: Vec<Target>) -> Vec<Vec<Sample>> {
    let mut dialling = Dialling {
        unresolved: (0..targets.len()).rev().collect(),
        targets,
        waiting: BTreeSet::new(),
        lookups: 0,
        connections: 0,
        running: JoinSet::new(),
    };
    dialling.run().await;
    dialling.targets.into_iter().map(Target::samples).collect()
}

/// The dialling of all endpoints. Dropping it ends the connections.
struct Dialling {
    targets: Vec<Target>,
    /// The endpoints whose names are still to be resolved, the next one last.
    unresolved: Vec<usize>,
    /// The next connection to each address that may have one. Their order is that of the samples, so that each address is
    /// dialled once before any is dialled twice.
    waiting: BTreeSet<Turn>,
    lookups: usize,
    connections: usize,
    running: JoinSet<Step>,
}

/// A connection to be made: which sample of which endpoint and address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    sample: usize,
    target: usize,
    address: usize,
}

/// A step that ended.
enum Step {
    Resolved(usize, Result<Vec<SocketAddr>, String>),
    Dialled(Turn, Sample),
}

/// An endpoint that is dialled.
struct Target {
    endpoint: Endpoint,
    client: Result<Client, String>,
    count: usize,
    deadline: Deadline,
    addresses: Vec<Address>,
    failure: Option<String>,
}

/// An address that is dialled.
struct Address {
    at: SocketAddr,
    samples: Vec<Option<Sample>>,
    /// The number of connections that were started, and that ended.
    started: usize,
    ended: usize,
}

impl Dialling {
    async fn run(&mut self) {
        loop {
            while self.lookups < LOOKUPS
                && let Some(target) = self.unresolved.pop()
            {
                self.resolve(target);
            }
            while let Some(ended) = self.running.try_join_next() {
                self.take(ended);
            }
            let most = |turn: &Turn| if turn.sample < FIRST { CONNECTIONS } else { CONNECTIONS - RESERVED };
            if let Some(turn) = self.waiting.first().copied().filter(|turn| self.connections < most(turn)) {
                self.waiting.remove(&turn);
                self.connect(turn);
                // The first connections go on while the last are started.
                tokio::task::yield_now().await;
                continue;
            }
            match self.running.join_next().await {
                Some(ended) => self.take(ended),
                None => return,
            }
        }
    }

    fn take(&mut self, ended: Result<Step, JoinError>) {
        match ended {
            Ok(Step::Resolved(target, found)) => {
                self.lookups -= 1;
                self.take_addresses(target, found);
            }
            Ok(Step::Dialled(turn, sample)) => {
                self.connections -= 1;
                let address = &mut self.targets[turn.target].addresses[turn.address];
                address.samples[turn.sample] = Some(sample);
                address.ended += 1;
                self.offer(turn.target, turn.address);
            }
            // Nothing here panics or is aborted; a step without a result is reported as one not made.
            Err(_) => {}
        }
    }

    fn resolve(&mut self, index: usize) {
        let target = &mut self.targets[index];
        if let Err(reason) = &target.client {
            target.failure = Some(reason.clone());
            return;
        }
        let (Endpoint { host, port }, deadline) = (target.endpoint.clone(), target.deadline);
        self.lookups += 1;
        self.running.spawn(async move {
            let found = match timeout_at(deadline.at, lookup(&host, port)).await {
                Err(_) => Err(format!("{host} could not be resolved {}", deadline.words())),
                Ok(Err(e)) => Err(format!("cannot resolve {host}: {e}")),
                Ok(Ok(found)) if found.is_empty() => Err(format!("{host} has no address")),
                Ok(Ok(found)) => Ok(found),
            };
            Step::Resolved(index, found)
        });
    }

    fn take_addresses(&mut self, index: usize, found: Result<Vec<SocketAddr>, String>) {
        let target = &mut self.targets[index];
        match found {
            Err(reason) => target.failure = Some(reason),
            Ok(mut addresses) => {
                addresses.sort_unstable();
                addresses.dedup();
                let count = target.count;
                let new = |at| Address { at, samples: vec![None; count], started: 0, ended: 0 };
                target.addresses = addresses.into_iter().map(new).collect();
                (0..target.addresses.len()).for_each(|address| self.offer(index, address));
            }
        }
    }

    /// Lets the next connection to an address wait for its turn, if there is one to be made.
    fn offer(&mut self, target: usize, address: usize) {
        let of = &self.targets[target];
        let Address { started, ended, .. } = of.addresses[address];
        if started < of.count && started - ended < AN_ADDRESS + ended && !of.deadline.has_passed() {
            self.waiting.insert(Turn { sample: started, target, address });
        }
    }

    fn connect(&mut self, turn: Turn) {
        let target = &mut self.targets[turn.target];
        // `resolve` goes no further without one.
        let Ok(client) = target.client.clone() else { return };
        let deadline = target.deadline;
        let address = &mut target.addresses[turn.address];
        address.started += 1;
        self.connections += 1;
        let to = address.at;
        self.running.spawn(async move { Step::Dialled(turn, client.connect(to, deadline).await) });
        self.offer(turn.target, turn.address);
    }
}

impl Target {
    fn new(endpoint: Endpoint, options: &DialOptions) -> Self {
        let name = options.server_name.as_ref().unwrap_or(&endpoint.host);
        Self {
            client: Client::new(name, options.client.as_deref()),
            endpoint,
            count: options.samples.max(1),
            deadline: Deadline::of(options.timeout),
            addresses: Vec::new(),
            failure: None,
        }
    }

    fn samples(self) -> Vec<Sample> {
        if let Some(reason) = self.failure {
            return vec![Sample::failed(None, reason)];
        }
        let mut all = Vec::new();
        for Address { at, samples, .. } in self.addresses {
            let before = all.len();
            all.extend(samples.into_iter().flatten());
            let missing = self.count - (all.len() - before);
            // The failure of another sample says the same.
            if missing > 0 && all[before..].iter().all(|sample| sample.served.is_ok()) {
                let reason = format!("{missing} of {} connections were not made {}", self.count, self.deadline.words());
                all.push(Sample::failed(Some(at), reason));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// The dialling of one endpoint at these ports, of which nothing was dialled yet.
    fn dialling(samples: usize, timeout: Duration, ports: &[u16]) -> Dialling {
        let options = DialOptions { server_name: None, samples, timeout, client: None };
        let endpoint = Endpoint { host: "localhost".to_owned(), port: 7051 };
        let mut dialling = Dialling {
            targets: vec![Target::new(endpoint, &options)],
            unresolved: Vec::new(),
            waiting: BTreeSet::new(),
            lookups: 0,
            connections: 0,
            running: JoinSet::new(),
        };
        dialling.take_addresses(0, Ok(ports.iter().copied().map(at).collect()));
        dialling
    }

    #[tokio::test]
    async fn each_address_is_dialled_once_before_any_is_dialled_twice() {
        let dialling = dialling(0, Duration::from_secs(9), &[2, 1, 2]);
        let target = &dialling.targets[0];
        assert_eq!(target.addresses.iter().map(|address| address.at).collect::<Vec<_>>(), [at(1), at(2)]);
        assert_eq!(target.count, 1, "at least one sample");
        let turns: Vec<_> = dialling.waiting.iter().map(|turn| (turn.sample, turn.address)).collect();
        assert_eq!(turns, [(0, 0), (0, 1)]);
    }

    #[tokio::test]
    async fn silent_address_gets_few_connections_and_none_after_the_deadline() {
        let offered = |timeout, started, ended| {
            let mut dialling = dialling(100, timeout, &[1]);
            dialling.waiting.clear();
            let address = &mut dialling.targets[0].addresses[0];
            (address.started, address.ended) = (started, ended);
            dialling.offer(0, 0);
            !dialling.waiting.is_empty()
        };
        let long = Duration::from_secs(9);
        assert!(offered(long, AN_ADDRESS - 1, 0) && !offered(long, AN_ADDRESS, 0));
        assert!(offered(long, AN_ADDRESS, 1), "one more for each that ended");
        assert!(!offered(long, 100, 100), "all were made");
        assert!(!offered(Duration::ZERO, 0, 0));
    }

    #[tokio::test]
    async fn samples_that_were_not_made_are_reported_unless_a_failure_says_the_same() {
        let good = Sample { served: Ok(vec![vec![1]]), ..Sample::failed(Some(at(1)), "") };
        let silent = Sample::failed(Some(at(1)), "silent");
        for (made, expected) in [
            (vec![good.clone(), good.clone()], vec![true, true]),
            (vec![good.clone()], vec![true, false]),
            (vec![silent.clone()], vec![false]),
            (vec![], vec![false]),
        ] {
            let mut target = dialling(2, Duration::from_secs(9), &[1]).targets.remove(0);
            target.addresses[0].samples = made.iter().cloned().map(Some).chain([None, None]).take(2).collect();
            let samples = target.samples();
            assert_eq!(samples.iter().map(|s| s.served.is_ok()).collect::<Vec<_>>(), expected, "{samples:?}");
        }
    }
}
