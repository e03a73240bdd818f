//! A serial number outside the allowed range.

use super::check::{Check, Context};
use crate::audit::catalogue::{SERIAL_ODD, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &SERIAL_ODD, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let serial = held.cert.serial();
        let (severity, what) = if serial.first().is_some_and(|b| b & 0x80 != 0) {
            (Severity::Error, "negative: Go, and so Fabric, cannot read such a certificate".to_owned())
        } else if serial.iter().all(|b| *b == 0) {
            (Severity::Warning, "zero".to_owned())
        } else if serial.len() > 20 {
            (Severity::Warning, format!("{} bytes long", serial.len()))
        } else {
            continue;
        };
        findings
            .report(&SERIAL_ODD, &held.at, format!("the serial number is {what}"))
            .subject(held.cert.subject())
            .severity(severity)
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, found, server, tls_folder};

    #[test]
    fn only_negative_numbers_are_refused() {
        let root = ca("ca").self_signed();
        let mut longest = vec![0x7f; 20];
        let with = |serial: &[u8]| {
            let mut spec = server("p", &["p"]);
            spec.serial = serial.to_vec();
            found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).first().map(|f| f.severity)
        };
        assert_eq!(with(&[0x80]), Some(Severity::Error));
        assert_eq!(with(&[0]), Some(Severity::Warning));
        assert_eq!(with(&longest), None);
        longest.push(1);
        assert_eq!(with(&longest), Some(Severity::Warning));
    }
}
