//! From a request to a run: reads policy and baseline, and derives the expected names.

use std::path::{Path, PathBuf};

use super::request::{AuditRequest, Expected, PolicyChoice};
use super::run::Run;
use super::unit::Criteria;
use crate::Error;
use crate::audit::input::LoadOptions;
use crate::audit::model::expectation::{Expectation, ExpectedName, NameSource};
use crate::disk::Disk;
use crate::pki::name::{NameRequest, NameSet, SanName, check_place};
use crate::policy::{Baseline, Policy};

impl AuditRequest {
    /// Reads policy and baseline.
    pub(crate) fn prepare(self, disk: &Disk) -> Result<Run, Error> {
        let here = Disk::working_directory()?;
        let found = match &self.policy {
            PolicyChoice::None => None,
            PolicyChoice::Nearest => Policy::nearest(disk, &here)?,
            PolicyChoice::File(path) => Some(here.join(path)),
        };
        let (mut policy, base) = match found {
            Some(path) => Policy::read(disk, &path)?,
            None => (Policy::default(), self.base.clone().unwrap_or_else(|| here.clone())),
        };
        policy.exclude.extend(self.exclude.iter().cloned());
        let load = LoadOptions { base, here, variables: self.variables.clone() };
        let baseline = match &self.baseline {
            Some(path) => Some(Baseline::read(disk, path)?.at(load.shown(path))),
            None => None,
        };
        let expectation = self.expectation()?;
        let criteria = Criteria { now: self.now, channel_rules: self.channel_rules, expectation, policy, load };
        Ok(Run { disk: disk.clone(), criteria, baseline, request: self })
    }

    /// The names and the role that every subject must hold. The short form of a Service name is required; the longer
    /// ones are advised, since no manifest is known to dial them.
    fn expectation(&self) -> Result<Expectation, Error> {
        check_place(self.settings.namespace.as_deref(), &self.settings.cluster_domain)?;
        let mut names = Vec::new();
        let of = |sort: Expected| self.expected.iter().filter(move |(_, s)| *s == sort).map(|(text, _)| text);
        for text in of(Expected::San) {
            let name: SanName = text.parse::<SanName>()?;
            names.push(ExpectedName { name, source: NameSource::ExpectSan, advised: false });
        }
        let hosts = of(Expected::Hostname).map(|h| (h, NameSource::Hostname));
        let gateways = of(Expected::GatewayService).map(|g| (g, NameSource::GatewayService(g.clone())));
        for (service, source) in hosts.chain(gateways) {
            let forms = NameSet::derive(&NameRequest {
                sans: &[],
                hostnames: std::slice::from_ref(service),
                gateway_services: &[],
                namespace: self.settings.namespace.as_deref(),
                cluster_domain: &self.settings.cluster_domain,
            })?;
            names.extend(forms.sans().into_iter().enumerate().map(|(index, name)| ExpectedName {
                name,
                source: source.clone(),
                advised: index > 0,
            }));
        }
        Ok(Expectation { names, role: self.role, ..Expectation::default() })
    }

    /// The paths to audit: those of the request, and those of workload certificates elsewhere.
    pub(super) fn all_paths(&self, disk: &Disk, load: &LoadOptions) -> Vec<PathBuf> {
        let is_below = |path: &Path| {
            let path = load.shown(path);
            let is_outside = path.is_absolute() || path.starts_with("..");
            self.paths.iter().map(|named| load.shown(named)).any(|named| {
                // The empty path is the folder that paths are relative to.
                if named.as_os_str().is_empty() { !is_outside } else { path.starts_with(named) }
            })
        };
        // The walk refuses paths that do not exist.
        let is_missing = |path: &Path| matches!(disk.metadata_followed(path), Ok(None));
        let mapped = self.tls_of.iter().map(|(_, path)| path.clone());
        self.paths.iter().cloned().chain(mapped.filter(|path| !is_below(path) || is_missing(path))).collect()
    }
}
