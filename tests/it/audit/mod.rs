//! The audit: of folders through the library, and of everything through the binary.

mod inputs;
pub(crate) mod live;
mod msp_rules;
mod odd_inputs;
mod pairs;
mod policy;
pub(crate) mod scene;
mod verdicts;

use std::path::{Path, PathBuf};

use fabcert::Timestamp;
use fabcert::audit::Audited;
use fabcert::audit::input::{LoadOptions, WalkOptions, walk};
use fabcert::audit::{Expectation, ExpectedName, NameSource};
use fabcert::auditor::Criteria;
use fabcert::disk::Disk;
use fabcert::msp::ChannelRules;
use fabcert::policy::Policy;

use crate::verdicts::RECORDED;

/// Audits everything below `folder`, as on the day the cases were recorded; paths are reported relative to it.
fn audit(folder: &Path, rules: ChannelRules, names: &[&str]) -> Vec<Audited> {
    let expected =
        |name: &&str| ExpectedName { name: name.parse().unwrap(), source: NameSource::ExpectSan, advised: false };
    let audit = Criteria {
        now: Timestamp::parse_rfc3339(RECORDED).unwrap(),
        channel_rules: rules,
        expectation: Expectation { names: names.iter().map(expected).collect(), ..Expectation::default() },
        policy: Policy::default(),
        load: LoadOptions {
            base: folder.to_owned(),
            here: folder.to_owned(),
            variables: fabcert::manifests::Variables::new(),
        },
    };
    let disk = Disk::real();
    let paths: Vec<PathBuf> = vec![folder.to_owned()];
    let mut units = Vec::new();
    walk(&disk, &WalkOptions { paths: &paths, excluded: &|_: &Path| false }, &mut |unit| units.push(unit)).unwrap();
    units.iter().filter_map(|unit| audit.unit(&disk, unit).unwrap()).collect()
}
