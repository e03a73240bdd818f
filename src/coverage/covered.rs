//! The nodes with the names that they need and the certificates that they have.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::mapped::Mapped;
use super::place::location;
use crate::audit::model::subject::Location;
use crate::manifests::{HeldPem, Holding, Need, Needed, Network, Requested, Word};
use crate::pki::name::{self, NameIndex, SanName};
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
    /// The names that its certificate must or should hold; empty if it has no certificate.
    pub(crate) needed: Vec<Needed>,
    /// Its certificates: requested ones, those in Secrets, and those in folders.
    pub(crate) held: Vec<Rc<HeldNames>>,
    /// What is left out, in words.
    pub(crate) left_out: Option<String>,
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
    index: NameIndex,
}

/// A name of a certificate.
#[derive(Debug)]
pub(crate) struct HeldName {
    /// The text in the manifest or certificate.
    pub(crate) text: String,
    /// The name in a certificate.
    pub(crate) name: SanName,
    /// The line in the file, if the name is in one of its own.
    line: Option<usize>,
}

/// The most certificates of one node that are compared with its names.
const MOST_HELD: usize = 100;

impl Covered {
    pub(crate) fn new(network: Network, mapped: Mapped) -> Self {
        let mut known = Known::default();
        let by_workload = mapped.by_workload();
        let with_tls = (0..network.workloads.len()).filter(|w| network.node_with_tls(*w).is_some());
        let nodes = with_tls.map(|w| {
            let meta = &network.workloads[w].meta;
            let holdings = network.holdings(w);
            let mut held: Vec<Rc<HeldNames>> =
                holdings.into_iter().take(MOST_HELD + 1).filter_map(|h| known.names(&network, h)).collect();
            let found = by_workload.of(meta).into_iter().take(MOST_HELD + 1);
            held.extend(found.map(|(path, names)| {
                let name = |name: &SanName| HeldName { text: name.to_string(), name: name.clone(), line: None };
                let names = names.iter().map(name).collect();
                Rc::new(HeldNames::new(path.display().to_string(), Location::whole(path), None, names))
            }));
            let mut left_out = None;
            if held.len() > MOST_HELD {
                held.truncate(MOST_HELD);
                left_out = Some(format!("{meta} has more than {MOST_HELD} certificates; only the first were compared"));
            }
            let needed = if held.is_empty() { Vec::new() } else { network.needed(w) };
            if !needed.is_empty() && network.has_left_out(w, &needed) {
                let most = network.most_names();
                left_out = Some(format!(
                    "more than {most} names lead to {meta}, or too many Services select it; only the first names were \
                     compared with its certificate"
                ));
            }
            CoveredNode { workload: w, needed, held, left_out }
        });
        let nodes = nodes.collect();
        Self { network, nodes, mapped }
    }
}

/// The certificates that were read, so that nodes with the same certificate share its names.
#[derive(Default)]
struct Known {
    requested: HashMap<usize, Rc<HeldNames>>,
    /// By the text of the certificate in its object.
    pem: HashMap<*const u8, Option<Rc<HeldNames>>>,
}

impl Known {
    fn names(&mut self, network: &Network, holding: Holding<'_>) -> Option<Rc<HeldNames>> {
        match holding {
            Holding::Certificate(c) => {
                let of = || Rc::new(HeldNames::requested(&network.certificates[c].requested, Some(c)));
                Some(Rc::clone(self.requested.entry(c).or_insert_with(of)))
            }
            Holding::Requested(requested) => Some(Rc::new(HeldNames::requested(&requested, None))),
            Holding::Pem(held) => {
                self.pem.entry(held.pem.as_ptr()).or_insert_with(|| HeldNames::in_pem(held).map(Rc::new)).clone()
            }
        }
    }
}

impl HeldNames {
    fn new(by: String, at: Location, certificate: Option<usize>, names: Vec<HeldName>) -> Self {
        let index = NameIndex::new(names.iter().map(|n| &n.name));
        Self { by, at, certificate, names, index }
    }

    fn in_pem(HeldPem { object, pem }: HeldPem<'_>) -> Option<Self> {
        let leaf = pem_blocks(pem.as_bytes()).ok()?.into_iter().next()?;
        let cert = Cert::from_der(leaf.der).ok()?;
        let name = |name: &SanName| HeldName { text: name.to_string(), name: name.clone(), line: None };
        Some(Self::new(object.to_string(), location(&object.at), None, cert.sans().iter().map(name).collect()))
    }

    fn requested(requested: &Requested, certificate: Option<usize>) -> Self {
        let name = |word: &Word| HeldName {
            text: word.text.clone(),
            name: name::server_name(&word.text),
            line: Some(word.line),
        };
        let names = requested.names.iter().map(name).collect();
        Self::new(requested.by.clone(), location(&requested.at), certificate, names)
    }

    /// The location of one of the names.
    pub(crate) fn place(&self, name: &HeldName) -> Location {
        Location { line: name.line.or(self.at.line), ..self.at.clone() }
    }

    /// Whether a client that dials `name` accepts it, by Go's matching. A route for `*.domain` does not state which
    /// host is dialled: one matching host is sufficient.
    pub(crate) fn holds(&self, wanted: &SanName) -> bool {
        self.index.holds(wanted) || self.index.matches_as_go(&wanted.to_string()) || self.index.is_matched_by(wanted)
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifests::{Manifest, Settings, Variables};

    /// A peer with the Secret `s`, and this number of Certificates for that Secret.
    fn covered(certificates: usize) -> Covered {
        let peer = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, env: [{name: CORE_PEER_TLS_CERT_FILE, \
                    value: /t/tls.crt}], volumeMounts: [{name: t, mountPath: /t}]}]\n  volumes: [{name: t, secret: {secretName: s}}]\n";
        let certificate = |i: usize| {
            format!(
                "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: c{i}}}\nspec: {{secretName: s, dnsNames: [n{i}]}}\n"
            )
        };
        let objects = std::iter::once(peer.to_owned()).chain((0..certificates).map(certificate));
        let text = objects.collect::<Vec<_>>().join("---\n");
        let manifest = Manifest::read(Path::new("m.yaml"), &text, &Variables::new()).expect("manifests");
        let settings = Settings { namespace: None, cluster_domain: "cluster.local".to_owned() };
        Covered::new(Network::new([manifest], settings), Mapped::default())
    }

    #[test]
    fn certificates_of_a_node_beyond_the_limit_are_reported_as_left_out() {
        for (count, is_cut) in [(MOST_HELD, false), (MOST_HELD + 1, true)] {
            let covered = covered(count);
            assert_eq!((covered.nodes[0].held.len(), covered.nodes[0].left_out.is_some()), (MOST_HELD, is_cut));
        }
    }
}
