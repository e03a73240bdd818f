//! Compares served certificates with those on disk: a server reads its certificate only at its start.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::audit::catalogue::{CLIENT_CERTIFICATE_REQUIRED, ENDPOINT_UNREACHABLE, SERVED_NOT_ON_DISK};
use crate::audit::model::audited::Audited;
use crate::audit::model::finding::{Digest, Findings};
use crate::audit::model::subject::Location;

/// The certificates of servers on disk, and the served ones.
#[derive(Debug, Default)]
pub(crate) struct ServedOnDisk {
    on_disk: BTreeSet<Digest>,
    served: Vec<(PathBuf, Digest)>,
}

impl ServedOnDisk {
    /// Records a subject.
    pub(crate) fn note(&mut self, audited: &Audited) {
        match (&audited.server, &audited.subject) {
            (Some((hash, true)), Some(subject)) => self.served.push((subject.path.clone(), *hash)),
            (Some((hash, false)), _) => {
                self.on_disk.insert(*hash);
            }
            _ => {}
        }
    }

    /// Reports each served certificate that is in none of the audited folders, if any were audited.
    pub(crate) fn report(self, findings: &mut Findings) {
        if self.on_disk.is_empty() {
            return;
        }
        for (path, _) in self.served.iter().filter(|(_, hash)| !self.on_disk.contains(hash)) {
            let message = "it serves a certificate that is in none of the folders: it was not restarted since the last renewal, or another server answers";
            findings.report(&SERVED_NOT_ON_DISK, &Location::whole(path.as_path()), message).add();
        }
    }
}

/// Reports an endpoint that could not be reached.
pub(crate) fn unreachable(endpoint: &str, reason: &str, findings: &mut Findings) {
    findings.report(&ENDPOINT_UNREACHABLE, &Location::whole(endpoint), reason).add();
}

/// Reports an endpoint that ended the connection because the client has no certificate.
pub(crate) fn wants_client(endpoint: &str, findings: &mut Findings) {
    let message = "it proved its own certificate and then ended the connection, because it requires one of the client";
    findings.report(&CLIENT_CERTIFICATE_REQUIRED, &Location::whole(endpoint), message).add();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::SubjectReport;
    use crate::audit::{SubjectKind, Verdicts};

    fn audited(path: &str, hash: u8, served: bool) -> Audited {
        let subject =
            SubjectReport { path: path.into(), kind: SubjectKind::Endpoint, role: None, verdicts: Verdicts::None };
        Audited { subject: Some(subject), server: Some(([hash; 32], served)), ..Audited::default() }
    }

    #[test]
    fn served_certificate_in_no_folder_is_reported() {
        let (old, current) = (1, 2);
        let report = |disk: &[u8]| {
            let mut both = ServedOnDisk::default();
            for hash in disk {
                both.note(&audited("tls", *hash, false));
            }
            both.note(&audited("peer:7051", current, true));
            let mut findings = Findings::new();
            both.report(&mut findings);
            findings.into_vec().len()
        };
        assert_eq!((report(&[old]), report(&[old, current]), report(&[])), (1, 0, 0));
    }
}
