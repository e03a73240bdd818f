//! Connections that several clients use one after the other.

use std::time::Duration;

use super::TrustAnchors;
use super::transport::Transport;
use crate::Secret;

/// The open connections to CAs, for the requests of one thread: each client of the same [`Route`] uses the same ones. They hold
/// neither secrets nor tokens, which belong to single requests.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Vec<(Route, Transport)>,
}

impl Connections {
    /// The transport of a route, which is opened at its first use.
    pub(super) fn over<E>(
        &mut self,
        route: Route,
        make: impl FnOnce() -> Result<Transport, E>,
    ) -> Result<Transport, E> {
        if let Some((_, transport)) = self.open.iter().find(|(known, _)| known.is_same(&route)) {
            return Ok(transport.clone());
        }
        let transport = make()?;
        self.open.push((route, transport.clone()));
        Ok(transport)
    }
}

/// What a connection was opened with, and proven by.
#[derive(Debug)]
pub(super) struct Route {
    /// `HOST:PORT`.
    pub(super) address: String,
    pub(super) plaintext: bool,
    pub(super) anchors: TrustAnchors,
    /// The client certificate, PEM; its first one has the key that is used.
    pub(super) identity: Option<Vec<u8>>,
    pub(super) proxy: Option<Secret>,
    /// The limits of connection and request.
    pub(super) limits: [Duration; 2],
}

impl Route {
    /// Whether a connection of one can be used for the other. The files that the anchors are from do not matter.
    fn is_same(&self, other: &Self) -> bool {
        self.address == other.address
            && self.plaintext == other.plaintext
            && self.anchors.certs().eq(other.anchors.certs())
            && self.identity == other.identity
            && self.proxy.as_ref().map(Secret::expose) == other.proxy.as_ref().map(Secret::expose)
            && self.limits == other.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_with_other_trust_identity_proxy_or_limits_share_nothing() {
        let anchors = |label| {
            TrustAnchors::from_pem(label, include_bytes!("../../testdata/certs/two-intermediates-root.pem")).unwrap()
        };
        let route = |label| Route {
            address: "ca:7054".to_owned(),
            plaintext: false,
            anchors: anchors(label),
            identity: None,
            proxy: None,
            limits: [Duration::from_secs(5); 2],
        };
        let changes: [fn(&mut Route); 6] = [
            |route| route.address = "ca:7055".to_owned(),
            |route| route.plaintext = true,
            |route| route.anchors = TrustAnchors::default(),
            |route| route.identity = Some(b"PEM".to_vec()),
            |route| route.proxy = Some(Secret::new("http://proxy")),
            |route| route.limits[1] = Duration::from_secs(6),
        ];
        assert!(route("a.pem").is_same(&route("b.pem")));
        for (at, change) in changes.iter().enumerate() {
            let mut other = route("a.pem");
            change(&mut other);
            assert!(!other.is_same(&route("a.pem")), "change {at}");
        }
    }
}
