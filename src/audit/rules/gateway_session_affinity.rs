//! A gateway Service that keeps each client at one member.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::{Findings, Severity};
use crate::coverage::{Covered, location};

pub(super) static RULE: Rule = Rule {
    id: "gateway-session-affinity",
    title: "a gateway Service keeps each client at one member",
    rationale: "With ClientIP affinity all connections from one address meet the same member; behind an ingress controller or a NAT that is everybody. The load is not spread, and a member with a bad certificate is met always or never.",
    remedy: "leave sessionAffinity out: each connection then meets any member",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("Kubernetes: Service.spec.sessionAffinity")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};

pub(crate) fn over(covered: &Covered, findings: &mut Findings) {
    for (s, service) in covered.network.services.iter().enumerate() {
        let members = covered.network.members(s).len();
        let Some(line) = service.client_ip_affinity.filter(|_| members > 1) else { continue };
        let message = format!("{} keeps each client address at one of its {members} members", service.meta);
        findings
            .report(&RULE, &location(&service.meta.at.line(line)), message)
            .subject(&service.meta.to_string())
            .add();
    }
}
