//! The nodes with the names that they need and the certificates that they have.

use std::collections::BTreeMap;

use super::mapped::Mapped;
use super::place::location;
use crate::audit::model::subject::Location;
use crate::manifests::{Holding, Need, Needed, Network, Requested};
use crate::pki::name::{self, SanName, matches_as_go};
use crate::pki::x509::Cert;
use crate::text::pem_blocks;

/// The manifests together with the certificates of their nodes.
#[derive(Debug)]
pub(crate) struct Covered {
    /// The manifests.
    pub(crate) network: Network,
    /// The nodes with TLS, in order.
    pub(crate) nodes: Vec<CoveredNode>,
    /// The certificates in folders, mapped to workloads.
    pub(crate) mapped: Mapped,
}

/// A node with TLS.
#[derive(Debug)]
pub(crate) struct CoveredNode {
    /// The index of the workload in [`Network::workloads`].
    pub(crate) workload: usize,
    /// The names that its certificate must or should hold.
    pub(crate) needed: Vec<Needed>,
    /// Its certificates: requested ones, those in Secrets, and those in folders.
    pub(crate) held: Vec<HeldNames>,
}

/// The names of a certificate.
#[derive(Debug)]
pub(crate) struct HeldNames {
    /// A description: `Certificate org1-peer1-tls-cert`.
    pub(crate) by: String,
    /// The location at which names are added.
    pub(crate) at: Location,
    /// The index in [`Network::certificates`] of the Certificate that requests it.
    pub(crate) certificate: Option<usize>,
    /// Its names.
    pub(crate) names: Vec<HeldName>,
}

/// A name of a certificate.
#[derive(Debug)]
pub(crate) struct HeldName {
    /// The text in the manifest or certificate.
    pub(crate) text: String,
    /// The name in a certificate.
    pub(crate) name: SanName,
    /// The location.
    pub(crate) at: Location,
}

impl Covered {
    pub(crate) fn new(network: Network, mapped: Mapped) -> Self {
        let with_tls = (0..network.workloads.len()).filter(|w| network.node_with_tls(*w).is_some());
        let nodes = with_tls.map(|w| {
            let meta = &network.workloads[w].meta;
            let mut held: Vec<HeldNames> = network.holdings(w).into_iter().filter_map(HeldNames::of).collect();
            for (path, names) in mapped.of(meta) {
                let at = Location::whole(path);
                let held_name =
                    |name: &SanName| HeldName { text: name.to_string(), name: name.clone(), at: at.clone() };
                held.push(HeldNames {
                    by: path.display().to_string(),
                    names: names.iter().map(held_name).collect(),
                    certificate: None,
                    at: at.clone(),
                });
            }
            CoveredNode { workload: w, needed: network.needed(w), held }
        });
        let nodes = nodes.collect();
        Self { network, nodes, mapped }
    }
}

impl HeldNames {
    fn of(holding: Holding) -> Option<Self> {
        match holding {
            Holding::Requested(requested, certificate) => Some(Self::requested(&requested, certificate)),
            Holding::Pem(held) => {
                let at = location(&held.at);
                let leaf = pem_blocks(held.pem.as_bytes()).ok()?.into_iter().next()?;
                let cert = Cert::from_der(leaf.der).ok()?;
                let name = |name: &SanName| HeldName { text: name.to_string(), name: name.clone(), at: at.clone() };
                Some(Self { by: held.by, names: cert.sans().iter().map(name).collect(), certificate: None, at })
            }
        }
    }

    fn requested(requested: &Requested, certificate: Option<usize>) -> Self {
        let name = |word: &crate::manifests::Word| HeldName {
            text: word.text.clone(),
            name: name::server_name(&word.text),
            at: location(&requested.at.line(word.line)),
        };
        Self {
            by: requested.by.clone(),
            at: location(&requested.at),
            certificate,
            names: requested.names.iter().map(name).collect(),
        }
    }

    /// Whether a client that dials `name` accepts it, by Go's matching. A route for `*.domain` does not state which
    /// host is dialled: one matching host is sufficient.
    pub(crate) fn holds(&self, wanted: &SanName) -> bool {
        let names: Vec<SanName> = self.names.iter().map(|n| n.name.clone()).collect();
        let covered = |held: &SanName| matches_as_go(std::slice::from_ref(wanted), &held.to_string());
        name::holds(&names, wanted) || matches_as_go(&names, &wanted.to_string()) || names.iter().any(covered)
    }

    /// The needed names of one kind that it lacks, by the Service that leads through them.
    pub(crate) fn lacking<'a>(&self, needed: &'a [Needed], need: Need) -> BTreeMap<Option<usize>, Vec<&'a Needed>> {
        let mut lacking: BTreeMap<Option<usize>, Vec<&Needed>> = BTreeMap::new();
        for one in needed.iter().filter(|n| n.need == need && !self.holds(&n.name)) {
            lacking.entry(one.service).or_default().push(one);
        }
        lacking
    }
}
