//! The names that each node of a set of manifests needs in its TLS certificate, with reasons.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::audit::input::{LoadOptions, Unit, Walk, WalkOptions};
use crate::disk::Disk;
pub use crate::manifests::{At, LeftOut, Need, Needed, Reason};
use crate::manifests::{Manifest, Network, Settings, Variables};
use crate::pki::name::check_place;
use crate::secret::Hidden;
use crate::{Error, ErrorKind};

/// The size limit of a manifest, in bytes.
const LIMIT: usize = 32 * 1024 * 1024;

/// A request for the names that nodes need, as the arguments of `fabcert names` state it. Reads nothing until
/// [`NamesRequest::read`].
///
/// ```
/// # fn main() -> Result<(), fabcert::Error> {
/// # let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/names/example.yaml");
/// let found = fabcert::names([manifests]).variable("DOMAIN", "example.com").read()?;
/// for node in &found.nodes {
///     for needed in &node.names {
///         let why: Vec<&str> = needed.reasons.iter().map(|reason| reason.words.as_str()).collect();
///         println!("{}: {} ({})", node.workload, needed.name, why.join("; "));
///     }
/// }
/// # assert_eq!(found.nodes.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the manifests are read by read"]
pub struct NamesRequest {
    paths: Vec<PathBuf>,
    stdin: Option<Hidden>,
    variables: Variables,
    settings: Settings,
    workload: Option<String>,
}

/// Requests the names of the nodes in manifests, given as files, folders and patterns; see [`NamesRequest`].
pub fn names<P: Into<PathBuf>>(manifests: impl IntoIterator<Item = P>) -> NamesRequest {
    NamesRequest {
        paths: manifests.into_iter().map(Into::into).collect(),
        stdin: None,
        variables: Variables::new(),
        settings: Settings { namespace: None, cluster_domain: "cluster.local".to_owned() },
        workload: None,
    }
}

impl NamesRequest {
    /// Sets the value of the placeholder `${NAME}`.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Sets the namespace of objects that name none.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = Some(namespace.into());
        self
    }

    /// Sets the DNS domain of the cluster, `cluster.local` by default.
    pub fn cluster_domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.cluster_domain = domain.into();
        self
    }

    /// Restricts the result to the node with this name.
    pub fn workload(mut self, name: impl Into<String>) -> Self {
        self.workload = Some(name.into());
        self
    }

    /// Sets the content of the path `-`: manifests as YAML or JSON.
    pub fn stdin(mut self, content: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        self.stdin = Some(Hidden(content.into()));
        self
    }

    /// Reads the manifests. Blocks the thread until they are read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if a path does not exist, a file is not a manifest, a placeholder has no value, or no
    /// workload has the name set by [`NamesRequest::workload`]; [`ErrorKind::NoInput`] if the manifests define no
    /// Fabric node with TLS; [`ErrorKind::Io`] if a file cannot be read.
    pub fn read(self) -> Result<Names, Error> {
        let found = Manifests::read(
            &Disk::real(),
            &self.paths,
            self.stdin.map(|Hidden(content)| content),
            &self.variables,
            self.settings,
        )?;
        let nodes = found.nodes(self.workload.as_deref())?;
        Ok(Names {
            nodes: nodes.into_iter().map(|w| found.node(w)).collect(),
            ignored: found.ignored,
            left_out: found.left_out,
        })
    }
}

/// The names that manifests require.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Names {
    /// The Fabric nodes with TLS, in the order of the manifests; at least one.
    pub nodes: Vec<NodeNames>,
    /// The number of objects whose kind yields no names.
    pub ignored: usize,
    /// Helm templates that were left out, each with the reason.
    pub left_out: Vec<(PathBuf, LeftOut)>,
}

/// The names that a node needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeNames {
    /// The name of the workload.
    pub workload: String,
    /// The kind of the workload: `Deployment`, `StatefulSet`, `FabricPeer`...
    pub kind: String,
    /// The namespace, if known.
    pub namespace: Option<String>,
    /// `peer` or `orderer`.
    pub role: &'static str,
    /// The path of the manifest.
    pub path: PathBuf,
    /// The line in the manifest, from 1.
    pub line: usize,
    /// The names, required ones first, each with its reasons.
    pub names: Vec<Needed>,
}

/// Manifests that were read, joined into one network.
#[derive(Debug)]
pub(crate) struct Manifests {
    pub(crate) network: Network,
    /// The number of objects whose kind yields no names.
    pub(crate) ignored: usize,
    /// Unrendered Helm templates, each with the reason.
    pub(crate) left_out: Vec<(PathBuf, LeftOut)>,
}

