//! A Deployment or StatefulSet whose template is changed.

use std::str::FromStr;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::agent::hooks::{Fingerprints, Node};
use crate::cluster::access::Access;
use crate::cluster::error::Object;
use crate::{Error, ErrorKind};

/// The annotation of the template with the fingerprint of the TLS certificate; the signing certificate has one of its own.
const ANNOTATIONS: [(&str, &str); 2] = [("tls", "fabcert.dev/fingerprint"), ("sign", "fabcert.dev/sign-fingerprint")];

/// The kind of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Deployment,
    StatefulSet,
}

/// A workload of the namespace: `deployment/NAME` or `statefulset/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    kind: Kind,
    pub(super) name: String,
}

impl FromStr for Workload {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "expected deployment/NAME or statefulset/NAME";
        let (kind, name) = text
            .split_once('/')
            .filter(|(_, name)| name.split('.').all(crate::cluster::store::is_label))
            .ok_or(SHAPE)?;
        let kind = match kind {
            "deployment" => Kind::Deployment,
            "statefulset" => Kind::StatefulSet,
            _ => return Err(SHAPE),
        };
        Ok(Self { kind, name: name.to_owned() })
    }
}

impl Workload {
    fn object(&self) -> Object<'_> {
        match self.kind {
            Kind::Deployment => Object { kind: "Deployment", name: &self.name, rights: "get and patch of deployments" },
            Kind::StatefulSet => {
                Object { kind: "StatefulSet", name: &self.name, rights: "get and patch of statefulsets" }
            }
        }
    }

    /// Its word in the holder of a Lease.
    pub(super) const fn word(&self) -> &'static str {
        match self.kind {
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "statefulset",
        }
    }

    /// The workload as the API server has it.
    ///
    /// # Errors
    /// When it cannot be read, or does not exist.
    pub(super) async fn read(&self, access: &Access) -> Result<Rollout, Error> {
        let found = match self.kind {
            Kind::Deployment => self.get::<Deployment>(access).await?,
            Kind::StatefulSet => self.get::<StatefulSet>(access).await?,
        };
        found.map(Rollout).ok_or_else(|| {
            let Object { kind, name, .. } = self.object();
            Error::new(ErrorKind::Input, format!("there is no {kind} {name} in the namespace {}", access.namespace()))
                .with_help("correct --restart-workload, or --k8s-namespace")
        })
    }

    async fn get<K>(&self, access: &Access) -> Result<Option<Value>, Error>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + 'static,
    {
        let read = |objects: Api<K>| {
            let name = self.name.clone();
            async move { objects.get_opt(&name).await }
        };
        let found = access.send("read", self.object(), read).await;
        let found = found.map_err(|e| access.explain("read", self.object(), e))?;
        Ok(found.and_then(|found| serde_json::to_value(found).ok()))
    }

    /// Writes the fingerprints into the annotations of the template: its controller replaces the pods. Of a second try nothing
    /// changes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) async fn annotate(&self, access: &Access, certificates: &Fingerprints) -> Result<(), Error> {
        let annotations = ANNOTATIONS
            .iter()
            .filter_map(|(role, key)| Some(((*key).to_owned(), certificates.get(*role)?.clone().into())));
        let annotations: serde_json::Map<String, Value> = annotations.collect();
        let change = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
        match self.kind {
            Kind::Deployment => self.patch::<Deployment>(access, &change).await,
            Kind::StatefulSet => self.patch::<StatefulSet>(access, &change).await,
        }
    }

    async fn patch<K>(&self, access: &Access, change: &Value) -> Result<(), Error>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
    {
        let patch = |objects: Api<K>| {
            let (name, change) = (self.name.clone(), change.clone());
            async move { objects.patch(&name, &PatchParams::default(), &Patch::Merge(&change)).await }
        };
        let patched = access.send("change", self.object(), patch).await;
        patched.map(drop).map_err(|e| access.explain("change", self.object(), e))
    }
}

/// A workload as the API server has it.
#[derive(Debug)]
pub(super) struct Rollout(Value);

impl Rollout {
    pub(super) fn uid(&self) -> &str {
        self.0["metadata"]["uid"].as_str().unwrap_or_default()
    }

    fn number(&self, part: &str, field: &str) -> i64 {
        self.0[part][field].as_i64().unwrap_or_default()
    }

    /// Whether its controller has replaced all pods, and they are available.
    pub(super) fn is_done(&self) -> bool {
        let replicas = self.0["spec"]["replicas"].as_i64().unwrap_or(1);
        self.number("status", "observedGeneration") >= self.number("metadata", "generation")
            && ["updatedReplicas", "availableReplicas", "replicas"]
                .iter()
                .all(|field| self.number("status", field) == replicas)
    }

    /// As a node whose template changes.
    pub(super) fn as_node(&self) -> Node {
        let annotations = &self.0["spec"]["template"]["metadata"]["annotations"];
        let marks = ANNOTATIONS.map(|(_, key)| annotations[key].as_str().unwrap_or_default().to_owned());
        Node { mark: format!("{}/{}", self.uid(), marks.join("/")), is_ready: self.is_done(), is_ending: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_named_by_its_kind() {
        assert_eq!("deployment/peer1".parse::<Workload>().unwrap().word(), "deployment");
        assert_eq!("statefulset/peer1.a".parse::<Workload>().unwrap().name, "peer1.a");
        for text in ["peer1", "deployment/", "daemonset/a", "deployment/a/b", "Deployment/a", "deployment/A"] {
            assert!(text.parse::<Workload>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rollout_is_done_when_all_pods_are_new_and_available() {
        let rollout = |observed: i64, updated: i64, all: i64| {
            Rollout(json!({
                "metadata": {"generation": 4},
                "spec": {"replicas": 2},
                "status": {"observedGeneration": observed, "updatedReplicas": updated, "availableReplicas": 2, "replicas": all},
            }))
            .is_done()
        };
        assert!(rollout(4, 2, 2));
        assert!(!rollout(3, 2, 2), "the controller has not seen the change");
        assert!(!rollout(4, 1, 2) && !rollout(4, 2, 3));
    }
}
