//! Resources that run pods: Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs and Pods.

use std::path::Path;
use std::sync::Arc;

use super::container::{Container, Mount};
use super::document::Word;
use super::meta::{Labels, Meta, labels};
use super::requested::Requested;
use crate::text::yaml::Node;

/// A workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// Kind, name, namespace, place.
    pub(crate) meta: Meta,
    /// The labels of its pods.
    pub(crate) labels: Labels,
    /// The number of pods; one if not given.
    pub(crate) replicas: u64,
    /// Its containers.
    pub(crate) containers: Vec<Container>,
    /// The containers that run before them.
    pub(crate) init_containers: Vec<Container>,
    /// Its volumes.
    pub(crate) volumes: Vec<Volume>,
    /// The headless Service that gives its pods names: `serviceName` of a `StatefulSet`, `subdomain` of a Pod.
    pub(crate) governing_service: Option<String>,
    /// `hostname` of the pods.
    pub(crate) hostname: Option<String>,
    /// Names in the pods' hosts file, each with its address.
    pub(crate) host_aliases: Vec<(String, Word)>,
    /// The node and its requested certificate, if the object is an operator's.
    pub(crate) operated: Option<Operated>,
}

/// A node that an operator makes from a custom resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operated {
    /// Peer or orderer.
    pub(crate) kind: super::FabricKind,
    /// The names that it will be enrolled with.
    pub(crate) requested: Requested,
    /// External hosts that lead to it.
    pub(crate) hosts: Vec<Word>,
}

/// A volume of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    /// Its name.
    pub(crate) name: String,
    /// The sources of its files; several for a projected volume.
    pub(crate) sources: Vec<VolumeSource>,
    /// Whether it is empty at first and deleted with the pod.
    pub(crate) is_empty_dir: bool,
}

/// The source of the files of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VolumeSource {
    /// Whether it is a Secret; otherwise it is a `ConfigMap`.
    pub(crate) is_secret: bool,
    /// The object's name.
    pub(crate) name: String,
    /// Keys with other file names, as key and path. If empty, each key is its own file name.
    pub(crate) items: Vec<(String, String)>,
}

/// The most pods of a workload whose names are derived.
const MOST_PODS: u64 = 100;

impl Workload {
    /// Reads a workload of a known kind.
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Option<Self> {
        let template: &[&str] = match kind {
            "Deployment"
            | "StatefulSet"
            | "DaemonSet"
            | "ReplicaSet"
            | "ReplicationController"
            | "Job"
            | "DeploymentConfig" => &["spec", "template"],
            "CronJob" => &["spec", "jobTemplate", "spec", "template"],
            "Pod" => &[],
            _ => return None,
        };
        let pod = document.find(template)?;
        let containers = |key: &str| pod.items_at(&["spec", key]).iter().map(Container::read).collect();
        let governing = if kind == "StatefulSet" {
            document.text_at(&["spec", "serviceName"])
        } else {
            pod.text_at(&["spec", "subdomain"])
        };
        Some(Self {
            meta: Meta::read(document, kind, path),
            labels: labels(pod, &["metadata", "labels"]),
            replicas: document.text_at(&["spec", "replicas"]).and_then(|n| n.parse().ok()).unwrap_or(1),
            containers: containers("containers"),
            init_containers: containers("initContainers"),
            volumes: pod.items_at(&["spec", "volumes"]).iter().filter_map(Volume::read).collect(),
            governing_service: governing.map(str::to_owned),
            hostname: pod.text_at(&["spec", "hostname"]).map(str::to_owned),
            host_aliases: pod.items_at(&["spec", "hostAliases"]).iter().flat_map(host_alias).collect(),
            operated: None,
        })
    }

