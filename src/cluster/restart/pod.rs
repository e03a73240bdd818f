//! The pod of the agent, and whether another pod is back.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::budget::Labels;
use crate::agent::hooks::Node;
use crate::cluster::access::Access;
use crate::cluster::error::Object;
use crate::{Error, ErrorKind};

/// What is known of a pod.
#[derive(Clone, Debug)]
pub(super) struct PodSeen {
    pub(super) uid: String,
    pub(super) labels: Labels,
    pub(super) is_running: bool,
    pub(super) is_ready: bool,
    pub(super) is_ending: bool,
    /// The restarts of its containers.
    restarts: i64,
}

impl PodSeen {
    fn of(pod: Pod) -> Self {
        let status = pod.status.unwrap_or_default();
        let is_true = |kind: &str| {
            let of_kind = status.conditions.iter().flatten().find(|condition| condition.type_ == kind);
            of_kind.is_some_and(|condition| condition.status == "True")
        };
        let containers = status.container_statuses.iter().flatten();
        Self {
            uid: pod.metadata.uid.unwrap_or_default(),
            labels: pod.metadata.labels.unwrap_or_default(),
            is_running: status.phase.as_deref() == Some("Running"),
            is_ready: is_true("Ready"),
            is_ending: pod.metadata.deletion_timestamp.is_some(),
            restarts: containers.map(|container| i64::from(container.restart_count)).sum(),
        }
    }

    /// As a node that is restarted with its pod.
    pub(super) fn as_pod(&self) -> Node {
        Node { mark: self.uid.clone(), is_ready: self.is_ready, is_ending: self.is_ending }
    }

    /// As a node whose containers are restarted.
    pub(super) fn as_containers(&self) -> Node {
        Node { mark: format!("{}/{}", self.uid, self.restarts), is_ready: self.is_ready, is_ending: self.is_ending }
    }
}

/// The pod `name` in errors.
pub(super) const fn object(name: &str) -> Object<'_> {
    Object { kind: "Pod", name, rights: "get of pods" }
}

/// A pod; `None` if it does not exist.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn find(access: &Access, name: &str) -> Result<Option<PodSeen>, Error> {
    let read = |pods: Api<Pod>| {
        let name = name.to_owned();
        async move { pods.get_opt(&name).await }
    };
    let found = access.send("read", object(name), read).await;
    Ok(found.map_err(|e| access.explain("read", object(name), e))?.map(PodSeen::of))
}

/// The pod of the agent.
///
/// # Errors
/// When it cannot be read, or does not exist.
pub(super) async fn own(access: &Access, name: &str) -> Result<PodSeen, Error> {
    find(access, name).await?.ok_or_else(|| {
        Error::new(ErrorKind::Input, format!("there is no pod {name} in the namespace {}", access.namespace()))
            .with_help("set POD_NAME and POD_NAMESPACE by the downward API, or give --pod and --k8s-namespace")
    })
}
