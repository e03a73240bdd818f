//! A KIND cluster for trying out the manifests.

/// The balancing of connections by kube-proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyMode {
    /// At random, by iptables: the default.
    Iptables,
    /// In turn, by IPVS.
    Ipvs,
    /// At random, by nftables.
    Nftables,
}

impl ProxyMode {
    const fn word(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipvs => "ipvs",
            Self::Nftables => "nftables",
        }
    }

    /// The comment in the rendered file (Kubernetes, Virtual IPs and Service Proxies; KEP-5495).
    const fn comment(self) -> &'static str {
        match self {
            Self::Iptables => "# iptables: each connection goes to a random member.",
            Self::Ipvs => {
                "# ipvs: connections go to the members in turn. Deprecated since Kubernetes 1.35; KEP-5495 disables it by default in 1.40\n\
                 # and removes it in 1.43: use nftables for permanent clusters."
            }
            Self::Nftables => "# nftables: each connection goes to a random member. Stable since Kubernetes 1.33.",
        }
    }
}

pub(super) fn render(mode: ProxyMode) -> String {
    format!(
        "# kind create cluster --config kind/cluster.yaml\n{}\nkind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking:\n  kubeProxyMode: {}\n\
         nodes:\n  - role: control-plane\n  - role: worker\n  - role: worker\n",
        mode.comment(),
        mode.word()
    )
}
