//! How kube-proxy distributes connections.

use crate::audit::catalogue::KUBE_PROXY_MODE;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &KUBE_PROXY_MODE, check };

fn check(covered: &Covered, findings: &mut Findings) {
    for proxy in &covered.network.proxies {
        let mode = proxy.mode.as_ref();
        let words = match mode.map_or("", |word| word.text.as_str()) {
            "" => "no kube-proxy mode is set, and the default, iptables, picks a member at random for each connection",
            "iptables" => "kube-proxy in iptables mode picks a member at random for each connection",
            "nftables" => "kube-proxy in nftables mode picks a member at random for each connection",
            "ipvs" => {
                "kube-proxy in ipvs mode takes the members in turn (rr) unless a scheduler is named; the mode is deprecated \
                 since Kubernetes 1.35, and by KEP-5495 it is off by default in 1.40 and gone in 1.43: move to nftables"
            }
            "none" => "no kube-proxy runs, and the network plugin decides which member a connection reaches",
            _ => "unknown kube-proxy mode; expected one of iptables, nftables, ipvs (Linux)",
        };
        let at = location(&proxy.at.line(mode.map_or(proxy.at.line, |word| word.line)));
        findings.report(&KUBE_PROXY_MODE, &at, words).add();
    }
}
