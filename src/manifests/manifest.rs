//! A manifest file: its documents as objects with their lines.

use std::path::Path;
use std::sync::Arc;

use super::approval::{Approval, FabricCaIssuer, GROUP};
use super::certificate::{Certificate, Issuer};
use super::config_map::ConfigMap;
use super::indent::indented;
use super::meta::At;
use super::placeholder::{Unset, Variables, fill, filled, marked, unmark};
use super::profile::Profile;
use super::proxy::KubeProxy;
use super::route::{Gateway, Route};
use super::secret::Secret;
use super::service::Service;
use super::workload::Workload;
use super::{json_stream, operator};
use crate::text::yaml::{self, Node, Repeated, Stream, Value, YamlError};

/// The content of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Its objects, in order.
    pub(crate) objects: Vec<Object>,
    /// The number of objects of kinds that have no names.
    pub(crate) ignored: usize,
    /// Placeholders without a value.
    pub(crate) unset: Vec<Unset>,
    /// Keys that occur twice in one mapping; the last value counts.
    pub(crate) repeated: Vec<Repeated>,
    /// Why the file was left out.
    pub(crate) left_out: Option<LeftOut>,
}

/// Why a file was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The line, from 1.
    pub line: usize,
    /// Why, in words.
    pub reason: String,
    /// Whether it is a Helm template, which is not a fault.
    pub is_template: bool,
}

/// An object that names or certificates depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// A Service.
    Service(Service),
    /// A resource that runs pods, directly or through an operator.
    Workload(Box<Workload>),
    /// A route from outside the cluster.
    Route(Route),
    /// A gateway that routes attach to.
    Gateway(Gateway),
    /// A Secret.
    Secret(Secret),
    /// A `ConfigMap`.
    ConfigMap(ConfigMap),
    /// A Certificate of cert-manager.
    Certificate(Certificate),
    /// An Issuer of cert-manager.
    Issuer(Issuer),
    /// An issuer of a Fabric CA.
    FabricCaIssuer(FabricCaIssuer),
    /// Who may approve requests of cert-manager.
    Approval(Approval),
    /// How kube-proxy balances connections.
    KubeProxy(KubeProxy),
    /// A connection profile.
    Profile(Profile),
}

/// Whether a text may be a manifest or a connection profile: a quick check before parsing.
pub(crate) fn is_manifest(text: &str) -> bool {
    (text.contains("apiVersion") && text.contains("kind"))
        || (text.contains("peers") && text.contains("url") && text.contains("grpc"))
}

impl Manifest {
    /// Reads a file. Returns `None` for YAML or JSON of other kinds.
    pub(crate) fn read(path: &Path, text: &str, variables: &Variables) -> Option<Self> {
        if !is_manifest(text) {
            return None;
        }
        let path: Arc<Path> = Arc::from(path);
        let stream = match Self::stream(text, variables) {
            Ok(stream) => stream,
            Err(e) => return Self::unreadable(text, e.line, &e.reason),
        };
        let mut found = Self { repeated: stream.repeated, ..Self::default() };
        for mut document in stream.documents {
            fill(&mut document, variables, &mut found.unset);
            found.document(&document, &path);
        }
        if found.left_out.is_some() {
            (found.objects, found.unset, found.repeated) = (Vec::new(), Vec::new(), Vec::new());
        }
        let is_ours = found.left_out.is_some() || found.ignored > 0 || !found.objects.is_empty();
        is_ours.then_some(found)
    }

    /// Parses the documents as kubectl and Helm do.
    fn stream(text: &str, variables: &Variables) -> Result<Stream, YamlError> {
        yaml::stream(text).or_else(|e| {
            // A placeholder in brackets, `[${A}, b]`, is not valid YAML until it is filled. Its value may itself be
            // YAML.
            let mut is_whole = true;
            let filled = filled(text, variables, &mut |_| is_whole = false);
            let marked = marked(text);
            let mut found = is_whole.then(|| yaml::stream(&filled).ok()).flatten();
            found = found.or_else(|| yaml::stream(&marked).ok()).or_else(|| json_stream::objects(text));
            found = found.or_else(|| yaml::stream(&indented(&marked)).ok());
            found.iter_mut().flat_map(|stream| &mut stream.documents).for_each(unmark);
            found.ok_or(e)
        })
    }

    /// Classifies invalid YAML: an unrendered Helm template or a broken manifest. `None` for other files.
    fn unreadable(text: &str, line: usize, reason: &str) -> Option<Self> {
        let template = text.lines().position(|l| l.contains("{{") && !l.trim_start().starts_with('#'));
        let has =
            |key: &str| text.contains(&format!("\"{key}\":")) || text.lines().any(|l| l.trim_start().starts_with(key));
        let left_out = match template {
            Some(index) => LeftOut::template(index + 1),
            None if has("apiVersion") && has("kind") => LeftOut { line, reason: reason.to_owned(), is_template: false },
            None => return None,
        };
        Some(Self { left_out: Some(left_out), ..Self::default() })
    }

