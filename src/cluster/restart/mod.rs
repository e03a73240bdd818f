//! Restarts of the node in the agent's pod, one member of a gateway after another.
//!
//! | engine | asks | in turn by |
//! |---|---|---|
//! | evict | the Eviction API for the own pod | the API server, by the PodDisruptionBudget over the members |
//! | signal | the process of the node, by a signal | the Lease of the gateway |
//! | template | the controller of a workload, by an annotation of its template | the Lease of the gateway |

mod budget;
mod event;
mod lease;
mod pod;
mod turn;
mod workload;

use std::path::PathBuf;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use super::access::Access;
use super::error::Object;
use crate::agent::hooks::{Fingerprints, News, Node, Restarter, Turn, Work};
use crate::disk::Disk;
use crate::{Error, ErrorKind, Timestamp};
use budget::{Budget, Labels, judge};
use pod::PodSeen;
use turn::{LeaseTurn, Taken, waits_for};
pub(crate) use workload::Workload;

/// How a node is restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Evict,
    /// The hooks send the signal; `lease` is the name of the gateway's Lease.
    Signal {
        lease: String,
    },
    Template {
        lease: String,
        workload: Workload,
    },
}

/// What restarts a node.
#[derive(Clone, Debug)]
pub(crate) struct Restarts {
    pub(crate) engine: Engine,
    /// The pod of the agent.
    pub(crate) pod: String,
    /// The file for the reason of a restart, where Kubernetes looks for it.
    pub(crate) termination: Option<PathBuf>,
    pub(crate) now: fn() -> Timestamp,
}

/// Restarts the node in the agent's pod.
pub(crate) struct PodRestarter {
    access: Access,
    restarts: Restarts,
    turn: tokio::sync::OnceCell<LeaseTurn>,
}

impl std::fmt::Debug for PodRestarter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PodRestarter").field("restarts", &self.restarts).finish_non_exhaustive()
    }
}

impl PodRestarter {
    pub(crate) fn new(access: Access, restarts: Restarts) -> Self {
        Self { access, restarts, turn: tokio::sync::OnceCell::new() }
    }

    /// Checks before anything else what a restart will need. An API server that cannot be reached is no reason not to start: the
    /// node of the pod may wait for this agent.
    ///
    /// # Errors
    /// When the pod or the workload does not exist, or the `PodDisruptionBudget` does not let one member go at a time.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let checked = async {
            let pod = self.pod().await?;
            match &self.restarts.engine {
                Engine::Evict => {
                    let budget = self.budget(&pod.labels).await?;
                    budget.error(self.access.namespace(), &pod.labels).map_or(Ok(()), Err)
                }
                Engine::Signal { .. } => Ok(()),
                Engine::Template { workload, .. } => workload.read(&self.access).await.map(drop),
            }
        };
        match checked.await {
            Err(e) if e.kind() == ErrorKind::Unreachable => {
                tracing::warn!("{e}; what restarts need is checked before each of them");
                Ok(())
            }
            checked => checked,
        }
    }

    async fn pod(&self) -> Result<PodSeen, Error> {
        pod::own(&self.access, &self.restarts.pod).await
    }

    /// The budgets over the pod.
    async fn budget(&self, labels: &Labels) -> Result<Budget, Error> {
        let object = Object { kind: "PodDisruptionBudgets", name: "*", rights: "list of poddisruptionbudgets.policy" };
        let list = |budgets: Api<PodDisruptionBudget>| async move { budgets.list(&ListParams::default()).await };
        let found = self.access.send("list", object, list).await.map_err(|e| self.access.explain("list", object, e))?;
        Ok(judge(&found.items, labels))
    }

    /// The Lease of the gateway.
    async fn lease(&self, name: &str) -> Result<&LeaseTurn, Error> {
        let make = async || {
            let holder = match &self.restarts.engine {
                Engine::Template { workload, .. } => {
                    let uid = workload.read(&self.access).await?.uid().to_owned();
                    format!("{}/{}/{uid}", workload.word(), workload.name)
                }
                _ => format!("pod/{}/{}", self.restarts.pod, self.pod().await?.uid),
            };
            Ok::<_, Error>(LeaseTurn::new(name.to_owned(), holder, self.restarts.now))
        };
        self.turn.get_or_try_init(make).await
    }

    /// The turn by the Lease.
    async fn by_lease(&self, name: &str) -> Result<Turn, Error> {
        let lease = self.lease(name).await?;
        let taken = match lease.take(&self.access).await? {
            Taken::Left(holder, found) => {
                if !self.is_back(&holder).await? {
                    return Ok(Turn::Wait(format!("{holder} was restarted and is not back (Lease {name})")));
                }
                lease.take_over(&self.access, *found).await?
            }
            taken => taken,
        };
        Ok(match taken {
            Taken::Now => Turn::Go,
            Taken::Not(holder) | Taken::Left(holder, _) => waits_for(name, &holder),
        })
    }

    /// Whether a member that held the Lease and ended is up, or gone for good.
    async fn is_back(&self, holder: &str) -> Result<bool, Error> {
        let mut parts = holder.splitn(3, '/');
        match (parts.next(), parts.next()) {
            (Some("pod"), Some(name)) => {
                Ok(pod::find(&self.access, name).await?.is_none_or(|pod| pod.is_ready && !pod.is_ending))
            }
            (Some(kind), Some(name)) => match format!("{kind}/{name}").parse::<Workload>() {
                Ok(workload) => Ok(workload.read(&self.access).await?.is_done()),
                Err(_) => Ok(true),
            },
            _ => Ok(true),
        }
    }

    /// Whether the budget lets one member go at a time, so that the API server may decide when.
    async fn by_budget(&self) -> Result<Turn, Error> {
        let pod = self.pod().await?;
        let namespace = self.access.namespace();
        let budget = self.budget(&pod.labels).await?;
        if let Some(fault) = budget.fault(namespace) {
            return Ok(Turn::Stop(fault));
        }
        Ok(match budget {
            Budget::Uncounted(name) => {
                Turn::Wait(format!("the pods of the PodDisruptionBudget {namespace}/{name} are not counted yet"))
            }
            // A pod that does not run is deleted without a look at the budget.
            _ if !pod.is_running => Turn::Wait("the pod is not running yet".to_owned()),
            Budget::Blocks(name, pods) => {
                Turn::Wait(format!("the PodDisruptionBudget {namespace}/{name} lets none of {pods} pods go"))
            }
            _ => Turn::Go,
        })
    }

    /// Evicts the own pod: this one, not one that has its name by now.
    async fn evict(&self) -> Result<Turn, Error> {
        let pod = self.pod().await?;
        let name = &self.restarts.pod;
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": self.access.namespace()},
            "deleteOptions": {"preconditions": {"uid": pod.uid}},
        });
        let evict = |pods: Api<Pod>| {
            let (name, body) = (name.clone(), body.clone());
            async move {
                let answer: Result<kube::core::Status, _> =
                    pods.create_subresource("eviction", &name, &PostParams::default(), &body).await;
                // The budget has its say at once, and is asked again later.
                Ok(match answer {
                    Err(kube::Error::Api(status)) if status.code == 429 => Err(status),
                    Err(e) => return Err(e),
                    Ok(_) => Ok(()),
                })
            }
        };
        let object = Object { kind: "Pod", name, rights: "create of pods/eviction" };
        match self.access.send("evict", object, evict).await.map_err(|e| self.access.explain("evict", object, e))? {
            Ok(()) => Ok(Turn::Go),
            Err(status) => {
                let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
                let causes: Vec<&str> = causes.iter().map(|cause| cause.message.as_str()).collect();
                let budget = self.budget(&pod.labels).await.map_or_else(|_| String::new(), |budget| budget.name());
                let why = if causes.is_empty() { status.message.clone() } else { causes.join("; ") };
                Ok(Turn::Wait(format!(
                    "the PodDisruptionBudget {}/{budget} lets no member go now: {why}",
                    self.access.namespace()
                )))
            }
        }
    }
}

