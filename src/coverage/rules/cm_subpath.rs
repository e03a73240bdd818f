//! A certificate of cert-manager that is mounted with `subPath`.

use std::collections::HashMap;

use crate::audit::catalogue::CM_SUBPATH;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;
use crate::manifests::Certificate;

pub(super) static CHECK: Check = Check { rule: &CM_SUBPATH, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    let mut certificates: HashMap<&str, Vec<&Certificate>> = HashMap::new();
    for certificate in &network.certificates {
        certificates.entry(&certificate.secret_name).or_default().push(certificate);
    }
    for workload in &network.workloads {
        for (mount, sub_path) in workload.sub_paths() {
            let secrets = workload.sources_of(mount).filter(|source| source.is_secret);
            let requested = secrets.flat_map(|source| certificates.get(source.name.as_str()).into_iter().flatten());
            let certificate = requested.into_iter().find(|c| c.meta.may_share_namespace(&workload.meta));
            let Some(certificate) = certificate else { continue };
            let message = format!(
                "{} mounts {} of the Secret of {} with subPath: no renewal reaches it",
                workload.meta, mount.path, certificate.meta
            );
            let at = location(&workload.meta.at.line(sub_path.line));
            findings.report(&CM_SUBPATH, &at, message).subject(&workload.meta.to_string()).add();
        }
    }
}
