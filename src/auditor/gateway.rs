//! Gateways with dialled members: counts the members that answer to the gateway's name.

use crate::audit::model::audited::Audited;
use crate::audit::model::report::GatewayReport;
use crate::audit::model::subject::SubjectKind;
use crate::audit::model::verdict::Verdict;
use crate::pki::name::{matches_as_go, server_name};

/// A gateway, while its members are audited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    /// The name that clients dial.
    pub(crate) name: String,
    /// Its members.
    pub(crate) members: Vec<GatewayMember>,
}

/// A member of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GatewayMember {
    /// `HOST:PORT`, or the addresses at which it was reached behind a load balancer.
    pub(crate) endpoint: String,
    /// The indices of its endpoints, in the order in which they are audited; empty if it was not reached.
    pub(crate) served: Vec<usize>,
    /// Whether one of its addresses did not answer.
    pub(crate) unreachable: bool,
}

/// Collects the results of endpoints, in their order.
#[derive(Debug, Default)]
pub(crate) struct GatewayWatch(Vec<(Vec<String>, bool)>);

impl GatewayWatch {
    /// Records a subject, if it is an endpoint.
    pub(crate) fn note(&mut self, audited: &Audited) {
        let Some(subject) = audited.subject.as_ref().filter(|s| s.kind == SubjectKind::Endpoint) else { return };
        let refused = subject.verdicts.entries().iter().any(|(_, v)| v.is_some_and(Verdict::is_refusal));
        self.0.push((audited.names.clone(), refused));
    }

    /// Counts the members of each gateway that answer to its name.
    pub(crate) fn report(&self, gateways: &[Gateway]) -> Vec<GatewayReport> {
        let answers = |member: &GatewayMember, name: &str| {
            let served = member.served.iter().map(|at| self.0.get(*at));
            !member.served.is_empty()
                && served.into_iter().all(|found| {
                    found.is_some_and(|(names, refused)| {
                        let sans: Vec<_> = names.iter().map(|n| server_name(n)).collect();
                        !refused && matches_as_go(&sans, name)
                    })
                })
        };
        let reported = |gateway: &Gateway| {
            let list = |which: &dyn Fn(&GatewayMember) -> bool| {
                let found = gateway.members.iter().filter(|m| which(m));
                found.map(|m| m.endpoint.clone()).collect::<Vec<_>>()
            };
            let lacking = list(&|m| !m.served.is_empty() && !answers(m, &gateway.name));
            let unreachable = list(&|m| m.unreachable);
            let answering = gateway.members.iter().filter(|m| !m.unreachable && answers(m, &gateway.name)).count();
            GatewayReport {
                name: gateway.name.clone(),
                members: gateway.members.len(),
                answering,
                lacking,
                unreachable,
            }
        };
        gateways.iter().map(reported).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::SubjectReport;
    use crate::audit::Verdicts;

    fn served(names: &[&str]) -> Audited {
        let subject =
            SubjectReport { path: "e".into(), kind: SubjectKind::Endpoint, role: None, verdicts: Verdicts::None };
        Audited { subject: Some(subject), names: names.iter().map(|n| (*n).to_owned()).collect(), ..Audited::default() }
    }

    #[test]
    fn member_answers_if_all_its_certificates_hold_the_name() {
        let mut watch = GatewayWatch::default();
        watch.note(&Audited::default());
        for names in [&["gw", "a"][..], &["b"], &["*.x", "gw"]] {
            watch.note(&served(names));
        }
        let member = |served: &[usize], unreachable| GatewayMember {
            endpoint: format!("m{served:?}"),
            served: served.to_vec(),
            unreachable,
        };
        let members = vec![
            member(&[0], false),
            member(&[1], false),
            member(&[0, 1], false),
            member(&[2], false),
            member(&[], true),
        ];
        let report = watch.report(&[Gateway { name: "gw".into(), members }]).remove(0);
        assert_eq!(
            report.words(),
            "gateway gw: 2 of 5 members answer to this name; lacking: m[1], m[0, 1]; unreachable: m[]"
        );
    }
}
