//! A request to the dev CA: the CA that it selects, and its sender.

use std::sync::MutexGuard;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::fault::Fault;
use super::identity::{Identity, Registry};
use super::issue;
use super::log::{Endpoint, lock};
use super::refusal::Refusal;
use super::state::{Ca, Server};
use super::token::{self, Signed};
use super::wire::{Body, CaInfo};

/// A routed request.
pub(super) struct Call<'a> {
    pub(super) server: &'a Server,
    pub(super) endpoint: Endpoint,
    pub(super) method: &'a str,
    /// Path and query as seen by the CA.
    pub(super) target: &'a str,
    pub(super) authorization: Option<&'a str>,
    pub(super) body: &'a [u8],
    pub(super) faults: &'a [Fault],
}

/// The version of the real server that the dev CA follows.
const VERSION: &str = "1.5.21";

impl<'a> Call<'a> {
    /// The decoded query parameter `name`; empty if absent.
    pub(super) fn query(&self, name: &str) -> String {
        let query = self.target.split_once('?').map_or("", |(_, q)| q);
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(k, _)| k == name).map_or_else(String::new, |(_, v)| v.into_owned())
    }

    /// The requested CA name: from the query, then the body, then the default.
    pub(super) fn ca_name(&self) -> Result<String, Refusal> {
        let name = self.query("ca");
        if !name.is_empty() {
            return Ok(name);
        }
        let body = Body::parse(self.body)?;
        let name = body.fields("lib.caNameReqBody")?.text("caname")?;
        Ok(if name.is_empty() { self.server.default_ca().name.clone() } else { name.to_owned() })
    }

    /// The requested CA.
    pub(super) fn ca(&self) -> Result<&'a Ca, Refusal> {
        let name = self.ca_name()?;
        self.server.ca(&name).ok_or_else(|| Refusal::new(404, 19, format!("CA '{name}' does not exist")))
    }

    fn header(&self) -> Result<&'a str, Refusal> {
        self.authorization.filter(|h| !h.is_empty()).ok_or_else(|| Refusal::new(401, 2, "No authorization header"))
    }

    /// Id and secret of Basic authentication, split at the first colon.
    pub(super) fn basic(&self) -> Result<(String, Vec<u8>), Refusal> {
        let header = self.header()?;
        let credential = header.split_at_checked(6).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic "));
        let decoded = credential.and_then(|(_, encoded)| STANDARD.decode(encoded).ok());
        let decoded = decoded.ok_or_else(Refusal::authentication)?;
        let colon = decoded.iter().position(|b| *b == b':').ok_or_else(Refusal::authentication)?;
        let id = String::from_utf8(decoded[..colon].to_vec()).map_err(|_| Refusal::authentication())?;
        Ok((id, decoded[colon + 1..].to_vec()))
    }

    /// The id of the signer of the token: its certificate is from this CA, valid, recorded and not revoked, and its
    /// identity exists.
    pub(super) fn token(&self, registry: &Registry, ca: &Ca) -> Result<String, Refusal> {
        let signed = Signed { method: self.method, target: self.target, body: self.body };
        self.token_holder(registry, ca, &signed)?.ok_or_else(Refusal::authentication)
    }

    fn token_holder(&self, registry: &Registry, ca: &Ca, signed: &Signed<'_>) -> Result<Option<String>, Refusal> {
        let Some(der) = token::verify(self.header()?, signed) else { return Ok(None) };
        let Ok((_, certificate)) = X509Certificate::from_der(&der) else { return Ok(None) };
        let now = self.server.now().unix();
        let validity = certificate.validity();
        let expired_may = self.endpoint == Endpoint::Reenroll && self.server.config.reenroll_expired;
        let in_time = validity.not_before.timestamp() <= now && (now <= validity.not_after.timestamp() || expired_may);
        if !in_time || !ca.issued(&certificate) {
            return Ok(None);
        }
        let known = registry.issued_as(&issue::trimmed_hex(certificate.raw_serial())).filter(|c| !c.revoked);
        let id = certificate.subject().iter_common_name().last().and_then(|cn| cn.as_str().ok());
        Ok(id.filter(|id| known.is_some() && registry.get(id).is_some()).map(str::to_owned))
    }

    /// Requires a header, whose content is checked only after the CA is looked up.
    pub(super) fn require_header(&self) -> Result<(), Refusal> {
        self.header().map(|_| ())
    }

    /// The CA information in every answer; only `cainfo` has the version.
    pub(super) fn ca_info(ca: &Ca, chain_pem: &str, with_version: bool) -> CaInfo {
        CaInfo {
            ca_name: ca.name.clone(),
            ca_chain: STANDARD.encode(chain_pem),
            issuer_public_key: STANDARD.encode(IDEMIX_ATTRIBUTES),
            issuer_revocation_public_key: STANDARD.encode(&ca.revocation_key_pem),
            version: if with_version { VERSION } else { "" },
        }
    }

    pub(super) fn struck_by(&self, fault: &Fault) -> bool {
        self.faults.contains(fault)
    }
}

/// The start of an Idemix issuer key: its attribute names without the key, because the dev CA has no Idemix.
const IDEMIX_ATTRIBUTES: &[u8] = b"\n\x02OU\n\x04Role\n\x0cEnrollmentID\n\x10RevocationHandle";

/// Locks and returns the registry of `ca`.
pub(super) fn registry_of(ca: &Ca) -> MutexGuard<'_, Registry> {
    lock(&ca.registry)
}

/// Whether `caller` may act on identities of `kind` (`canActOnType`).
pub(super) fn may_act_on_type(caller: &Identity, kind: &str) -> bool {
    let kind = if kind.is_empty() { "client" } else { kind };
    let roles = caller.attribute("hf.Registrar.Roles").unwrap_or("");
    roles.split(',').any(|role| role == "*" || role.eq_ignore_ascii_case(kind))
}

/// Whether `affiliation` is the caller's or below it.
pub(super) fn is_within(caller: &Identity, affiliation: &str) -> bool {
    let own = caller.affiliation.as_str();
    own.is_empty() || affiliation.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