impl Manifests {
    /// Reads every manifest among files, folders and patterns; `-` is standard input.
    pub(crate) fn read(
        disk: &Disk,
        paths: &[PathBuf],
        mut stdin: Option<Zeroizing<Vec<u8>>>,
        variables: &Variables,
        settings: Settings,
    ) -> Result<Self, Error> {
        check_place(settings.namespace.as_deref(), &settings.cluster_domain)?;
        let here = Disk::working_directory()?;
        let load = LoadOptions { base: here.clone(), here, variables: Variables::new() };
        let mut texts = Vec::new();
        let mut failure = None;
        let none_excluded = |_: &Path| false;
        Walk::new(disk, WalkOptions { paths, excluded: &none_excluded })?.run(&mut |unit| {
            let read = match &unit {
                Unit::Stdin(_) => Ok(Some((PathBuf::from("-"), stdin.take().unwrap_or_default(), true))),
                Unit::File { path, named } if *named || is_promising(path) => disk
                    .read_regular(path, LIMIT)
                    .map(|content| Some((load.shown(path), content, *named)))
                    .map_err(Error::from),
                Unit::Unreadable { path, why, .. } => {
                    Err(Error::new(ErrorKind::Io, format!("{} cannot be read: {why}", path.display())))
                }
                _ => Ok(None),
            };
            match read {
                Ok(found) => texts.extend(found),
                Err(e) => drop(failure.get_or_insert(e)),
            }
        });
        if let Some(e) = failure {
            return Err(e);
        }
        let mut manifests: Vec<(PathBuf, Manifest)> = Vec::new();
        for (path, content, named) in texts {
            let manifest = std::str::from_utf8(&content).ok().and_then(|text| Manifest::read(&path, text, variables));
            match manifest {
                Some(manifest) => manifests.push((path, manifest)),
                None if named => {
                    return Err(Error::new(
                        ErrorKind::Input,
                        format!("{} contains no Kubernetes manifest", path.display()),
                    )
                    .with_help("YAML or JSON with apiVersion and kind is expected"));
                }
                None => {}
            }
        }
        crate::manifests::refuse_unset(
            manifests.iter().flat_map(|(path, m)| m.unset.iter().map(move |unset| (path.as_path(), unset))),
        )?;
        let mut left_out = Vec::new();
        for (path, manifest) in &manifests {
            let Some(why) = &manifest.left_out else { continue };
            let place = format!("{}:{}", path.display(), why.line);
            if !why.is_template {
                return Err(Error::new(ErrorKind::Input, format!("{place}: {}", why.reason)).with_help("fix the YAML"));
            }
            tracing::warn!("{place}: {}; it was left out (helm template CHART | fabcert names -)", why.reason);
            left_out.push((path.clone(), why.clone()));
        }
        for (path, manifest) in &manifests {
            for repeated in &manifest.repeated {
                tracing::warn!(
                    "{}:{}: repeated key \"{}\"; the last value applies",
                    path.display(),
                    repeated.line,
                    repeated.key
                );
            }
        }
        let ignored = manifests.iter().map(|(_, m)| m.ignored).sum();
        let network = Network::new(manifests.into_iter().map(|(_, m)| m), settings);
        for (words, at) in network.crowded() {
            tracing::warn!("{}:{}: {words}", at.path.display(), at.line);
        }
        if let Some(words) = network.left_out() {
            tracing::warn!("{words}");
        }
        Ok(Self { network, ignored, left_out })
    }

    /// The nodes with TLS, restricted to one name if given; at least one.
    pub(crate) fn nodes(&self, workload: Option<&str>) -> Result<Vec<usize>, Error> {
        let all: Vec<usize> =
            (0..self.network.workloads.len()).filter(|w| self.network.node_with_tls(*w).is_some()).collect();
        if all.is_empty() {
            return Err(Error::new(ErrorKind::NoInput, "the manifests contain no Fabric node with TLS").with_help(
                "a node is a workload with CORE_PEER_* or ORDERER_* in its environment, or an operator's FabricPeer, \
                 FabricOrdererNode, IBPPeer or IBPOrderer",
            ));
        }
        let Some(name) = workload else { return Ok(all) };
        let named: Vec<usize> = all.iter().copied().filter(|w| self.network.workloads[*w].meta.name == name).collect();
        if named.is_empty() {
            return Err(Error::new(ErrorKind::Input, format!("no Fabric node of the manifests is named {name}"))
                .with_help(format!("there are {}", self.list(&all))));
        }
        Ok(named)
    }

    /// The names of workloads.
    pub(crate) fn list(&self, workloads: &[usize]) -> String {
        let names: Vec<&str> = workloads.iter().map(|w| self.network.workloads[*w].meta.name.as_str()).collect();
        names.join(", ")
    }

    /// A node with its names, required ones first.
    pub(crate) fn node(&self, w: usize) -> NodeNames {
        let meta = &self.network.workloads[w].meta;
        let (mut names, advised): (Vec<Needed>, Vec<Needed>) =
            self.network.needed(w).into_iter().partition(|n| n.need == Need::Required);
        names.extend(advised);
        NodeNames {
            workload: meta.name.clone(),
            kind: meta.kind.clone(),
            namespace: meta.namespace.clone(),
            role: self.network.nodes[w].as_ref().map_or("peer", |node| node.kind.as_str()),
            path: meta.at.path.to_path_buf(),
            line: meta.at.line,
            names,
        }
    }
}

fn is_promising(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}
