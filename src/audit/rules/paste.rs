//! Remedies as lines that can be pasted into a shell.

use std::path::Path;

use crate::audit::model::subject::{Place, Subject, SubjectKind};
use crate::text::shell_word;

/// The command that enrols a subject again, with these comma-separated names, if there are any. `force`: `fabcert enroll`
/// may find nothing to do. A comment asks for the other flags of the last enrolment, such as those of the CA.
pub(super) fn enrol(subject: &Subject, names: &str, force: bool) -> String {
    let force = if force { " --force" } else { "" };
    let names = if names.is_empty() { String::new() } else { format!(" --san {}", shell_word(names)) };
    let path = shell_word(&subject.path.to_string_lossy());
    let folder = match subject.kind {
        SubjectKind::Msp => format!(" --msp-dir {path}"),
        SubjectKind::Tls => match file_of_server(subject) {
            Some(file) if file.starts_with("signcerts") => format!(" --profile tls --msp-dir {path}"),
            Some(file) if file == Path::new("tls.crt") => format!(" --tls-dir {path} --tls-names k8s"),
            _ => format!(" --tls-dir {path}"),
        },
        _ => String::new(),
    };
    format!("fabcert enroll{force}{names}{folder} # and the flags of the last enrolment")
}

/// The path of the server certificate in a TLS folder.
fn file_of_server(subject: &Subject) -> Option<&Path> {
    let held = subject.at(Place::Server).next()?;
    held.at.path.strip_prefix(&subject.path).ok()
}

/// The command that replaces a DER file with a PEM file; `kind` is `x509` or `crl`.
pub(super) fn pem_of_der(kind: &str, path: &Path) -> String {
    let path = shell_word(&path.to_string_lossy());
    format!("openssl {kind} -inform der -in {path} -out {path}.pem && rm {path}")
}

/// The command that moves a file or folder, without overwriting anything.
pub(super) fn rename(from: &Path, to: &Path) -> String {
    format!("mv -nT {} {}", shell_word(&from.to_string_lossy()), shell_word(&to.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, server, tls_folder};
    use super::*;

    #[test]
    fn a_folder_is_enrolled_in_its_own_layout() {
        let root = ca("root").self_signed();
        let mut subject = tls_folder(&server("peer1", &["peer1"]).issued_by(&root), &root);
        let dir = subject.path.display().to_string();
        let end = " # and the flags of the last enrolment";
        assert_eq!(enrol(&subject, "a,*.b", false), format!("fabcert enroll --san 'a,*.b' --tls-dir {dir}{end}"));
        let mut in_file = |name: &str| {
            let path = subject.path.join(name);
            let held = subject.certificates.iter_mut().find(|c| c.place == Place::Server).unwrap();
            held.at.path = path;
            enrol(&subject, "", true)
        };
        assert_eq!(in_file("tls.crt"), format!("fabcert enroll --force --tls-dir {dir} --tls-names k8s{end}"));
        let go = in_file("signcerts/cert.pem");
        assert_eq!(go, format!("fabcert enroll --force --profile tls --msp-dir {dir}{end}"));
    }
}