    /// Whether both describe the same workload equally, apart from their position.
    pub(super) fn is_twin(&self, other: &Self) -> bool {
        let same = |a: &[Container], b: &[Container]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_twin(b));
        let operated = |w: &Self| {
            let texts = |words: &[Word]| words.iter().map(|n| n.text.clone()).collect::<Vec<_>>();
            w.operated.as_ref().map(|o| (o.kind, texts(&o.requested.names), texts(&o.hosts)))
        };
        self.meta.is_twin(&other.meta)
            && self.labels == other.labels
            && self.replicas == other.replicas
            && self.governing_service == other.governing_service
            && self.volumes == other.volumes
            && same(&self.containers, &other.containers)
            && same(&self.init_containers, &other.init_containers)
            && operated(self) == operated(other)
    }

    /// The names of its pods that are known in advance; at most a hundred.
    pub(crate) fn pod_names(&self) -> Vec<String> {
        match self.meta.kind.as_str() {
            "StatefulSet" => (0..self.replicas.min(MOST_PODS)).map(|i| format!("{}-{i}", self.meta.name)).collect(),
            "Pod" => vec![self.hostname.clone().unwrap_or_else(|| self.meta.name.clone())],
            _ => self.hostname.clone().into_iter().collect(),
        }
    }

    /// Whether its pods are numbered, `NAME-0` and so on.
    pub(super) fn has_numbered_pods(&self) -> bool {
        self.meta.kind == "StatefulSet"
    }

    /// Whether one of its pods has this name.
    pub(super) fn has_pod(&self, pod: &str) -> bool {
        match pod.strip_prefix(self.meta.name.as_str()).and_then(|rest| rest.strip_prefix('-')) {
            Some(number) if self.has_numbered_pods() => {
                number.parse::<u64>().is_ok_and(|n| n < self.replicas && n.to_string() == number)
            }
            _ => !self.has_numbered_pods() && self.pod_names().iter().any(|name| name == pod),
        }
    }

    /// The mounts of parts of volumes, each with its `subPath`.
    pub(crate) fn sub_paths(&self) -> impl Iterator<Item = (&Mount, &Word)> {
        self.mounts().filter_map(|mount| Some((mount, mount.sub_path.as_ref()?)))
    }

    /// The sources of the volume of a mount.
    pub(crate) fn sources_of(&self, mount: &Mount) -> impl Iterator<Item = &VolumeSource> {
        self.volumes.iter().filter(|volume| volume.name == mount.volume).flat_map(|volume| &volume.sources)
    }

    /// The names of the Secrets with a file in a folder `folder`.
    pub(crate) fn secrets_at(&self, folder: &str) -> impl Iterator<Item = &str> {
        let is_in = move |path: &str| path.split('/').any(|part| part == folder);
        self.mounts().flat_map(move |mount| {
            let secrets = self.sources_of(mount).filter(|source| source.is_secret);
            let mounted =
                secrets.filter(move |source| is_in(&mount.path) || source.items.iter().any(|(_, path)| is_in(path)));
            mounted.map(|source| source.name.as_str())
        })
    }

    fn mounts(&self) -> impl Iterator<Item = &Mount> {
        self.containers.iter().chain(&self.init_containers).flat_map(|container| &container.mounts)
    }

    /// The names of all mounted Secrets, or of all mounted `ConfigMap`s.
    pub(crate) fn mounted(&self, secrets: bool) -> impl Iterator<Item = &str> {
        let sources = self.volumes.iter().flat_map(|v| &v.sources);
        sources.filter(move |s| s.is_secret == secrets).map(|s| s.name.as_str())
    }
}

fn host_alias(node: &Node) -> Vec<(String, Word)> {
    let ip = node.text_at(&["ip"]).unwrap_or_default();
    Word::list(node, &["hostnames"]).into_iter().map(|name| (ip.to_owned(), name)).collect()
}

impl Volume {
    fn read(node: &Node) -> Option<Self> {
        let mut sources: Vec<VolumeSource> = VolumeSource::read(node, "secretName").into_iter().collect();
        for part in node.items_at(&["projected", "sources"]) {
            sources.extend(VolumeSource::read(part, "name"));
        }
        // The API server makes an emptyDir of a volume without a source.
        let is_empty_dir = node.get("emptyDir").is_some() || node.entries().is_some_and(|all| all.len() == 1);
        Some(Self { name: node.text_at(&["name"])?.to_owned(), sources, is_empty_dir })
    }
}

impl VolumeSource {
    fn read(node: &Node, secret_key: &str) -> Option<Self> {
        let (is_secret, source, name) = match (node.get("secret"), node.get("configMap")) {
            (Some(secret), _) => (true, secret, secret.text_at(&[secret_key])?),
            (None, Some(map)) => (false, map, map.text_at(&["name"])?),
            (None, None) => return None,
        };
        let item = |n: &Node| Some((n.text_at(&["key"])?.to_owned(), n.text_at(&["path"])?.to_owned()));
        let items = source.items_at(&["items"]).iter().filter_map(item).collect();
        Some(Self { is_secret, name: name.to_owned(), items })
    }
}
