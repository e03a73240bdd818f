//! Names that more objects have than are looked at.

use std::collections::BTreeSet;

use super::container::EnvSource;
use super::meta::At;
use super::near::{MOST_ALIKE, Named};
use super::network::Network;
use super::workload::Workload;

impl Network {
    /// The Secrets and `ConfigMap`s of workloads of which some were not looked at, because more than [`MOST_ALIKE`] have the
    /// name: each kind and name once, in words, with the first workload that uses it.
    pub(crate) fn crowded(&self) -> Vec<(String, &At)> {
        let mut found = Vec::new();
        let mut known: BTreeSet<(bool, &str)> = BTreeSet::new();
        for workload in &self.workloads {
            let secrets = workload.mounted(true).map(|name| (true, name));
            let maps = workload.mounted(false).chain(environment(workload)).map(|name| (false, name));
            for (is_secret, name) in secrets.chain(maps) {
                if !known.contains(&(is_secret, name)) && self.is_crowded(workload, is_secret, name) {
                    known.insert((is_secret, name));
                    let kind = if is_secret { "Secrets or Certificates of the Secret" } else { "ConfigMaps" };
                    let words = format!(
                        "more than {MOST_ALIKE} {kind} \"{name}\" may be the one that {} uses; only the first were looked at",
                        workload.meta
                    );
                    found.push((words, &workload.meta.at));
                }
            }
        }
        found
    }

    fn is_crowded(&self, workload: &Workload, is_secret: bool, name: &str) -> bool {
        let (namespace, file) = (workload.meta.namespace.as_deref(), &workload.meta.at.path);
        let is_cut = |named: &Named, key: &str| named.leaves_out(key, namespace, file);
        if !is_secret {
            return is_cut(&self.index.config_maps, name);
        }
        is_cut(&self.index.secrets, name)
            || self.index.certificate_keys(name).iter().any(|key| is_cut(&self.index.certificates, key))
    }
}

/// The names of the `ConfigMap`s with variables of a workload's containers.
fn environment(workload: &Workload) -> impl Iterator<Item = &str> {
    workload.containers.iter().flat_map(|container| {
        let whole = container.env_from.iter().map(|from| from.config_map.as_str());
        let single = container.env.iter().filter_map(|variable| match &variable.source {
            EnvSource::ConfigMap { name, .. } => Some(name.as_str()),
            EnvSource::Value(_) | EnvSource::Elsewhere => None,
        });
        whole.chain(single)
    })
}
