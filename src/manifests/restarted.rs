//! Agents that replace their own pod, and folders of their identity that do not outlive it.

use super::Workload;
use super::container::{Container, EnvSource};
use super::requested::{Flags, split};

/// A folder of an identity that is lost with each restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostFolder {
    /// The container of the agent.
    pub(crate) container: String,
    /// The folder.
    pub(crate) folder: String,
    /// The `emptyDir` that holds it.
    pub(crate) volume: String,
    /// How the agent restarts its node: `evict` or `template`.
    pub(crate) how: String,
    /// The line of that.
    pub(crate) line: usize,
}

impl Workload {
    /// The folders that an agent in this workload loses when it replaces the pod (`fabcert agent --restart`).
    pub(crate) fn lost_folders(&self) -> Vec<LostFolder> {
        self.init_containers.iter().chain(&self.containers).flat_map(|container| self.lost_by(container)).collect()
    }

    fn lost_by(&self, container: &Container) -> Vec<LostFolder> {
        let words: Vec<(String, usize)> = container.words.iter().flat_map(split).collect();
        if !words.iter().any(|(word, _)| word == "agent") {
            return Vec::new();
        }
        let given = |flag: &str, variable: &str| {
            let flags = Flags(&words).values(&[flag]);
            let set = container.env.iter().filter_map(|one| match &one.source {
                EnvSource::Value(value) if one.name == variable && !value.is_empty() => Some((value.clone(), one.line)),
                _ => None,
            });
            flags.into_iter().chain(set).collect::<Vec<_>>()
        };
        let restart = given("--restart", "FABCERT_RESTART").into_iter().next();
        let Some((how, line)) = restart.filter(|(how, _)| matches!(how.as_str(), "evict" | "template")) else {
            return Vec::new();
        };
        if !given("--k8s-secret", "FABCERT_K8S_SECRET").is_empty() {
            return Vec::new();
        }
        let folders = given("--msp-dir", "FABCERT_MSP_DIR").into_iter().chain(given("--tls-dir", "FABCERT_TLS_DIR"));
        let lost = |(folder, _): (String, usize)| {
            let is_below = |point: &str| {
                let rest = folder.strip_prefix(point.trim_end_matches('/'));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let mounts = container.mounts.iter().filter(|mount| is_below(&mount.path));
            let mount = mounts.max_by_key(|mount| mount.path.trim_end_matches('/').len())?;
            let is_lost = self.volumes.iter().any(|volume| volume.name == mount.volume && volume.is_empty_dir);
            is_lost.then(|| LostFolder {
                container: container.name.clone(),
                folder: folder.clone(),
                volume: mount.volume.clone(),
                how: how.clone(),
                line,
            })
        };
        folders.filter_map(lost).collect()
    }
}
