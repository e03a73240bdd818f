//! The audit: of folders through the library, and of everything through the binary.

mod deadline;
mod inputs;
pub(crate) mod live;
mod msp_rules;
mod odd_inputs;
mod pairs;
mod policy;
mod possession;
mod probe;
pub(crate) mod scene;
mod verdicts;

use std::path::Path;

use fabcert::Timestamp;
use fabcert::audit::Report;
use fabcert::msp::ChannelRules;

use crate::verdicts::RECORDED;

/// Audits everything below `folder`, as on the day the cases were recorded; paths are reported relative to it.
fn audit(folder: &Path, rules: ChannelRules, names: &[&str]) -> Report {
    let request = fabcert::audit([folder], Timestamp::parse_rfc3339(RECORDED).unwrap());
    let request = names.iter().fold(request, |request, name| request.expect_san(*name));
    request.channel_rules(rules).base(folder).run().unwrap()
}
