//! The Services that a route leads to.

use super::document::Word;
use crate::text::yaml::Node;

/// A Service behind a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backend {
    /// The Service's name.
    pub(crate) service: Word,
    /// Its namespace, if the route names one; otherwise the route's own.
    pub(crate) namespace: Option<String>,
    /// Its port.
    pub(crate) port: Option<PortRef>,
}

/// A port of a Service, as a route names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PortRef {
    /// By number.
    Number(u16),
    /// By name.
    Name(String),
}

impl PortRef {
    pub(super) fn of(node: Option<&Node>) -> Option<Self> {
        let text = node?.text().filter(|t| !t.is_empty())?;
        Some(text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Number))
    }
}

impl Backend {
    /// Reads `{name, namespace, port}`, as the Gateway API and Traefik write it. Returns `None` for kinds other than
    /// Service.
    pub(super) fn reference(node: &Node) -> Option<Self> {
        if node.text_at(&["kind"]).is_some_and(|kind| kind != "Service") {
            return None;
        }
        Some(Self {
            service: Word::at(node, &["name"])?,
            namespace: node.text_at(&["namespace"]).map(str::to_owned),
            port: PortRef::of(node.get("port")),
        })
    }

    /// Reads an Ingress backend: `service: {name, port: {name | number}}`, or `serviceName` and `servicePort` before
    /// networking.k8s.io/v1.
    pub(super) fn of_ingress(node: &Node) -> Option<Self> {
        let port = node.find(&["service", "port"]);
        Some(Self {
            service: Word::at(node, &["service", "name"]).or_else(|| Word::at(node, &["serviceName"]))?,
            namespace: None,
            port: PortRef::of(
                port.and_then(|p| p.get("number").or_else(|| p.get("name"))).or_else(|| node.get("servicePort")),
            ),
        })
    }

    /// Reads an Istio destination: a short name or a full one, `S.N.svc.DOMAIN`.
    pub(super) fn of_istio(node: &Node) -> Option<Self> {
        let host = Word::at(node, &["destination", "host"])?;
        let mut labels = host.text.split('.');
        let service = labels.next()?.to_owned();
        let namespace = labels.next().map(str::to_owned);
        if namespace.is_some() && labels.next().is_some_and(|l| l != "svc") {
            return None;
        }
        Some(Self {
            service: Word { text: service, line: host.line },
            namespace,
            port: PortRef::of(node.find(&["destination", "port", "number"])),
        })
    }
}
