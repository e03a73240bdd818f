//! Where a node's TLS certificate comes from: a Secret that it mounts, or a request.

use std::collections::BTreeSet;

use super::container::{Container, Mount};
use super::meta::Meta;
use super::near::Named;
use super::network::Network;
use super::requested::Requested;
use super::workload::{VolumeSource, Workload};

/// The source of a node's TLS certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holding<'a> {
    /// Requested by a Certificate, the one at this index of [`Network::certificates`].
    Certificate(usize),
    /// Requested by a command or an operator.
    Requested(Requested),
    /// Present in the manifests.
    Pem(HeldPem<'a>),
}

/// A certificate inside a Secret or a `ConfigMap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldPem<'a> {
    /// The object.
    pub(crate) object: &'a Meta,
    /// Certificates (PEM, one or many), the node's own first.
    pub(crate) pem: &'a str,
}

impl Network {
    /// Returns the known sources of a workload's TLS certificate: more than one if both a Certificate and its Secret
    /// are present.
    pub(crate) fn holdings(&self, w: usize) -> Vec<Holding<'_>> {
        let workload = &self.workloads[w];
        if let Some(operated) = &workload.operated {
            return vec![Holding::Requested(operated.requested.clone())];
        }
        let Some(node) = &self.nodes[w] else { return Vec::new() };
        let mounts = &workload.containers[node.container].mounts;
        let place = node.certificate_file.as_deref().and_then(|file| place_of(file, mounts));
        match place {
            Some((mount, rest)) => {
                // A volume that the pod does not define is a claim of a StatefulSet.
                let volume = workload.volumes.iter().find(|v| v.name == mount.volume);
                let Some(volume) = volume.filter(|v| !v.sources.is_empty()) else {
                    let enrolled = Self::enrolled(workload, &mount.volume);
                    return if enrolled.is_empty() { self.copied(workload, &mount.volume) } else { enrolled };
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

    /// Reads a key of a mounted Secret or `ConfigMap`. Returns nothing if several namespaces have such an object and
    /// the namespace of the pod is unknown.
    fn in_source(&self, pod: &Meta, source: &VolumeSource, key: &str) -> Vec<Holding<'_>> {
        let mut found = Vec::new();
        if pod.namespace.is_none() && self.namespaces_of(source).len() > 1 {
            return found;
        }
        // Those that may be in the pod's namespace, and of several with the same name the nearest.
        let near = |named: &Named, name: &str| named.nearest(name, pod.namespace.as_deref(), &pod.at.path);
        if !source.is_secret {
            let maps = near(&self.index.config_maps, &source.name).into_iter().map(|m| &self.config_maps[m]);
            found.extend(maps.filter_map(|m| held_pem(&m.meta, &m.certificates, key)));
            return found;
        }
        if key != "ca.crt" {
            let keys = self.index.certificate_keys(&source.name).iter();
            let mut requesting: Vec<usize> = keys.flat_map(|key| near(&self.index.certificates, key)).collect();
            requesting.sort_unstable();
            found.extend(requesting.into_iter().map(Holding::Certificate));
        }
        let secrets = near(&self.index.secrets, &source.name).into_iter().map(|s| &self.secrets[s]);
        found.extend(secrets.filter_map(|s| held_pem(&s.meta, &s.certificates, key)));
        found
    }

    /// The namespaces of the objects that a source may be; more than two are not counted.
    fn namespaces_of(&self, source: &VolumeSource) -> BTreeSet<&str> {
        let index = &self.index;
        if !source.is_secret {
            return index.config_maps.get(&source.name).into_iter().flat_map(|n| n.namespaces().take(2)).collect();
        }
        let keys = index.certificate_keys(&source.name).iter();
        let requesting = keys.filter_map(|key| index.certificates.get(key));
        let found = requesting.chain(index.secrets.get(&source.name));
        found.flat_map(|named| named.namespaces().take(2)).collect()
    }

    /// Returns the certificates that init containers enrol into an initially empty volume.
    fn enrolled(workload: &Workload, volume: &str) -> Vec<Holding<'static>> {
        let containers = workload.init_containers.iter().filter(|c| c.mounts.iter().any(|m| m.volume == volume));
        let requested = containers.filter_map(|c| {
            let by = format!("init container {} of {}", c.name, workload.meta);
            let at = workload.meta.at.line(c.words.first().map_or(workload.meta.at.line, |w| w.line));
            Requested::by_command(&c.words, &by, &at)
        });
        requested.map(Holding::Requested).collect()
    }

    /// Returns the certificate that an init container copies from a Secret into an initially empty volume: it mounts
    /// exactly one server certificate, and its command names the folder. A command that enrols reads only trust anchors
    /// from a Secret.
    fn copied(&self, workload: &Workload, volume: &str) -> Vec<Holding<'_>> {
        let containers = workload.init_containers.iter().filter(|c| c.mounts.iter().any(|m| m.volume == volume));
        let says = |c: &Container, text: &str| c.words.iter().any(|word| word.text.contains(text));
        let is_agent = |c: &Container| c.words.iter().any(|word| word.text == "agent") || says(c, "fabcert agent");
        let copying = containers.filter(|c| !says(c, "enroll") && !is_agent(c));
        let named = copying.flat_map(|c| c.mounts.iter().filter(|m| says(c, m.path.trim_end_matches('/'))));
        let mounted: BTreeSet<&str> = named.map(|m| m.volume.as_str()).collect();
        let sources = workload.volumes.iter().filter(|v| mounted.contains(v.name.as_str())).flat_map(|v| &v.sources);
        let held = |source: &VolumeSource| self.server_certificate(&workload.meta, source);
        let mut found = sources.filter(|s| s.is_secret).map(held).filter(|held| !held.is_empty());
        match (found.next(), found.next()) {
            (Some(one), None) => one,
            _ => Vec::new(),
        }
    }

