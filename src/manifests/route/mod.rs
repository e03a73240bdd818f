//! Routes from outside the cluster to Services: Ingress, Gateway API, OpenShift, Istio, Contour, Traefik.

mod contour;
mod gateway;
mod gateway_api;
mod ingress;
mod istio;
mod openshift;
mod traefik;

use std::path::Path;
use std::sync::Arc;

use super::backend::Backend;
use super::document::Word;
use super::meta::Meta;
use crate::text::yaml::Node;

pub(crate) use gateway::Gateway;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Kind, name, namespace, place.
    pub(crate) meta: Meta,
    /// Host names with their backends.
    pub(crate) hosts: Vec<RouteHost>,
    /// Backends without a host name of their own: the hosts are those of the gateways.
    pub(crate) hostless: Vec<Backend>,
    /// The gateways that it attaches to, by name, if its kind does.
    pub(crate) gateways: Vec<String>,
    /// Whether TLS passes through to the peer.
    pub(crate) passthrough: Passthrough,
}

/// A host name that leads to Services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteHost {
    /// The name; may be a wildcard.
    pub(crate) host: Word,
    /// Its backends.
    pub(crate) backends: Vec<Backend>,
}

/// Whether TLS passes through to the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passthrough {
    /// TLS passes through.
    Yes,
    /// The route ends TLS and starts a new connection: clients see another certificate, and the peer does not see
    /// theirs.
    Reencrypted,
    /// The route ends TLS and connects to a TLS port without it.
    No,
    /// Another object decides.
    Elsewhere,
}

impl Route {
    /// Reads a route of a known kind.
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Option<Self> {
        let meta = Meta::read(document, kind, path);
        let mut route = Self {
            meta,
            hosts: Vec::new(),
            hostless: Vec::new(),
            gateways: Vec::new(),
            passthrough: Passthrough::Elsewhere,
        };
        match kind {
            "Ingress" => route.ingress(document),
            "TLSRoute" | "TCPRoute" | "HTTPRoute" | "GRPCRoute" => route.gateway_api(document, kind),
            "Route" => route.openshift(document),
            "VirtualService" => route.istio(document),
            "HTTPProxy" => route.contour(document),
            "IngressRouteTCP" => route.traefik(document),
            _ => return None,
        }
        Some(route)
    }

    fn host(&mut self, host: Word, backends: Vec<Backend>) {
        match self.hosts.iter_mut().find(|h| h.host.text == host.text) {
            Some(known) => known.backends.extend(backends),
            None => self.hosts.push(RouteHost { host, backends }),
        }
    }

    fn hosts_or_gateways(&mut self, hosts: Vec<Word>, backends: Vec<Backend>) {
        if hosts.is_empty() {
            self.hostless.extend(backends);
            return;
        }
        for host in hosts {
            self.host(host, backends.clone());
        }
    }
}
