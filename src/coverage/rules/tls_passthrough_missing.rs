//! A route that terminates TLS in front of a Fabric port.

use crate::audit::catalogue::{Severity, TLS_PASSTHROUGH_MISSING};
use crate::coverage::check::Check;
use std::collections::{BTreeSet, HashMap};

use crate::audit::model::finding::Findings;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;
use crate::manifests::{Passthrough, PortRef};

pub(super) static CHECK: Check = Check { rule: &TLS_PASSTHROUGH_MISSING, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    // ingress-nginx passes TLS through for a host if any Ingress of the host requests it.
    let passing: BTreeSet<String> = network
        .routes
        .iter()
        .filter(|r| r.meta.kind == "Ingress" && r.passthrough == Passthrough::Yes)
        .flat_map(|r| r.hosts.iter().map(|h| h.host.text.to_ascii_lowercase()))
        .collect();
    let mut led: HashMap<(usize, Option<PortRef>), Option<usize>> = HashMap::new();
    for route in &network.routes {
        let (severity, does) = match route.passthrough {
            Passthrough::No => (Severity::Error, "terminates TLS and connects without it to"),
            Passthrough::Reencrypted => {
                (Severity::Warning, "terminates TLS, so that clients see another certificate than that of")
            }
            Passthrough::Yes | Passthrough::Elsewhere => continue,
        };
        for host in &route.hosts {
            if route.meta.kind == "Ingress" && passing.contains(&host.host.text.to_ascii_lowercase()) {
                continue;
            }
            let leads = host.backends.iter().find_map(|backend| {
                let services = network.behind(route, std::slice::from_ref(backend));
                services.into_iter().find_map(|s| {
                    *led.entry((s, backend.port.clone())).or_insert_with(|| {
                        network.members(s).iter().copied().find(|w| network.routes_to_tls(s, backend, *w))
                    })
                })
            });
            let Some(w) = leads else { continue };
            let message = format!("{} for {} {does} {}", route.meta, host.host.text, network.workloads[w].meta);
            let at = location(&route.meta.at.line(host.host.line));
            let draft = findings
                .report(&TLS_PASSTHROUGH_MISSING, &at, message)
                .subject(&route.meta.to_string())
                .severity(severity);
            draft.names([host.host.text.to_ascii_lowercase()]).add();
        }
    }
}
