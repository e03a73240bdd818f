//! A Service with an unknown namespace.

use crate::audit::catalogue::NAMESPACE_UNKNOWN;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &NAMESPACE_UNKNOWN, check };

fn check(covered: &Covered, findings: &mut Findings) {
    for (s, service) in covered.network.services.iter().enumerate() {
        if service.meta.namespace.is_none() && !covered.network.members(s).is_empty() {
            let message = format!("{} names no namespace, and no object that it is linked to names one", service.meta);
            findings
                .report(&NAMESPACE_UNKNOWN, &location(&service.meta.at), message)
                .subject(&service.meta.to_string())
                .add();
        }
    }
}
