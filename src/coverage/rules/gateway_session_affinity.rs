//! A gateway Service that sends each client to one member only.

use crate::audit::catalogue::GATEWAY_SESSION_AFFINITY;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &GATEWAY_SESSION_AFFINITY, check };

fn check(covered: &Covered, findings: &mut Findings) {
    for (s, service) in covered.network.services.iter().enumerate() {
        let members = covered.network.members(s).len();
        let Some(line) = service.client_ip_affinity.filter(|_| members > 1) else { continue };
        let message = format!("{} keeps each client address at one of its {members} members", service.meta);
        findings
            .report(&GATEWAY_SESSION_AFFINITY, &location(&service.meta.at.line(line)), message)
            .subject(&service.meta.to_string())
            .add();
    }
}
