//! The content of a policy file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::ignore::Ignore;
use super::levels::Level;
use super::member::MemberEntry;
use super::parse::PolicyError;
use super::placeholder::fill;
use crate::audit::model::expectation::{Expectation, ExpectedName, NameSource};
use crate::pki::name::SanName;
use crate::pki::x509::NodeOu;
use crate::text::Pattern;

/// The name of the policy file.
pub(crate) const POLICY_FILE: &str = "fabcert.yaml";

/// A policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// The file, as reported.
    pub(crate) path: PathBuf,
    /// The expected content of subjects; every entry whose path matches applies.
    pub(crate) expect: Vec<ExpectEntry>,
    /// The locations of TLS certificates.
    pub(crate) members: Vec<MemberEntry>,
    /// Levels by rule id.
    pub(crate) levels: Vec<(String, Level)>,
    /// Excluded paths.
    pub(crate) exclude: Vec<Pattern>,
    /// Ignored findings.
    pub(crate) ignore: Vec<Ignore>,
}

/// The expected content of the subjects at some paths.
#[derive(Clone, Debug)]
pub(crate) struct ExpectEntry {
    /// The subjects, by path relative to the policy file's folder.
    pub(crate) path: Pattern,
    /// Names with placeholders, each with its line.
    pub(crate) names: Vec<(String, usize)>,
    /// Gateway Services, each with its line.
    pub(crate) gateway_services: Vec<(String, usize)>,
    /// The NodeOU of identities.
    pub(crate) role: Option<NodeOu>,
    /// The number of days left below which a finding is an error.
    pub(crate) min_days_left: Option<i64>,
    /// The number of days left below which a finding is a warning.
    pub(crate) warn_days_left: Option<i64>,
}

impl Policy {
    /// The expected content of a subject at `path`: `base` (from the command line) and every entry that matches.
    ///
    /// # Errors
    /// If a name is invalid after its placeholders are replaced.
    pub(crate) fn expectation(&self, base: &Expectation, path: &Path) -> Result<Expectation, PolicyError> {
        let mut out = base.clone();
        let mut known: HashSet<(SanName, bool)> = HashSet::new();
        let mut push = |names: &mut Vec<ExpectedName>, name: ExpectedName| {
            if known.is_empty() {
                known.extend(names.iter().map(|n| (n.name.clone(), n.advised)));
            }
            if known.insert((name.name.clone(), name.advised)) {
                names.push(name);
            }
        };
        for entry in &self.expect {
            let found = entry.path.captures(path);
            let line = entry.names.iter().chain(&entry.gateway_services).map(|(_, line)| *line).next().unwrap_or(1);
            let Some(captures) = found.map_err(|e| PolicyError { line, reason: e.to_string() })? else { continue };
            for (text, line) in &entry.names {
                let source = NameSource::Policy { path: self.path.display().to_string(), line: *line };
                let name = fill(text, &captures);
                let name: SanName = name.parse().map_err(|e: crate::pki::name::NameError| PolicyError {
                    line: *line,
                    reason: format!("\"{name}\" (from \"{text}\") is not a valid name: {e}"),
                })?;
                push(&mut out.names, ExpectedName { name, source, advised: false });
            }
            for (text, line) in &entry.gateway_services {
                let service = fill(text, &captures);
                let name: SanName = service.parse().map_err(|e: crate::pki::name::NameError| PolicyError {
                    line: *line,
                    reason: format!("\"{service}\" (from \"{text}\") is not a valid Service name: {e}"),
                })?;
                let source = NameSource::GatewayService(service);
                push(&mut out.names, ExpectedName { name, source, advised: false });
            }
            out.role = entry.role.or(out.role);
            out.min_days_left = entry.min_days_left.unwrap_or(out.min_days_left);
            out.warn_days_left = entry.warn_days_left.unwrap_or(out.warn_days_left).max(out.min_days_left);
        }
        Ok(out)
    }

    /// Whether `path` is excluded.
    pub(crate) fn excludes(&self, path: &Path) -> bool {
        self.exclude.iter().any(|p| p.matches(path))
    }
}
