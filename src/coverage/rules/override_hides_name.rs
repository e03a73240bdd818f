//! A connection profile that expects another name than it dials.

use crate::audit::catalogue::OVERRIDE_HIDES_NAME;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &OVERRIDE_HIDES_NAME, check };

fn check(covered: &Covered, findings: &mut Findings) {
    for profile in &covered.network.profiles {
        for host in &profile.hosts {
            let (Some(over), Some((dialled, _))) = (&host.name_override, host.endpoint()) else { continue };
            if over.text.eq_ignore_ascii_case(dialled) {
                continue;
            }
            let message = format!("it dials {dialled} and looks for {} in the certificate", over.text);
            let at = location(&profile.at.line(over.line));
            findings.report(&OVERRIDE_HIDES_NAME, &at, message).names([dialled.to_ascii_lowercase()]).add();
        }
    }
}
