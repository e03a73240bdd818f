//! A certificate lacks the host by which a channel reaches its node.

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
        if !holds(node, &consenter.host) {
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
        let all: Vec<&Node> =
            file.config.organisations.iter().filter(orderers).flat_map(|one| view.tls_folders(one)).collect();
        for address in &file.config.addresses {
            endpoint(file, "orderer address", host_of(address), NodeOu::Orderer, &all, findings);
        }
        for one in &file.config.organisations {
            let folders = view.tls_folders(one);
            for address in &one.endpoints {
                endpoint(file, "orderer endpoint", host_of(address), NodeOu::Orderer, &folders, findings);
            }
            for (host, _) in &one.anchor_peers {
                endpoint(file, "anchor peer", host, NodeOu::Peer, &folders, findings);
            }
        }
    }
}

/// Reports a host that none of the folders holds, if there are any of its role.
fn endpoint(file: &ChannelFile, what: &str, host: &str, role: NodeOu, folders: &[&Node], findings: &mut Findings) {
    // TLS certificates of cryptogen have no role: they count for both.
    let may_be = |node: &&&Node| node.role.as_deref().is_none_or(|of| of == role.as_str());
    let nodes: Vec<&&Node> = folders.iter().filter(may_be).collect();
    if nodes.is_empty() || nodes.iter().any(|node| holds(node, host)) {
        return;
    }
    let shown: Vec<String> = nodes.iter().take(3).map(|node| node.path.display().to_string()).collect();
    let more = nodes.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message =
        format!("{} has the {what} {host}, and no certificate holds it: {}{more}", file.words(), shown.join(", "));
    let at = Location::whole(file.path.as_path());
    findings.report(&CHANNEL_HOST_MISSING, &at, message).names([host.to_owned()]).add();
}

fn holds(node: &Node, host: &str) -> bool {
    let names: Vec<SanName> = node.names.iter().filter_map(|name| name.parse().ok()).collect();
    matches_as_go(&names, host)
}

/// The host of `HOST:PORT`, also of `[IPV6]:PORT`.
fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']'])
}
