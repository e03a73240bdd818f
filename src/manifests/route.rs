//! Routes from outside the cluster to Services: Ingress, Gateway API, OpenShift, Istio, Contour, Traefik.

use std::path::Path;
use std::sync::Arc;

use super::backend::{Backend, PortRef};
use super::document::Word;
use super::meta::Meta;
use crate::text::yaml::Node;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Kind, name, namespace, place.
    pub meta: Meta,
    /// Host names with their backends.
    pub hosts: Vec<RouteHost>,
    /// Backends without a host name of their own: the hosts are those of the gateways.
    pub hostless: Vec<Backend>,
    /// The gateways that it attaches to, by name, if its kind does.
    pub gateways: Vec<String>,
    /// Whether TLS passes through to the peer.
    pub passthrough: Passthrough,
}

/// A host name that leads to Services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteHost {
    /// The name; may be a wildcard.
    pub host: Word,
    /// Its backends.
    pub backends: Vec<Backend>,
}

/// Whether TLS passes through to the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passthrough {
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

/// Annotations that make ingress controllers pass TLS through.
const PASSTHROUGH: [&str; 4] = [
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "ingress.kubernetes.io/ssl-passthrough",
    "haproxy.org/ssl-passthrough",
    "haproxy-ingress.github.io/ssl-passthrough",
];

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

    fn ingress(&mut self, document: &Node) {
        // The controllers read the value as Go's strconv.ParseBool does.
        let is_on = |value: &str| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True");
        let through = PASSTHROUGH.iter().any(|name| self.meta.annotation(name).is_some_and(is_on));
        let is_tls_behind = |(key, value): &(String, Word)| {
            key.ends_with("/backend-protocol") && matches!(value.text.to_ascii_uppercase().as_str(), "GRPCS" | "HTTPS")
        };
        self.passthrough = if through {
            Passthrough::Yes
        } else if self.meta.annotations.iter().any(is_tls_behind) {
            Passthrough::Reencrypted
        } else {
            Passthrough::No
        };
        for rule in document.items_at(&["spec", "rules"]) {
            let paths = rule.items_at(&["http", "paths"]).iter();
            let backends: Vec<Backend> = paths.filter_map(|p| Backend::of_ingress(p.get("backend")?)).collect();
            match Word::at(rule, &["host"]) {
                Some(host) => self.host(host, backends),
                None => self.hostless.extend(backends),
            }
        }
        let default = document.find(&["spec", "defaultBackend"]).or_else(|| document.find(&["spec", "backend"]));
        self.hostless.extend(default.and_then(Backend::of_ingress));
    }

    fn gateway_api(&mut self, document: &Node, kind: &str) {
        if matches!(kind, "HTTPRoute" | "GRPCRoute") {
            // A BackendTLSPolicy decides whether the gateway uses TLS to the pod.
            self.passthrough = Passthrough::Reencrypted;
        }
        let references =
            |rule: &Node| rule.items_at(&["backendRefs"]).iter().filter_map(Backend::reference).collect::<Vec<_>>();
        let backends: Vec<Backend> = document.items_at(&["spec", "rules"]).iter().flat_map(references).collect();
        let parents = document.items_at(&["spec", "parentRefs"]).iter();
        self.gateways = parents.filter_map(|p| p.text_at(&["name"])).map(str::to_owned).collect();
        self.hosts_or_gateways(Word::list(document, &["spec", "hostnames"]), backends);
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

    fn openshift(&mut self, document: &Node) {
        let termination = document.text_at(&["spec", "tls", "termination"]);
        self.passthrough = match termination {
            Some("passthrough") => Passthrough::Yes,
            Some("reencrypt") => Passthrough::Reencrypted,
            _ => Passthrough::No,
        };
        let port = PortRef::of(document.find(&["spec", "port", "targetPort"]));
        let others = document.items_at(&["spec", "alternateBackends"]).iter();
        let backends = document.find(&["spec", "to"]).into_iter().chain(others).filter_map(Backend::reference);
        let backends = backends.map(|b| Backend { port: port.clone(), ..b }).collect();
        if let Some(host) = Word::at(document, &["spec", "host"]) {
            self.host(host, backends);
        }
    }

    /// `tls` routes match SNI and pass TLS through; `http` routes need TLS to have ended.
    fn istio(&mut self, document: &Node) {
        let hosts: Vec<Word> = Word::list(document, &["spec", "hosts"]).into_iter().filter(|h| h.text != "*").collect();
        self.gateways = Word::list(document, &["spec", "gateways"])
            .into_iter()
            .map(|g| g.text.rsplit('/').next().unwrap_or_default().to_owned())
            .filter(|g| g != "mesh")
            .collect();
        let backends = |rule: &Node| rule.items_at(&["route"]).iter().filter_map(Backend::of_istio).collect::<Vec<_>>();
        for rule in document.items_at(&["spec", "tls"]) {
            self.passthrough = Passthrough::Yes;
            let sni: Vec<Word> = rule.items_at(&["match"]).iter().flat_map(|m| Word::list(m, &["sniHosts"])).collect();
            let named = if sni.is_empty() { hosts.clone() } else { sni };
            self.hosts_or_gateways(named, backends(rule));
        }
        // Within the mesh nothing ends the TLS of the applications.
        if self.gateways.is_empty() {
            self.passthrough = Passthrough::Yes;
        }
        let is_outside = !self.gateways.is_empty();
        for part in ["tcp", "http"] {
            for rule in document.items_at(&["spec", part]) {
                if part == "http" && is_outside {
                    // A DestinationRule decides whether the gateway uses TLS to the pod.
                    self.passthrough = Passthrough::Reencrypted;
                }
                self.hosts_or_gateways(hosts.clone(), backends(rule));
            }
        }
    }

    /// `tcpproxy` passes TLS through if configured to; otherwise it ends TLS and connects to the pod with TCP or TLS.
    fn contour(&mut self, document: &Node) {
        let at = |path: &[&str]| document.find(path);
        self.passthrough = if super::document::is_true(at(&["spec", "virtualhost", "tls", "passthrough"])) {
            Passthrough::Yes
        } else {
            Passthrough::Reencrypted
        };
        let Some(host) = Word::at(document, &["spec", "virtualhost", "fqdn"]) else { return };
        let routes = document.items_at(&["spec", "routes"]).iter().flat_map(|r| r.items_at(&["services"]));
        let services = document.items_at(&["spec", "tcpproxy", "services"]).iter().chain(routes);
        self.host(host, services.filter_map(Backend::reference).collect());
    }

    fn traefik(&mut self, document: &Node) {
        let through = super::document::is_true(document.find(&["spec", "tls", "passthrough"]));
        self.passthrough = if through { Passthrough::Yes } else { Passthrough::No };
        for rule in document.items_at(&["spec", "routes"]) {
            let backends: Vec<Backend> = rule.items_at(&["services"]).iter().filter_map(Backend::reference).collect();
            let Some(matches) = Word::at(rule, &["match"]) else { continue };
            // HostSNI(`a`) || HostSNI(`b`)
            for host in matches.text.split("HostSNI(`").skip(1).filter_map(|t| t.split('`').next()) {
                if host != "*" {
                    self.host(Word { text: host.to_owned(), line: matches.line }, backends.clone());
                }
            }
        }
    }
}