    /// Returns the server certificate in a Secret, under one of its usual keys.
    fn server_certificate(&self, pod: &Meta, source: &VolumeSource) -> Vec<Holding<'_>> {
        let keys = ["tls.crt", "server.crt"];
        let is_mounted = |key: &&&str| source.items.is_empty() || source.items.iter().any(|(of, _)| of == **key);
        let keys = keys.iter().filter(is_mounted);
        let mut held = keys.map(|key| self.in_source(pod, source, key)).find(|f| !f.is_empty()).unwrap_or_default();
        held.retain(|h| !matches!(h, Holding::Certificate(c) if self.certificates[*c].is_ca));
        held
    }

    /// Returns every server certificate that is mounted or enrolled, for environments that do not name the file.
    fn guessed(&self, workload: &Workload) -> Vec<Holding<'_>> {
        let mut found = Vec::new();
        for source in workload.volumes.iter().flat_map(|v| &v.sources).filter(|s| s.is_secret) {
            found.extend(self.server_certificate(&workload.meta, source));
        }
        if found.is_empty() {
            let empty = workload.volumes.iter().filter(|v| v.sources.is_empty());
            found.extend(empty.flat_map(|v| Self::enrolled(workload, &v.name)));
            found.dedup();
        }
        found
    }
}

impl VolumeSource {
    /// Returns the key that becomes the file `rest` below a mount.
    fn key(&self, mount: &Mount, rest: &str) -> String {
        let file = match &mount.sub_path {
            Some(sub) if rest.is_empty() => sub.text.clone(),
            Some(sub) => format!("{}/{rest}", sub.text),
            None => rest.to_owned(),
        };
        self.items.iter().find(|(_, path)| *path == file).map_or(file, |(key, _)| key.clone())
    }
}

/// Returns the certificate under a key of an object.
fn held_pem<'a>(object: &'a Meta, certificates: &'a [(String, String)], key: &str) -> Option<Holding<'a>> {
    let (_, pem) = certificates.iter().find(|(known, _)| known == key)?;
    Some(Holding::Pem(HeldPem { object, pem }))
}

/// Returns the innermost mount that contains a file, and the rest of its path.
fn place_of<'a>(file: &'a str, mounts: &'a [Mount]) -> Option<(&'a Mount, &'a str)> {
    let below = |mount: &'a Mount| {
        let rest = file.strip_prefix(mount.path.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| (mount, rest.trim_start_matches('/')))
    };
    mounts.iter().filter_map(below).max_by_key(|(mount, _)| mount.path.len())
}
