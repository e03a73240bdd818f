//! Containers: ports, environment, mounts, and the words of their commands.

use super::document::{Word, port};
use crate::text::yaml::Node;

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Container {
    /// Its name.
    pub(crate) name: String,
    /// The ports it declares.
    pub(crate) ports: Vec<ContainerPort>,
    /// Variables set one by one.
    pub(crate) env: Vec<EnvVar>,
    /// Variables taken from whole objects.
    pub(crate) env_from: Vec<EnvFrom>,
    /// Mounted volumes.
    pub(crate) mounts: Vec<Mount>,
    /// `command` and `args`.
    pub(crate) words: Vec<Word>,
}

/// A declared port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerPort {
    /// Its name.
    pub(crate) name: Option<String>,
    /// Its number.
    pub(crate) number: u16,
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvVar {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) source: EnvSource,
    /// Its line.
    pub(crate) line: usize,
}

/// Where a variable's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EnvSource {
    /// A literal value.
    Value(String),
    /// A key of a `ConfigMap`.
    ConfigMap {
        /// The object's name.
        name: String,
        /// The key in it.
        key: String,
    },
    /// A Secret or a field of the pod; not read.
    Elsewhere,
}

/// An object whose keys all become variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvFrom {
    /// The `ConfigMap`'s name.
    pub(crate) config_map: String,
    /// The prefix added to its keys.
    pub(crate) prefix: String,
}

/// A mounted volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The volume's name.
    pub(crate) volume: String,
    /// The mount path.
    pub(crate) path: String,
    /// The part of it that is mounted.
    pub(crate) sub_path: Option<Word>,
}

impl Container {
    /// Whether both are equal, apart from their position.
    pub(super) fn is_twin(&self, other: &Self) -> bool {
        let mount = |m: &Mount| (m.volume.clone(), m.path.clone(), m.sub_path.as_ref().map(|sub| sub.text.clone()));
        let variable = |v: &EnvVar| (v.name.clone(), v.source.clone());
        self.name == other.name
            && self.ports == other.ports
            && self.env.iter().map(variable).eq(other.env.iter().map(variable))
            && self.env_from == other.env_from
            && self.mounts.iter().map(mount).eq(other.mounts.iter().map(mount))
            && self.words.iter().map(|w| &w.text).eq(other.words.iter().map(|w| &w.text))
    }

    pub(super) fn read(node: &Node) -> Self {
        let text = |n: &Node, key: &str| n.text_at(&[key]).map(str::to_owned);
        let mut words = Word::list(node, &["command"]);
        words.extend(Word::list(node, &["args"]));
        Self {
            name: text(node, "name").unwrap_or_default(),
            ports: node
                .items_at(&["ports"])
                .iter()
                .filter_map(|p| Some(ContainerPort { name: text(p, "name"), number: port(p.get("containerPort"))? }))
                .collect(),
            env: node.items_at(&["env"]).iter().filter_map(EnvVar::read).collect(),
            env_from: node.items_at(&["envFrom"]).iter().filter_map(EnvFrom::read).collect(),
            mounts: node
                .items_at(&["volumeMounts"])
                .iter()
                .filter_map(|m| {
                    Some(Mount {
                        volume: text(m, "name")?,
                        path: text(m, "mountPath")?,
                        sub_path: Word::at(m, &["subPath"]),
                    })
                })
                .collect(),
            words,
        }
    }
}

impl EnvVar {
    fn read(node: &Node) -> Option<Self> {
        let name = node.text_at(&["name"])?.to_owned();
        let reference = node.find(&["valueFrom", "configMapKeyRef"]);
        let source = match (node.get("value"), reference) {
            (Some(value), _) => EnvSource::Value(value.text()?.to_owned()),
            (None, Some(from)) => EnvSource::ConfigMap {
                name: from.text_at(&["name"])?.to_owned(),
                key: from.text_at(&["key"])?.to_owned(),
            },
            (None, None) => EnvSource::Elsewhere,
        };
        let line = node.get("value").map_or(node.line, |v| v.line);
        Some(Self { name, source, line })
    }
}

impl EnvFrom {
    fn read(node: &Node) -> Option<Self> {
        Some(Self {
            config_map: node.text_at(&["configMapRef", "name"])?.to_owned(),
            prefix: node.text_at(&["prefix"]).unwrap_or_default().to_owned(),
        })
    }
}
