//! The Secrets that hold the result, in place of folders.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;

use clap::Args;

/// The Secrets of an identity.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct ClusterArgs {
    /// Store the identity in Secrets in place of folders: NAME holds the TLS pair (tls.crt, tls.key, ca.crt), NAME-msp the MSP
    /// folder, NAME-fabcert the state between runs
    #[arg(long, value_name = "NAME", env = "FABCERT_K8S_SECRET", help_heading = "Kubernetes")]
    pub(in crate::cli) k8s_secret: Option<String>,
    /// Namespace of the Secrets [default: --namespace, then that of the context or of the pod]
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "FABCERT_K8S_NAMESPACE",
        requires = "k8s_secret",
        help_heading = "Kubernetes"
    )]
    pub(in crate::cli) k8s_namespace: Option<String>,
    /// File that describes the cluster [default: KUBECONFIG, then ~/.kube/config, then the token of the pod]
    #[arg(long, value_name = "FILE", env = "FABCERT_KUBECONFIG", requires = "k8s_secret", help_heading = "Kubernetes")]
    pub(in crate::cli) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(
        long,
        value_name = "CONTEXT",
        env = "FABCERT_KUBE_CONTEXT",
        requires = "k8s_secret",
        help_heading = "Kubernetes"
    )]
    pub(in crate::cli) kube_context: Option<String>,
}
