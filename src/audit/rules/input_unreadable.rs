//! A file or folder could not be read.

use super::check::{Check, Context};
use crate::audit::catalogue::{INPUT_UNREADABLE, Severity};
use crate::audit::input::is_promising;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;
use crate::text::shell_word;

pub(super) static CHECK: Check =
    Check { rule: &INPUT_UNREADABLE, applies: |subject, _| !subject.troubles.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let severity = match (subject.is_named, subject.is_blank) {
        // A shell that expands a pattern names every file.
        (true, true) if !is_promising(&subject.path) => Severity::Note,
        // A file that was named explicitly must get a result.
        (true, _) => Severity::Error,
        (false, _) => INPUT_UNREADABLE.severity,
    };
    for trouble in subject.troubles.iter().filter(|t| *t.rule == INPUT_UNREADABLE) {
        let path = shell_word(&trouble.at.path.to_string_lossy());
        let remedy = format!(
            "give the auditing user read access, fix the file, or leave it out with --exclude: ls -l {path}, fabcert inspect {path}"
        );
        findings
            .report(&INPUT_UNREADABLE, &trouble.at, trouble.reason.as_str())
            .severity(severity)
            .remedy(remedy)
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::audit::model::subject::{Location, Trouble};

    #[test]
    fn troubles_are_reported() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        assert!(found(&CHECK, &subject).is_empty());
        let trouble = Trouble { at: Location::whole("a.pem"), rule: &INPUT_UNREADABLE, reason: "it is cut".into() };
        subject.troubles.push(trouble);
        assert_eq!(found(&CHECK, &subject)[0].severity, Severity::Warning);
        subject.is_named = true;
        assert_eq!(found(&CHECK, &subject)[0].severity, Severity::Error, "the file was named explicitly");
        subject.is_blank = true;
        subject.path = "README.md".into();
        assert_eq!(found(&CHECK, &subject)[0].severity, Severity::Note, "a shell named it");
        subject.path = "server.crt".into();
        assert_eq!(found(&CHECK, &subject)[0].severity, Severity::Error, "and promises a certificate");
    }
}
