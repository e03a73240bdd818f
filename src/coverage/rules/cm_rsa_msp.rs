//! A Certificate with an RSA key that is to be the identity of an MSP.

use std::collections::HashMap;

use crate::audit::catalogue::CM_RSA_MSP;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;
use crate::manifests::Workload;

pub(super) static CHECK: Check = Check { rule: &CM_RSA_MSP, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    let mut msps: HashMap<&str, Vec<&Workload>> = HashMap::new();
    for workload in &network.workloads {
        for secret in workload.secrets_at("signcerts") {
            msps.entry(secret).or_default().push(workload);
        }
    }
    for certificate in &network.certificates {
        let algorithm = certificate.key_algorithm.as_ref();
        if algorithm.is_some_and(|algorithm| !algorithm.text.eq_ignore_ascii_case("RSA")) {
            continue;
        }
        let mounting = msps.get(certificate.secret_name.as_str()).into_iter().flatten();
        let Some(workload) = mounting.into_iter().find(|w| w.meta.may_share_namespace(&certificate.meta)) else {
            continue;
        };
        let key = algorithm.map_or("no privateKey.algorithm, which makes an RSA key", |_| "an RSA key");
        let message = format!("{} has {key}, and {} mounts it as signcerts of an MSP", certificate.meta, workload.meta);
        let line = algorithm.map(|algorithm| algorithm.line).or(certificate.private_key_line);
        let at = location(&certificate.meta.at.line(line.unwrap_or(certificate.meta.at.line)));
        findings.report(&CM_RSA_MSP, &at, message).subject(&certificate.meta.to_string()).add();
    }
}
