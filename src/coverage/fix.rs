//! Fixes in manifests: adds missing names to the lists of Certificates.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::covered::Covered;
use crate::audit::catalogue::{Rule, SAN_GATEWAY_MISSING, SAN_SHORT_ONLY};
use crate::audit::ledger::Ledger;
use crate::audit::model::finding::Finding;
use crate::manifests::Addition;

/// The additions to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fix {
    /// The names for each list.
    pub(crate) additions: Vec<Addition>,
}

/// Rules whose findings state the names that a list lacks.
const FIXABLE: [&Rule; 2] = [&SAN_GATEWAY_MISSING, &SAN_SHORT_ONLY];

/// The names to add, by file: only for findings at the lists of Certificates.
pub(crate) fn fixes(covered: &Covered, findings: &Ledger<Finding>) -> BTreeMap<PathBuf, Fix> {
    let mut fixable: HashMap<(PathBuf, Option<usize>, Option<String>), Vec<String>> = HashMap::new();
    for finding in findings.iter().filter(|f| FIXABLE.iter().any(|rule| f.is_of(rule)) && f.block.is_none()) {
        let Finding { path, line, subject, names, .. } = finding;
        fixable.entry((path, line, subject)).or_default().extend(names);
    }
    let mut fixes: BTreeMap<PathBuf, Fix> = BTreeMap::new();
    for certificate in &covered.network.certificates {
        let at = &certificate.requested.at;
        let here = (at.path.to_path_buf(), Some(at.line), Some(certificate.requested.by.clone()));
        let mut known = HashSet::new();
        let found = fixable.get(&here).into_iter().flatten();
        let names: Vec<String> = found.filter(|name| known.insert(*name)).cloned().collect();
        if !names.is_empty() {
            let fix = fixes.entry(at.path.to_path_buf()).or_default();
            fix.additions.push(Addition { list: certificate.dns_names, of: certificate.requested.clone(), names });
        }
    }
    fixes
}