    fn document(&mut self, document: &Node, path: &Arc<Path>) {
        let Some(kind) = document.text_at(&["kind"]) else {
            let at = At { path: Arc::clone(path), line: document.line };
            self.objects.extend(Profile::read(document, &at).map(Object::Profile));
            return;
        };
        let api_version = document.text_at(&["apiVersion"]).unwrap_or_default();
        if let Some(items) = document.get("items").and_then(Node::items)
            && let Some(of) = kind.strip_suffix("List")
        {
            for item in items {
                match item.text_at(&["kind"]) {
                    Some(_) => self.document(item, path),
                    // The items of a ServiceList are Services and may omit their kind.
                    None => self.object(item, of, api_version, path),
                }
            }
            return;
        }
        if api_version.is_empty() {
            return;
        }
        self.object(document, kind, api_version, path);
    }

    fn object(&mut self, document: &Node, kind: &str, api_version: &str, path: &Arc<Path>) {
        let found = self.objects.len();
        self.known(document, kind, api_version, path);
        if self.objects.len() == found {
            self.ignored += 1;
        } else if let Some(line) = template_line(document) {
            self.left_out.get_or_insert_with(|| LeftOut::template(line));
        }
    }

    fn known(&mut self, document: &Node, kind: &str, api_version: &str, path: &Arc<Path>) {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let one = match (kind, group) {
            ("Service", "") => Some(Object::Service(Service::read(document, kind, path))),
            ("Secret", "") => Some(Object::Secret(Secret::read(document, kind, path))),
            ("ConfigMap", "") => Some(Object::ConfigMap(ConfigMap::read(document, kind, path))),
            ("Certificate", "cert-manager.io" | "certmanager.k8s.io") => {
                Certificate::read(document, kind, path).map(Object::Certificate)
            }
            ("Issuer" | "ClusterIssuer", "cert-manager.io" | "certmanager.k8s.io") => {
                Some(Object::Issuer(Issuer::read(document, kind, path)))
            }
            ("FabricCAIssuer" | "FabricCAClusterIssuer", GROUP) => {
                Some(Object::FabricCaIssuer(FabricCaIssuer::read(document, kind, path)))
            }
            ("ClusterRole" | "Role", "rbac.authorization.k8s.io") => {
                Approval::of_role(document, kind, path).map(Object::Approval)
            }
            ("CertificateRequestPolicy", "policy.cert-manager.io") => {
                Some(Object::Approval(Approval::of_a_policy(document, kind, path)))
            }
            ("Gateway", "gateway.networking.k8s.io" | "networking.istio.io") => {
                Some(Object::Gateway(Gateway::read(document, kind, path)))
            }
            ("Ingress", "networking.k8s.io" | "extensions")
            | ("TLSRoute" | "TCPRoute" | "HTTPRoute" | "GRPCRoute", "gateway.networking.k8s.io")
            | ("Route", "route.openshift.io")
            | ("VirtualService", "networking.istio.io")
            | ("HTTPProxy", "projectcontour.io")
            | ("IngressRouteTCP", "traefik.io" | "traefik.containo.us") => {
                Route::read(document, kind, path).map(Object::Route)
            }
            ("Cluster" | "KubeProxyConfiguration", _) => {
                KubeProxy::read(document, api_version, kind, path).map(Object::KubeProxy)
            }
            ("FabricPeer" | "FabricOrdererNode" | "IBPPeer" | "IBPOrderer", _) => {
                let nodes = operator::read(document, kind, path);
                self.objects.extend(nodes.into_iter().map(|w| Object::Workload(Box::new(w))));
                None
            }
            (_, "" | "apps" | "batch" | "extensions" | "apps.openshift.io") => {
                Workload::read(document, kind, path).map(|w| Object::Workload(Box::new(w)))
            }
            _ => None,
        };
        self.objects.extend(one);
    }
}

impl LeftOut {
    fn template(line: usize) -> Self {
        let reason = "it is an unrendered Helm template".to_owned();
        Self { line, reason, is_template: true }
    }
}

/// The first line of an object with unrendered template text. Annotations, data and commands may contain such text for
/// other programs.
fn template_line(node: &Node) -> Option<usize> {
    match &node.value {
        Value::Scalar { text, .. } => text.contains("{{").then_some(node.line),
        Value::Sequence(items) => items.iter().find_map(template_line),
        Value::Mapping(entries) => entries.iter().find_map(|(key, value)| {
            if matches!(key.value, Value::Mapping(_)) {
                // `{{NAME}}` without quotes is a mapping with a mapping as its key.
                return Some(key.line);
            }
            let opaque = ["annotations", "data", "stringData", "args", "command", "env", "status"];
            match key.text() {
                Some(text) if opaque.contains(&text) => unquoted_template(value),
                _ => template_line(key).or_else(|| template_line(value)),
            }
        }),
    }
}

/// The line of a `{{NAME}}` without quotes, which YAML reads as mappings.
fn unquoted_template(node: &Node) -> Option<usize> {
    match &node.value {
        Value::Scalar { .. } => None,
        Value::Sequence(items) => items.iter().find_map(unquoted_template),
        Value::Mapping(entries) => entries.iter().find_map(|(key, value)| match key.value {
            Value::Mapping(_) => Some(key.line),
            _ => unquoted_template(value),
        }),
    }
}