/// A gateway: its hosts apply to routes without hosts of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Kind, name, namespace, place.
    pub meta: Meta,
    /// The hosts of its listeners.
    pub hosts: Vec<Word>,
    /// Whether its listeners pass TLS through.
    pub passthrough: Passthrough,
}

impl Gateway {
    /// Reads a gateway of the Gateway API (`listeners`) or of Istio (`servers`).
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        let meta = Meta::read(document, kind, path);
        let (mut hosts, mut modes) = (Vec::new(), Vec::new());
        for listener in document.items_at(&["spec", "listeners"]) {
            hosts.extend(Word::at(listener, &["hostname"]));
            modes.extend(listener.text_at(&["tls", "mode"]));
        }
        for server in document.items_at(&["spec", "servers"]) {
            let bare = |w: Word| Word { text: w.text.rsplit('/').next().unwrap_or_default().to_owned(), ..w };
            hosts.extend(Word::list(server, &["hosts"]).into_iter().map(bare).filter(|h| h.text != "*"));
            modes.extend(server.text_at(&["tls", "mode"]));
        }
        let is = |mode: &&str, wanted: &str| mode.eq_ignore_ascii_case(wanted);
        let passthrough = if modes.is_empty() {
            Passthrough::Elsewhere
        } else if modes.iter().all(|m| is(m, "passthrough")) {
            Passthrough::Yes
        } else if modes.iter().any(|m| is(m, "passthrough")) {
            Passthrough::Elsewhere
        } else {
            Passthrough::Reencrypted
        };
        Self { meta, hosts, passthrough }
    }
}
