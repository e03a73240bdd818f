//! A baseline: findings that were there when the audit came to a repository. They are hidden, new ones are not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::{Error, ErrorKind};

/// A baseline file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    schema_version: u32,
    findings: Vec<Known>,
}

/// A finding that is known. Only the fingerprint counts; the rest is for readers.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    fingerprint: String,
    rule: String,
    path: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
}

/// What a baseline did to a list of findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many findings it hid.
    pub hidden: usize,
    /// Entries that hid nothing: what they were about is mended, or moved.
    pub stale: Vec<String>,
}

impl Baseline {
    /// A baseline of these findings.
    pub fn of(findings: &[Finding]) -> Self {
        let by_fingerprint: BTreeMap<&str, &Finding> = findings.iter().map(|f| (f.fingerprint.as_str(), f)).collect();
        let known = |f: &Finding| Known {
            fingerprint: f.fingerprint.clone(),
            rule: f.rule.to_owned(),
            path: f.path.clone(),
            subject: f.subject.clone(),
            names: f.names.clone(),
        };
        Self { schema_version: 1, findings: by_fingerprint.into_values().map(known).collect() }
    }

    /// Reads a baseline file; `path` is for the error.
    ///
    /// # Errors
    /// When it is none that fabcert wrote.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self, Error> {
        let refuse = |why: String| {
            Error::new(ErrorKind::Input, format!("{} is no baseline: {why}", path.display()))
                .with_help("write one with fabcert audit --write-baseline FILE")
        };
        let baseline: Self = serde_json::from_slice(text).map_err(|e| refuse(e.to_string()))?;
        if baseline.schema_version != 1 {
            return Err(refuse(format!("its schema_version is {}, and 1 is known", baseline.schema_version)));
        }
        Ok(baseline)
    }

    /// The file's content.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// How many findings it knows.
    pub fn len(&self) -> usize {
        self.findings.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Takes the known findings out of the list.
    pub fn apply(&self, findings: &mut Vec<Finding>) -> Applied {
        let mut used: BTreeMap<&str, bool> = self.findings.iter().map(|k| (k.fingerprint.as_str(), false)).collect();
        let before = findings.len();
        findings.retain(|f| match used.get_mut(f.fingerprint.as_str()) {
            Some(seen) => {
                *seen = true;
                false
            }
            None => true,
        });
        let stale = self
            .findings
            .iter()
            .filter(|k| used.get(k.fingerprint.as_str()) == Some(&false))
            .map(|k| format!("{} at {}", k.rule, k.path.display()))
            .collect();
        Applied { hidden: before - findings.len(), stale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Findings, Location, rule_by_id};

    fn finding(path: &str) -> Finding {
        let mut findings = Findings::new();
        let rule = rule_by_id("expired").expect("a rule");
        findings.report(rule, &Location::whole(path), "x").add();
        findings.into_vec().remove(0)
    }

    #[test]
    fn known_findings_are_hidden_and_new_ones_are_not() {
        let text = Baseline::of(&[finding("a"), finding("b"), finding("a")]).to_json();
        let baseline = Baseline::parse(text.as_bytes(), Path::new("b.json")).unwrap();
        assert_eq!(baseline.len(), 2);
        let mut findings = vec![finding("a"), finding("c")];
        let applied = baseline.apply(&mut findings);
        assert_eq!(findings, [finding("c")]);
        assert_eq!(applied, Applied { hidden: 1, stale: vec!["expired at b".to_owned()] });
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        for text in ["", "{}", "{\"schema_version\":2,\"findings\":[]}"] {
            assert_eq!(Baseline::parse(text.as_bytes(), Path::new("b.json")).unwrap_err().exit_code(), 4, "{text}");
        }
    }
}
