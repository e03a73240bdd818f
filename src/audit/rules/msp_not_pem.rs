//! A file without a PEM block among certificates.

use super::check::{Check, Context};
use super::paste;
use crate::audit::catalogue::{INPUT_UNREADABLE, MSP_NOT_PEM, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Location, Subject};
use crate::msp::MspWarning;
use crate::text::shell_word;

pub(super) static CHECK: Check = Check { rule: &MSP_NOT_PEM, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(facts) = &subject.msp else { return };
    let passed_over: Vec<&MspWarning> = facts.warnings.iter().filter(|w| w.number.is_none()).collect();
    let is_passed_over = |path| passed_over.iter().any(|w| subject.inside(&w.path) == path);
    for warning in &passed_over {
        let path = subject.inside(&warning.path);
        let needed = warning.path.starts_with("signcerts") || warning.path.starts_with("cacerts");
        let seen = |c: &&crate::audit::model::subject::HeldCert| {
            c.at.path.parent() == path.parent() && !is_passed_over(c.at.path.clone())
        };
        if needed && !subject.certificates.iter().any(|c| seen(&c)) {
            // The folder has no other file, and Fabric refuses it for that reason.
            continue;
        }
        let here = subject.certificates.iter().find(|c| c.at.path == path);
        let (why, severity) = match here {
            Some(held) if held.at.block.is_none() => ("it is DER", Severity::Warning),
            Some(_) => (
                "Go finds no PEM block in it, perhaps due to a byte-order mark or a space before BEGIN",
                Severity::Warning,
            ),
            None if subject.troubles.iter().any(|t| t.at.path == path) => {
                ("its PEM block is damaged", Severity::Warning)
            }
            // Files of file managers and version control.
            None if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')) => continue,
            None => ("it holds no PEM block", Severity::Note),
        };
        findings.remove(&INPUT_UNREADABLE, &path);
        let remedy = match here {
            Some(held) if held.at.block.is_none() => paste::pem_of_der("x509", &path),
            Some(_) => format!("sed -i 's/^.*-----BEGIN /-----BEGIN /' {}", shell_word(&path.to_string_lossy())),
            None => MSP_NOT_PEM.remedy.to_owned(),
        };
        let at = Location::whole(path);
        findings
            .report(&MSP_NOT_PEM, &at, format!("Fabric ignores this file: {why}"))
            .severity(severity)
            .remedy(remedy)
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::audit::model::subject::Place;

    #[test]
    fn a_certificate_that_go_cannot_see_is_a_warning_and_a_readme_a_note() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        subject.path = "x".into();
        let mut root = subject.at(Place::RootCa).next().unwrap().clone();
        root.at.path = "x/cacerts/a.pem".into();
        let mut der = root.clone();
        der.at = Location::whole("x/cacerts/b.der");
        subject.certificates.extend([root, der]);
        assert!(found(&CHECK, &subject).is_empty());
        let warn = |path: &str| MspWarning { number: None, path: path.into(), reason: "no PEM".into() };
        let facts = subject.msp.get_or_insert_default();
        facts.warnings = vec![warn("cacerts/b.der"), warn("cacerts/README")];
        let levels: Vec<Severity> = found(&CHECK, &subject).iter().map(|f| f.severity).collect();
        assert_eq!(levels, [Severity::Warning, Severity::Note]);
        let remedy = &found(&CHECK, &subject)[0].remedy;
        assert!(
            remedy.starts_with("openssl x509 -inform der -in x/cacerts/b.der -out x/cacerts/b.der.pem"),
            "{remedy}"
        );
        subject.certificates.retain(|c| !c.at.path.ends_with("a.pem"));
        assert!(found(&CHECK, &subject).is_empty(), "the folder is empty for Fabric; another rule reports that");
    }
}
