//! A KIND cluster for trials.

/// How kube-proxy spreads connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyMode {
    /// At random, by iptables: the default.
    Iptables,
    /// In turn, by the kernel's virtual server.
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

    /// What to expect of it (Kubernetes, Virtual IPs and Service Proxies; KEP-5495).
    const fn comment(self) -> &'static str {
        match self {
            Self::Iptables => "# iptables: each connection meets a member at random.",
            Self::Ipvs => {
                "# ipvs: connections meet the members in turn. Deprecated since Kubernetes 1.35; by KEP-5495 off by default in 1.40\n\
                 # and gone in 1.43: take nftables for anything that is to stay."
            }
            Self::Nftables => "# nftables: each connection meets a member at random. Stable since Kubernetes 1.33.",
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