impl Restarter for PodRestarter {
    fn node(&self) -> Work<'_, Node> {
        Box::pin(async {
            match &self.restarts.engine {
                Engine::Evict => Ok(self.pod().await?.as_pod()),
                Engine::Signal { .. } => Ok(self.pod().await?.as_containers()),
                Engine::Template { workload, .. } => Ok(workload.read(&self.access).await?.as_node()),
            }
        })
    }

    fn turn(&self) -> Work<'_, Turn> {
        Box::pin(async {
            match &self.restarts.engine {
                Engine::Evict => self.by_budget().await,
                Engine::Signal { lease } | Engine::Template { lease, .. } => self.by_lease(lease).await,
            }
        })
    }

    fn restart<'a>(&'a self, certificates: &'a Fingerprints) -> Work<'a, Turn> {
        Box::pin(async {
            match &self.restarts.engine {
                Engine::Evict => self.evict().await,
                // Renewed just before: nobody else has it.
                Engine::Signal { lease } => self.by_lease(lease).await,
                Engine::Template { lease, workload } => match self.by_lease(lease).await? {
                    Turn::Go => workload.annotate(&self.access, certificates).await.map(|()| Turn::Go),
                    turn => Ok(turn),
                },
            }
        })
    }

    fn release(&self) -> Work<'_, ()> {
        Box::pin(async {
            match self.turn.get() {
                Some(lease) => lease.release(&self.access).await,
                None => Ok(()),
            }
        })
    }

    fn say<'a>(&'a self, news: News, text: &'a str, now: Timestamp) -> Work<'a, ()> {
        Box::pin(async move {
            if let Some(file) = &self.restarts.termination
                && let Err(e) = Disk::real().write_in_place(file, format!("fabcert: {text}\n").as_bytes(), 0o644)
            {
                tracing::debug!("the termination message could not be written: {e}");
            }
            let pod = self.pod().await?;
            event::post(&self.access, (&self.restarts.pod, &pod.uid), (news, text), now).await
        })
    }

    fn keeps_volumes(&self) -> bool {
        matches!(self.restarts.engine, Engine::Signal { .. })
    }
}
