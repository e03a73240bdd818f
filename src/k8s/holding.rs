//! The TLS certificate of a node: in a Secret that it mounts, or as somebody asks for it.

use super::container::Mount;
use super::meta::{At, Meta};
use super::network::Network;
use super::requested::Requested;
use super::workload::{VolumeSource, Workload};

/// Where a node's TLS certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// It is asked for with these names, by the Certificate at this place of [`Network::certificates`] or by somebody else.
    Requested(Requested, Option<usize>),
    /// It is there.
    Pem(HeldPem),
}

/// A certificate inside a Secret or a `ConfigMap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPem {
    /// What holds it, in words.
    pub by: String,
    /// The object.
    pub at: At,
    /// Certificates (PEM, one or many), the node's own first.
    pub pem: String,
}

impl Network {
    /// What is known of a workload's TLS certificate; several when a Certificate and the Secret that came of it are both there.
    pub fn holdings(&self, w: usize) -> Vec<Holding> {
        let workload = &self.workloads[w];
        if let Some(operated) = &workload.operated {
            return vec![Holding::Requested(operated.requested.clone(), None)];
        }
        let Some(node) = &self.nodes[w] else { return Vec::new() };
        let mounts = &workload.containers[node.container].mounts;
        let place = node.certificate_file.as_deref().and_then(|file| place_of(file, mounts));
        match place {
            Some((mount, rest)) => {
                // A volume that is none of the pod's own is a claim of a StatefulSet.
                let volume = workload.volumes.iter().find(|v| v.name == mount.volume);
                let Some(volume) = volume.filter(|v| !v.sources.is_empty()) else {
                    return Self::enrolled(workload, &mount.volume);
                };
                volume
                    .sources
                    .iter()
                    .flat_map(|source| self.in_source(&workload.meta, source, &source.key(mount, rest)))
                    .collect()
            }
            None => self.guessed(workload),
        }
    }

    /// What is mounted from a Secret or a `ConfigMap` under a key.
    fn in_source(&self, pod: &Meta, source: &VolumeSource, key: &str) -> Vec<Holding> {
        let mut found = Vec::new();
        if source.is_secret {
            for (index, certificate) in self.certificates.iter().enumerate() {
                if certificate.secret_name == source.name
                    && certificate.meta.may_share_namespace(pod)
                    && key != "ca.crt"
                {
                    found.push(Holding::Requested(certificate.requested.clone(), Some(index)));
                }
            }
        }
        let secrets = self.secrets.iter().filter(|_| source.is_secret).map(|s| (&s.meta, &s.certificates));
        let maps = self.config_maps.iter().filter(|_| !source.is_secret).map(|m| (&m.meta, &m.certificates));
        for (meta, certificates) in secrets.chain(maps) {
            if meta.name == source.name && meta.may_share_namespace(pod) {
                let held = certificates.iter().find(|(k, _)| k == key);
                found.extend(held.map(|(_, pem)| {
                    Holding::Pem(HeldPem { by: meta.to_string(), at: meta.at.clone(), pem: pem.clone() })
                }));
            }
        }
        found
    }

    /// What an init container enrols into a volume that begins empty.
    fn enrolled(workload: &Workload, volume: &str) -> Vec<Holding> {
        let containers = workload.init_containers.iter().filter(|c| c.mounts.iter().any(|m| m.volume == volume));
        let requested = containers.filter_map(|c| {
            let by = format!("init container {} of {}", c.name, workload.meta);
            let at = workload.meta.at.line(c.words.first().map_or(workload.meta.at.line, |w| w.line));
            Requested::by_command(&c.words, &by, &at)
        });
        requested.map(|r| Holding::Requested(r, None)).collect()
    }

    /// Where the environment does not say which file it is: every certificate for servers that is mounted or enrolled.
    fn guessed(&self, workload: &Workload) -> Vec<Holding> {
        let mut found = Vec::new();
        for source in workload.volumes.iter().flat_map(|v| &v.sources).filter(|s| s.is_secret) {
            let keys = ["tls.crt", "server.crt"];
            let held = keys.iter().map(|key| self.in_source(&workload.meta, source, key)).find(|f| !f.is_empty());
            found.extend(held.unwrap_or_default());
        }
        let is_ca = |h: &Holding| matches!(h, Holding::Requested(_, Some(c)) if self.certificates[*c].is_ca);
        found.retain(|h| !is_ca(h));
        if found.is_empty() {
            let empty = workload.volumes.iter().filter(|v| v.sources.is_empty());
            found.extend(empty.flat_map(|v| Self::enrolled(workload, &v.name)));
            found.dedup();
        }
        found
    }
}

impl VolumeSource {
    /// The key that becomes the file `rest` below a mount.
    fn key(&self, mount: &Mount, rest: &str) -> String {
        let file = match &mount.sub_path {
            Some(sub) if rest.is_empty() => sub.clone(),
            Some(sub) => format!("{sub}/{rest}"),
            None => rest.to_owned(),
        };
        self.items.iter().find(|(_, path)| *path == file).map_or(file, |(key, _)| key.clone())
    }
}

/// The innermost mount that a file lies below, and the rest of its path.
fn place_of<'a>(file: &'a str, mounts: &'a [Mount]) -> Option<(&'a Mount, &'a str)> {
    let below = |mount: &'a Mount| {
        let rest = file.strip_prefix(mount.path.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| (mount, rest.trim_start_matches('/')))
    };
    mounts.iter().filter_map(below).max_by_key(|(mount, _)| mount.path.len())
}
