//! A certificate lacks the host by which a channel reaches its node.

use std::collections::BTreeSet;

use super::{Node, View};
use crate::audit::catalogue::CHANNEL_HOST_MISSING;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Location;
use crate::channel::{ChannelFile, Organisation, Section};
use crate::pki::name::{SanName, matches_as_go};
use crate::pki::x509::NodeOu;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (file, consenter, _) in view.consenters() {
        let Some(cert) = consenter.server_tls.cert() else { continue };
        let key = (true, super::sha256(cert.spki_der()));
        let Some(node) = view.by_key.get(&key).map(|at| &view.nodes[*at]) else { continue };
        if !matches_as_go(&parsed(node), &consenter.host) {
            let message = format!(
                "{} has this orderer as the consenter {}, and the certificate does not hold that host",
                file.words(),
                consenter.address()
            );
            let at = Location::whole(node.path.as_path());
            findings.report(&CHANNEL_HOST_MISSING, &at, message).names([consenter.host.clone()]).add();
        }
    }
    for file in view.files {
        let orderers = |one: &&Organisation| one.section == Section::Orderer;
        let all = file.config.organisations.iter().filter(orderers).flat_map(|one| view.tls_folders(one));
        let addresses = file.config.addresses.iter().map(|address| host_of(address));
        endpoints(file, "orderer address", addresses.collect(), NodeOu::Orderer, all, findings);
        for one in &file.config.organisations {
            let folders = view.tls_folders(one);
            let hosts = one.endpoints.iter().map(|address| host_of(address)).collect();
            endpoints(file, "orderer endpoint", hosts, NodeOu::Orderer, folders.iter().copied(), findings);
            let hosts = one.anchor_peers.iter().map(|(host, _)| host.as_str()).collect();
            endpoints(file, "anchor peer", hosts, NodeOu::Peer, folders, findings);
        }
    }
}

/// Reports each host that none of the folders holds, if there are any of its role.
fn endpoints<'a>(
    file: &ChannelFile,
    what: &str,
    hosts: BTreeSet<&str>,
    role: NodeOu,
    folders: impl IntoIterator<Item = &'a Node>,
    findings: &mut Findings,
) {
    if hosts.is_empty() {
        return;
    }
    // TLS certificates of cryptogen have no role: they count for both.
    let may_be = |node: &&Node| node.role.as_deref().is_none_or(|of| of == role.as_str());
    let nodes: Vec<&Node> = folders.into_iter().filter(may_be).collect();
    if nodes.is_empty() {
        return;
    }
    let names: Vec<Vec<SanName>> = nodes.iter().map(|node| parsed(node)).collect();
    let shown: Vec<String> = nodes.iter().take(3).map(|node| node.path.display().to_string()).collect();
    let more = nodes.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    for host in hosts {
        if names.iter().any(|names| matches_as_go(names, host)) {
            continue;
        }
        let message =
            format!("{} has the {what} {host}, and no certificate holds it: {}{more}", file.words(), shown.join(", "));
        let at = Location::whole(file.path.as_path());
        findings.report(&CHANNEL_HOST_MISSING, &at, message).names([host.to_owned()]).add();
    }
}

fn parsed(node: &Node) -> Vec<SanName> {
    node.names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// The host of `HOST:PORT`, also of `[IPV6]:PORT`.
fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']'])
}
