//! The Secrets that hold the result, in place of folders, and restarts by the cluster.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use crate::cluster::{Chosen, Workload};

/// What needs a cluster.
const USE: &str = "cluster_use";

/// The Secrets of an identity.
#[derive(Args, Clone, Debug, Default)]
#[command(group(ArgGroup::new(USE).multiple(true)))]
pub(in crate::cli) struct ClusterArgs {
    /// Store the identity in Secrets in place of folders: NAME holds the TLS pair (tls.crt, tls.key, ca.crt), NAME-msp the MSP
    /// folder, NAME-fabcert the state between runs
    #[arg(long, value_name = "NAME", env = "FABCERT_K8S_SECRET", group = USE, help_heading = "Kubernetes")]
    pub(in crate::cli) k8s_secret: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) access: AccessArgs,
}

/// Which cluster and namespace.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct AccessArgs {
    /// Namespace of the Secrets [default: --namespace, then that of the context or of the pod]
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "FABCERT_K8S_NAMESPACE",
        requires = USE,
        help_heading = "Kubernetes"
    )]
    pub(in crate::cli) k8s_namespace: Option<String>,
    /// File that describes the cluster [default: KUBECONFIG, then ~/.kube/config, then the token of the pod]
    #[arg(long, value_name = "FILE", env = "FABCERT_KUBECONFIG", requires = USE, help_heading = "Kubernetes")]
    pub(in crate::cli) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(
        long,
        value_name = "CONTEXT",
        env = "FABCERT_KUBE_CONTEXT",
        requires = USE,
        help_heading = "Kubernetes"
    )]
    pub(in crate::cli) kube_context: Option<String>,
}

/// A Secret that a certificate and its key come from.
#[derive(Args, Clone, Debug, Default)]
#[command(group(ArgGroup::new(USE).multiple(true)))]
pub(in crate::cli) struct SecretArgs {
    /// Secret with the certificate, its key and its CAs, in place of --cert and --chain: tls.crt, tls.key and ca.crt, as
    /// cert-manager writes it, or the files of an MSP folder, as fabcert --k8s-secret writes it
    #[arg(long, value_name = "NAME", env = "FABCERT_FROM_SECRET", group = USE, conflicts_with = "cert", help_heading = "Kubernetes")]
    pub(in crate::cli) from_secret: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) access: AccessArgs,
}

/// How the cluster restarts a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RestartArg {
    /// Evict the pod of the agent, when the PodDisruptionBudget over the members lets it go
    Evict,
    /// Send the --signal, under the Lease of the gateway
    Signal,
    /// Change an annotation of the template of --restart-workload, under the Lease of the gateway
    Template,
}

/// Restarts of the node by the cluster.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct RestartArgs {
    /// Restart the node after each renewal, one member of the gateway at a time: one restart for a certificate, 3 a day at most
    #[arg(long, value_name = "HOW", value_enum, group = USE, requires = "served", env = "FABCERT_RESTART", help_heading = "Kubernetes")]
    pub(in crate::cli) restart: Option<RestartArg>,
    /// Pod of the agent and the node [default: POD_NAME]. Its namespace is that of --k8s-namespace, else POD_NAMESPACE
    #[arg(long, value_name = "NAME", requires = "restart", env = "FABCERT_POD", help_heading = "Kubernetes")]
    pub(in crate::cli) pod: Option<String>,
    /// Workload whose template is changed, as deployment/NAME or statefulset/NAME
    #[arg(
        long,
        value_name = "KIND/NAME",
        requires = "restart",
        env = "FABCERT_RESTART_WORKLOAD",
        help_heading = "Kubernetes"
    )]
    pub(in crate::cli) restart_workload: Option<Workload>,
    /// Lease that all members of the gateway share [default: fabcert- and the first --gateway-service]
    #[arg(long, value_name = "NAME", requires = "restart", env = "FABCERT_RESTART_LEASE", help_heading = "Kubernetes")]
    pub(in crate::cli) restart_lease: Option<String>,
}

impl AccessArgs {
    /// The cluster that was chosen; `namespace` counts where none is given.
    pub(in crate::cli) fn chosen<'a>(
        &'a self,
        namespace: Option<&'a str>,
        (timeout, wait): (Duration, Option<Duration>),
    ) -> Chosen<'a> {
        Chosen {
            kubeconfig: self.kubeconfig.as_deref(),
            context: self.kube_context.as_deref(),
            namespace: self.k8s_namespace.as_deref().or(namespace),
            timeout,
            wait,
        }
    }
}
