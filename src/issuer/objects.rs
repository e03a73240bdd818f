//! The objects of the API that the controller reads and writes.

use serde_json::json;
use zeroize::Zeroizing;

use super::kind::{self, IssuerKind, KeyRef, TlsCa};
use super::request::{self, Metadata};
use super::status::shown;
use crate::cluster::{Access, Kind, Named};
use crate::secret::Cleaned;
use crate::text::hex;
use crate::{Error, ErrorKind, Secret, Timestamp};

pub(super) const REQUESTS: Kind =
    Kind { group: request::GROUP, version: request::VERSION, name: request::KIND, plural: "certificaterequests" };

pub(super) const CONFIG_MAPS: Kind = Kind { group: "", version: "v1", name: "ConfigMap", plural: "configmaps" };

const EVENTS: Kind = Kind { group: "", version: "v1", name: "Event", plural: "events" };

/// The objects of a kind of issuer.
pub(super) const fn issuers(kind: IssuerKind) -> Kind {
    Kind { group: kind::GROUP, version: kind::VERSION, name: kind.name(), plural: kind.plural() }
}

/// The trust anchors for the connection to the CA, PEM.
///
/// # Errors
/// When they cannot be read.
pub(super) async fn anchors(access: &Access, tls_ca: &TlsCa) -> Result<String, Error> {
    if let Some(pem) = &tls_ca.pem {
        return Ok(pem.clone());
    }
    if let Some(key) = &tls_ca.secret_ref {
        let bytes = secret_key(access, key, "ca.crt").await?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let reference = tls_ca.config_map_ref.as_ref();
    let reference = reference.ok_or_else(|| Error::new(ErrorKind::Input, "spec.tlsCa names nothing"))?;
    let key = reference.key.as_deref().unwrap_or("ca.crt");
    let named = Named { kind: &CONFIG_MAPS, namespace: Some(access.namespace()), name: &reference.name };
    let found: Option<serde_json::Value> = access.get_object(named).await?;
    let text = found.as_ref().and_then(|found| found["data"][key].as_str());
    text.map(str::to_owned).ok_or_else(|| {
        missing(&format!("the ConfigMap {}/{} with the key {key} does not exist", access.namespace(), reference.name))
    })
}

/// An enrolment secret.
///
/// # Errors
/// When it cannot be read, or is not what is expected.
pub(super) async fn secret(access: &Access, reference: &KeyRef) -> Result<Secret, Error> {
    let bytes = secret_key(access, reference, "secret").await?;
    let cleaned = Cleaned::read(&bytes);
    let cleaned = cleaned.map_err(|reason| {
        Error::new(ErrorKind::Input, format!("the Secret {}/{} {reason}", access.namespace(), reference.name))
    })?;
    Ok(cleaned.secret)
}

async fn secret_key(access: &Access, reference: &KeyRef, default: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = reference.key.as_deref().unwrap_or(default);
    let found = access.secret_data(&reference.name).await?;
    found.and_then(|mut data| data.remove(key)).ok_or_else(|| {
        missing(&format!("the Secret {}/{} with the key {key} does not exist", access.namespace(), reference.name))
    })
}

fn missing(message: &str) -> Error {
    Error::new(ErrorKind::Input, message).with_help("create it, or correct the reference in the spec of the issuer")
}

/// The name of the Secrets of a credential: readable, and different for each id.
pub(super) fn credential_name(kind: IssuerKind, issuer: &str, id: &str) -> String {
    let readable = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = id.chars().take(40).map(readable).collect();
    let all = format!("{}/{issuer}/{id}", kind.name());
    let digest = ring::digest::digest(&ring::digest::SHA256, all.as_bytes());
    let prefix: String = issuer.chars().take(120).collect();
    format!("{}-{}-{}", prefix.trim_end_matches('.'), slug.trim_matches('-'), hex(&digest.as_ref()[..5]))
}

/// Posts an Event about an object. That it cannot be posted is logged: nothing depends on it.
pub(super) async fn event(
    access: &Access,
    (kind, about): (&Kind, &Metadata),
    (is_warning, reason, message): (bool, &str, &str),
    now: Timestamp,
) {
    let namespace = about.namespace.as_deref().unwrap_or_else(|| access.namespace());
    let Ok(suffix) = crate::identity::state::random_id::random_id() else { return };
    let name = format!("{}.{suffix}", about.name.chars().take(200).collect::<String>());
    let message: String = shown(message).chars().take(1000).collect();
    let body = json!({
        "involvedObject": {"apiVersion": kind.api_version(), "kind": kind.name, "namespace": about.namespace,
            "name": about.name, "uid": about.uid},
        "type": if is_warning { "Warning" } else { "Normal" },
        "reason": reason,
        "message": message,
        "source": {"component": "fabcert-issuer"},
        "firstTimestamp": now.rfc3339(),
        "lastTimestamp": now.rfc3339(),
        "count": 1,
    });
    let named = Named { kind: &EVENTS, namespace: Some(namespace), name: &name };
    if let Err(e) = access.create_object(named, body).await {
        tracing::debug!("{e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::SecretNames;

    #[test]
    fn each_id_has_secrets_of_its_own_with_names_that_the_api_takes() {
        let name = |id: &str| credential_name(IssuerKind::Namespaced, "org1", id);
        for id in ["org1-peer1", "Peer 1", "peer_1", "peer.1", "ü", "-", &"x".repeat(300)] {
            SecretNames::new(&name(id)).unwrap();
        }
        assert_ne!(name("peer.1"), name("peer_1"));
        assert_ne!(name("a"), credential_name(IssuerKind::Cluster, "org1", "a"));
        SecretNames::new(&credential_name(IssuerKind::Cluster, &"a.".repeat(126), "a")).unwrap();
    }
}
