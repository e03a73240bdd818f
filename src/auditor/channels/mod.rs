//! Holds channel configurations against the folders of a run. A configuration may be read before or after them, so what
//! the rules need of each folder is collected.

mod ca_expiring;
mod consenter_key_changed;
mod consenter_not_on_disk;
mod host_missing;
mod msp_unknown;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::unit::sha256;
use crate::Timestamp;
use crate::audit::ledger::{self, Sorter};
use crate::audit::model::audited::Audited;
use crate::audit::model::expectation::Expectation;
use crate::audit::model::finding::{Digest, Findings};
use crate::audit::model::report::Report;
use crate::audit::model::subject::SubjectKind;
use crate::channel::{ChannelFile, ChannelMsp, Consenter, Organisation, Pinned, PinnedAs};

/// The main certificate of a folder, with the CAs of the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Node {
    #[serde(with = "ledger::path")]
    path: PathBuf,
    /// Whether it is a TLS certificate; otherwise that of an identity.
    tls: bool,
    /// The SHA-256 of its `SubjectPublicKeyInfo`.
    spki: Digest,
    common_name: String,
    /// Its NodeOU, if it has exactly one.
    role: Option<String>,
    /// The names of a TLS certificate.
    names: Vec<String>,
    /// The SHA-256 of each CA certificate.
    authorities: Vec<Digest>,
}

/// The channel configurations of a run, and the folders.
#[derive(Debug, Default)]
pub(super) struct Channels {
    files: Vec<ChannelFile>,
    nodes: Sorter<Node>,
}

/// What the rules look at: the channels, and the folders that they may mean.
struct View<'a> {
    files: &'a [ChannelFile],
    nodes: Vec<Node>,
    /// The folders by purpose and key.
    by_key: HashMap<(bool, Digest), usize>,
    now: Timestamp,
    expectation: &'a Expectation,
}

impl Channels {
    /// Records a subject.
    pub(super) fn note(&mut self, audited: &mut Audited) {
        let Some(subject) = &audited.subject else { return };
        if let Some(config) = audited.channel.take() {
            self.files.push(ChannelFile { path: subject.path.clone(), config: *config });
        }
        let (Some(key), false) = (audited.keys.first(), subject.kind == SubjectKind::Endpoint) else { return };
        self.nodes.push(Node {
            path: subject.path.clone(),
            tls: key.tls,
            spki: key.spki,
            common_name: key.common_name.clone(),
            role: subject.role.map(str::to_owned),
            names: audited.names.clone(),
            authorities: audited.cas.iter().map(|ca| ca.certificate).collect(),
        });
    }

    /// Reports what the channels and the folders do not have in common.
    pub(super) fn report(self, now: Timestamp, expectation: &Expectation, report: &mut Report) {
        if self.files.is_empty() {
            return;
        }
        let mut findings = Findings::new();
        let known = Known::of(&self.files);
        let mut view = View { files: &self.files, nodes: Vec::new(), by_key: HashMap::new(), now, expectation };
        for node in self.nodes.sorted().iter() {
            msp_unknown::check(&node, &known, &mut findings);
            if known.may_mean(&node) {
                view.by_key.entry((node.tls, node.spki)).or_insert(view.nodes.len());
                view.nodes.push(node);
            }
        }
        ca_expiring::check(&view, &mut findings);
        consenter_key_changed::check(&view, &mut findings);
        consenter_not_on_disk::check(&view, &mut findings);
        host_missing::check(&view, &mut findings);
        findings.into_vec().iter().for_each(|finding| report.find(finding));
    }
}

/// What the channels name.
struct Known {
    authorities: HashSet<Digest>,
    /// The root CAs of identities, and whether any channel has one.
    roots: HashSet<Digest>,
    keys: HashSet<Digest>,
    hosts: HashSet<String>,
}

impl Known {
    fn of(files: &[ChannelFile]) -> Self {
        let mut known =
            Self { authorities: HashSet::new(), roots: HashSet::new(), keys: HashSet::new(), hosts: HashSet::new() };
        for file in files {
            for pin in Pinned::all(&file.config) {
                known.keys.insert(sha256(pin.cert.spki_der()));
                known.hosts.insert(pin.consenter.host.clone());
                known.hosts.extend(pin.cert.common_name().map(str::to_owned));
            }
            let msps = || file.config.organisations.iter().filter_map(|one| one.msp.as_ref());
            known.authorities.extend(msps().flat_map(authorities_of));
            let roots = msps().flat_map(|msp| msp.roots.iter().chain(&msp.intermediates));
            known.roots.extend(roots.filter_map(|cert| Some(sha256(cert.cert()?.der()))));
        }
        known
    }

    fn may_mean(&self, node: &Node) -> bool {
        node.authorities.iter().any(|ca| self.authorities.contains(ca))
            || self.keys.contains(&node.spki)
            || self.hosts.contains(&node.common_name)
            || node.names.iter().any(|name| self.hosts.contains(name))
    }
}

/// The SHA-256 of every CA of an MSP.
fn authorities_of(msp: &ChannelMsp) -> Vec<Digest> {
    msp.authorities().filter_map(|(_, cert)| Some(sha256(cert.cert()?.der()))).collect()
}

impl View<'_> {
    /// The folder with a key.
    fn holder(&self, pin: &Pinned<'_>) -> Option<&Node> {
        self.by_key.get(&(pin.kind == PinnedAs::Tls, sha256(pin.cert.spki_der()))).map(|at| &self.nodes[*at])
    }

    /// The keys of each consenter, by channel.
    fn consenters(&self) -> impl Iterator<Item = (&ChannelFile, &Consenter, Vec<Pinned<'_>>)> {
        self.files.iter().flat_map(|file| {
            let mut pins = Pinned::all(&file.config).into_iter().peekable();
            file.config.consenters.iter().map(move |consenter| {
                let own = std::iter::from_fn(|| pins.next_if(|pin| std::ptr::eq(pin.consenter, consenter)));
                (file, consenter, own.collect())
            })
        })
    }

    /// The TLS folders of an organisation, by their CAs.
    fn tls_folders(&self, one: &Organisation) -> Vec<&Node> {
        let authorities: HashSet<Digest> = one.msp.iter().flat_map(authorities_of).collect();
        let is_of = |node: &&Node| node.tls && node.authorities.iter().any(|ca| authorities.contains(ca));
        self.nodes.iter().filter(is_of).collect()
    }
}
