//! Fabric passes over a file, or takes less from the MSP than stands there.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Location;
use crate::audit::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "msp-unseen",
    title: "something in the MSP is accepted in silence and does not do what it should",
    rationale: "Fabric passes over files it cannot read, revocation lists in DER, OU certificates that are \
                missing, keys that do not fit their name, and says so in a warning at most.",
    remedy: "mend or remove the file",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getPemMaterialFromDir" }],
    refusals: &[],
    applies: |subject, _| subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(facts) = &subject.msp else { return };
    for warning in &facts.warnings {
        let number = warning.number.map(|n| format!(" (case {n})")).unwrap_or_default();
        let at = Location::whole(subject.inside(&warning.path));
        findings.report(&RULE, &at, format!("{}{number}", warning.reason)).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::msp::MspWarning;

    #[test]
    fn what_fabric_would_warn_of_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        assert!(found(&RULE, &subject).is_empty());
        let warning =
            MspWarning { number: Some(67), path: "crls/a.der".into(), reason: "so nothing is revoked".into() };
        subject.msp.get_or_insert_default().warnings.push(warning);
        assert!(found(&RULE, &subject)[0].path.ends_with("crls/a.der"));
    }
}
