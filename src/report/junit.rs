//! `JUnit` XML, as CI systems read it: a test case for each subject and one for each finding of it that fails.

use std::cmp::Ordering;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::times::Times;
use crate::audit::ledger::{Sorted, Sorter};
use crate::audit::{Finding, Report, Severity};
use crate::text::escape::xml;

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let subjects = report.subjects.iter().map(|subject| Case::new(&subject.path, 0, None));
    let findings = (1..).zip(report.findings.iter());
    let findings = findings.map(|(number, mut finding)| {
        let path = std::mem::take(&mut finding.path);
        Case::new(&path, number, Some(finding))
    });
    let sorted = subjects.chain(findings).collect::<Sorter<_>>().sorted();
    let (tests, failures) = (cases(&sorted).count(), report.summary.errors + report.summary.warnings);
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"fabcert audit\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"0\">\n  <testsuite name=\"fabcert audit\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"0\">\n"
    )?;
    // GitLab skips a test case with repeated names.
    let mut times =
        Times::among(cases(&sorted).filter_map(|case| Some(both(&case.path, &name(case.finding.as_ref()?)))));
    for Case { path, finding, .. } in cases(&sorted) {
        let class = xml(&path);
        let Some(finding) = finding else {
            writeln!(out, "    <testcase name=\"audit\" classname=\"{class}\" time=\"0\"/>")?;
            continue;
        };
        let name = name(&finding);
        let number = match times.nth(&both(&path, &name)) {
            1 => String::new(),
            n => format!(" ({n})"),
        };
        write!(out, "    <testcase name=\"{}{number}\" classname=\"{class}\" time=\"0\"", xml(&name))?;
        let text = xml(&format!("{}\nfix: {}", describe(&finding), finding.remedy));
        if finding.severity == Severity::Note {
            writeln!(out, ">\n      <system-out>{text}</system-out>\n    </testcase>")?;
        } else {
            writeln!(
                out,
                ">\n      <failure type=\"{}\" message=\"{}\">{text}</failure>\n    </testcase>",
                finding.severity.as_str(),
                xml(&finding.message)
            )?;
        }
    }
    out.write_all(b"  </testsuite>\n</testsuites>\n")
}

/// The cases in order. A subject without findings is a case of its own.
fn cases(sorted: &Sorted<Case>) -> impl Iterator<Item = Case> {
    let mut cases = sorted.iter().peekable();
    std::iter::from_fn(move || {
        loop {
            let case = cases.next()?;
            if case.finding.is_some() || cases.peek().is_none_or(|next| next.path != case.path) {
                return Some(case);
            }
        }
    })
}

fn name(finding: &Finding) -> String {
    format!("{}{}", finding.rule, finding.line.map(|l| format!(" line {l}")).unwrap_or_default())
}

/// The two names of a case, joined.
fn both(path: &str, name: &str) -> String {
    format!("{name} {path}")
}

fn describe(finding: &Finding) -> String {
    match &finding.subject {
        Some(subject) => format!("{}[{}] {subject}: {}", finding.severity.as_str(), finding.rule, finding.message),
        None => format!("{}[{}] {}", finding.severity.as_str(), finding.rule, finding.message),
    }
}

/// A subject or a finding, by its path and then in the order of the report.
#[derive(Serialize, Deserialize)]
struct Case {
    path: String,
    number: u64,
    /// Without its path.
    finding: Option<Finding>,
}

impl Case {
    fn new(path: &std::path::Path, number: u64, finding: Option<Finding>) -> Self {
        Self { path: path.to_string_lossy().into_owned(), number, finding }
    }
}

impl Ord for Case {
    fn cmp(&self, other: &Self) -> Ordering {
        self.path.cmp(&other.path).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Case {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Case {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Case {}
