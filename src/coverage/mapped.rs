//! TLS certificates in folders, mapped to workloads by the command line or by the policy.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::audit::catalogue::MEMBER_STALE;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Location;
use crate::manifests::{Meta, Network};
use crate::pki::name::SanName;
use crate::policy::{MemberEntry, PolicyError};

/// The location of the TLS certificate of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TlsOf {
    /// The workload, `NAME` or `NAMESPACE/NAME`.
    pub(crate) workload: String,
    /// The folder or file, as reported.
    pub(crate) path: PathBuf,
}

/// The certificates of workloads that were found in folders.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    named: Vec<TlsOf>,
    found: Vec<Found>,
}

/// A certificate of a workload.
#[derive(Debug)]
struct Found {
    of: TlsOf,
    names: Vec<SanName>,
    /// The index of the policy entry that maps it; `None` for the command line.
    entry: Option<usize>,
}

/// The certificates in folders by the name of their workload.
#[derive(Debug)]
pub(crate) struct ByWorkload<'a>(HashMap<&'a str, Vec<&'a Found>>);

impl<'a> ByWorkload<'a> {
    /// The certificates of a workload, with their paths. Each path counts once.
    pub(crate) fn of(&self, meta: &Meta) -> Vec<(&'a Path, &'a [SanName])> {
        let mut seen = BTreeSet::new();
        let named = self.0.get(meta.name.as_str()).into_iter().flatten();
        let own = named.filter(|f| f.of.is_of(meta) && seen.insert(&f.of.path));
        own.map(|f| (f.of.path.as_path(), f.names.as_slice())).collect()
    }
}

/// The workloads by name.
struct Workloads<'a>(HashMap<&'a str, Vec<&'a Meta>>);

impl<'a> Workloads<'a> {
    fn of(network: &'a Network) -> Self {
        let mut named: HashMap<&str, Vec<&Meta>> = HashMap::new();
        for workload in &network.workloads {
            named.entry(workload.meta.name.as_str()).or_default().push(&workload.meta);
        }
        Self(named)
    }

    fn has(&self, of: &TlsOf) -> bool {
        self.0.get(of.name()).into_iter().flatten().any(|meta| of.is_of(meta))
    }
}

impl TlsOf {
    fn name(&self) -> &str {
        self.workload.split_once('/').map_or(self.workload.as_str(), |(_, name)| name)
    }

    /// Whether it maps this workload.
    pub(crate) fn is_of(&self, meta: &Meta) -> bool {
        match (self.workload.split_once('/'), &meta.namespace) {
            (None, _) => self.workload == meta.name,
            // A workload without a namespace may be in any.
            (Some((_, name)), None) => name == meta.name,
            (Some((namespace, name)), Some(own)) => name == meta.name && namespace == own,
        }
    }
}

impl Mapped {
    pub(crate) fn new(named: Vec<TlsOf>) -> Self {
        Self { named, found: Vec::new() }
    }

    /// Records a path. `names` are those of its TLS certificate, if it `holds_one`.
    ///
    /// # Errors
    /// If the location of an entry leaves too many ways to match.
    pub(crate) fn note(
        &mut self,
        path: &Path,
        holds_one: bool,
        names: &[String],
        members: &[MemberEntry],
    ) -> Result<(), PolicyError> {
        let mut take = |of: TlsOf, entry| {
            let names = names.iter().map(|name| crate::pki::name::server_name(name)).collect();
            self.found.push(Found { of, names, entry });
        };
        for of in self.named.iter().filter(|of| of.path == path) {
            take(of.clone(), None);
        }
        if !holds_one {
            return Ok(());
        }
        for (index, entry) in members.iter().enumerate() {
            if let Some(workload) = entry.workload_at(path)? {
                take(TlsOf { workload, path: path.to_owned() }, Some(index));
            }
        }
        Ok(())
    }

    /// The certificates by workload.
    pub(crate) fn by_workload(&self) -> ByWorkload<'_> {
        let mut named: HashMap<&str, Vec<&Found>> = HashMap::new();
        for found in &self.found {
            named.entry(found.of.name()).or_default().push(found);
        }
        ByWorkload(named)
    }

    /// A mapping of the command line to a workload that does not exist.
    pub(crate) fn stranger(&self, network: &Network) -> Option<&TlsOf> {
        let workloads = Workloads::of(network);
        self.named.iter().find(|of| !workloads.has(of))
    }

    /// A mapping of the command line to a path that was not recorded.
    pub(crate) fn unmet(&self) -> Option<&TlsOf> {
        let found: HashSet<&TlsOf> = self.found.iter().filter(|f| f.entry.is_none()).map(|f| &f.of).collect();
        self.named.iter().find(|of| !found.contains(of))
    }

    /// Reports the entries of the policy at `path` that map no certificate or no workload.
    pub(crate) fn tell_stale(&self, members: &[MemberEntry], path: &Path, network: &Network, findings: &mut Findings) {
        let workloads = Workloads::of(network);
        let mut by_entry: HashMap<usize, Vec<&Found>> = HashMap::new();
        for found in &self.found {
            by_entry.entry(found.entry.unwrap_or(usize::MAX)).or_default().push(found);
        }
        for (index, entry) in members.iter().enumerate() {
            let met = by_entry.get(&index);
            let reason = if met.is_none() {
                format!("no TLS certificate was found at {}", entry.tls.as_str())
            } else if !met.into_iter().flatten().any(|f| workloads.has(&f.of)) {
                format!("no workload {} is in the manifests", entry.workload)
            } else {
                continue;
            };
            let at = Location { path: path.to_owned(), block: None, line: Some(entry.line) };
            findings.report(&MEMBER_STALE, &at, reason).names([entry.workload.clone()]).add();
        }
    }
}
