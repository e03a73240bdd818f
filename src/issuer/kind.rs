//! The kinds of issuers, and what is written in them.

use serde::{Deserialize, Serialize};

use crate::pki::x509::NodeOu;
use crate::text::Pattern;

/// The API group of the kinds.
pub(crate) const GROUP: &str = "fabcert.dev";

/// The version of the kinds.
pub(crate) const VERSION: &str = "v1alpha1";

/// A kind of issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum IssuerKind {
    /// `FabricCAIssuer`, for the requests of its own namespace.
    Namespaced,
    /// `FabricCAClusterIssuer`, for the requests of the namespaces that it allows.
    Cluster,
}

impl IssuerKind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Namespaced, Self::Cluster];

    /// The name of the kind.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Namespaced => "FabricCAIssuer",
            Self::Cluster => "FabricCAClusterIssuer",
        }
    }

    /// Its name in URLs.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Namespaced => "fabriccaissuers",
            Self::Cluster => "fabriccaclusterissuers",
        }
    }

    /// The kind with this name; `None` for another one.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// `spec` of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssuerSpec {
    /// `https://HOST[:PORT][/PATH]`.
    pub(super) url: String,
    /// The CA on the server; the server's default CA otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ca_name: Option<String>,
    pub(super) tls_ca: TlsCa,
    /// The identities whose secret is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) identities: Vec<IdentitySpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) registrar: Option<RegistrarSpec>,
    /// Who may request what. Empty: the requests of the issuer's own namespace, for `identities`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) allow: Vec<AllowRule>,
    #[serde(default)]
    pub(super) profiles: Profiles,
    /// Whether an orderer gets certificates for another key than before.
    #[serde(default)]
    pub(super) allow_key_change: bool,
    /// Whether the channels accept Ed25519 identities (capability `V3_0`).
    #[serde(default)]
    pub(super) allow_ed25519: bool,
}

/// The trust anchors for the connection to the CA: one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TlsCa {
    /// PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret_ref: Option<KeyRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config_map_ref: Option<KeyRef>,
}

/// A key of a Secret or a ConfigMap in the issuer's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRef {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}

/// A Secret in the issuer's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameRef {
    pub(super) name: String,
}

/// An identity that is registered at the CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdentitySpec {
    pub(super) id: String,
    /// Its enrolment secret; the key is `secret` by default.
    pub(super) secret_ref: KeyRef,
    /// Its type; without one the certificate must have one of the four NodeOUs.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) identity_type: Option<IdentityType>,
}

/// The registrar that registers identities when they are requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistrarSpec {
    /// Its certificate and key: `tls.crt` and `tls.key`, or `signcert.pem` and `key.pem`.
    pub(super) secret_ref: NameRef,
    /// The affiliation of new identities; the registrar's otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) affiliation: Option<String>,
    /// Whether an identity that exists gets a new secret, which ends whatever uses the old one.
    #[serde(default)]
    pub(super) take_over: bool,
}

/// What some namespaces may request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AllowRule {
    /// Patterns of namespaces; empty for the issuer's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) namespaces: Vec<String>,
    /// Patterns of enrolment ids.
    pub(super) ids: Vec<String>,
    /// Types; empty for all but `admin`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) types: Vec<IdentityType>,
    /// Signing profiles that a request may choose with its annotation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) profiles: Vec<String>,
}

/// The signing profiles of the CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profiles {
    /// For requests with the usages server auth or client auth.
    #[serde(default = "tls")]
    pub(super) tls: String,
    /// For the others; the CA's default otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sign: Option<String>,
}

fn tls() -> String {
    "tls".to_owned()
}

impl Default for Profiles {
    fn default() -> Self {
        Self { tls: tls(), sign: None }
    }
}

/// The type of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IdentityType {
    Peer,
    Orderer,
    Client,
    Admin,
}

impl IdentityType {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Peer, Self::Orderer, Self::Client, Self::Admin];

    /// The NodeOU of its certificates.
    pub(super) const fn node_ou(self) -> NodeOu {
        match self {
            Self::Peer => NodeOu::Peer,
            Self::Orderer => NodeOu::Orderer,
            Self::Client => NodeOu::Client,
            Self::Admin => NodeOu::Admin,
        }
    }

    /// Its word.
    pub(super) const fn as_str(self) -> &'static str {
        self.node_ou().as_str()
    }
}

impl AllowRule {
    /// Whether the rule is about this request. `own`: it comes from the issuer's own namespace.
    pub(super) fn covers(&self, namespace: &str, own: bool, id: &str) -> bool {
        let from_here = if self.namespaces.is_empty() { own } else { is_among(&self.namespaces, namespace) };
        from_here && is_among(&self.ids, id)
    }

    /// Whether it allows the type.
    pub(super) fn takes(&self, identity_type: IdentityType) -> bool {
        if self.types.is_empty() { identity_type != IdentityType::Admin } else { self.types.contains(&identity_type) }
    }
}

impl IssuerSpec {
    /// Why the issuer cannot be used as it is written; `None` if it can.
    pub(super) fn fault(&self, kind: IssuerKind) -> Option<String> {
        let anchors =
            [self.tls_ca.pem.is_some(), self.tls_ca.secret_ref.is_some(), self.tls_ca.config_map_ref.is_some()];
        if anchors.iter().filter(|is_given| **is_given).count() != 1 {
            return Some("spec.tlsCa needs one of pem, secretRef and configMapRef".to_owned());
        }
        if self.identities.is_empty() && self.registrar.is_none() {
            return Some("spec has neither identities nor a registrar, so that nobody can enrol".to_owned());
        }
        if self.allow.is_empty() && (kind == IssuerKind::Cluster || self.registrar.is_some()) {
            return Some(
                "spec.allow is empty: a cluster issuer and a registrar need rules for who may request what".to_owned(),
            );
        }
        if kind == IssuerKind::Cluster && self.allow.iter().any(|rule| rule.namespaces.is_empty()) {
            return Some("a rule of spec.allow has no namespaces, which a cluster issuer needs".to_owned());
        }
        let patterns = self.allow.iter().flat_map(|rule| rule.namespaces.iter().chain(&rule.ids));
        patterns.filter_map(|text| Pattern::parse(text).err()).map(|e| format!("spec.allow: {e}")).next()
    }

    /// The identity with this id, if its secret is known.
    pub(super) fn identity(&self, id: &str) -> Option<&IdentitySpec> {
        self.identities.iter().find(|identity| identity.id == id)
    }
}

/// Whether one of the patterns matches. Names with a slash match none.
fn is_among(patterns: &[String], name: &str) -> bool {
    let matches = |text: &String| Pattern::parse(text).is_ok_and(|pattern| pattern.matches(name.as_ref()));
    !name.contains('/') && patterns.iter().any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: serde_json::Value) -> IssuerSpec {
        serde_json::from_value(json).unwrap()
    }

    fn rule(json: serde_json::Value) -> AllowRule {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_rule_is_about_namespaces_and_ids_that_match_its_patterns() {
        let wide = rule(serde_json::json!({"namespaces": ["fabric", "org*"], "ids": ["org1-*"]}));
        assert!(wide.covers("fabric", false, "org1-peer1") && wide.covers("org2", false, "org1-x"));
        assert!(!wide.covers("other", true, "org1-peer1") && !wide.covers("fabric", true, "org2-peer1"));
        assert!(!wide.covers("fabric", true, "org1-a/b"), "a path below a pattern matches it");
        let own = rule(serde_json::json!({"ids": ["*"]}));
        assert!(own.covers("any", true, "a") && !own.covers("any", false, "a"));
    }

    #[test]
    fn admin_is_allowed_only_by_name() {
        let open = rule(serde_json::json!({"ids": ["*"]}));
        assert!(open.takes(IdentityType::Peer) && !open.takes(IdentityType::Admin));
        assert!(rule(serde_json::json!({"ids": ["*"], "types": ["admin"]})).takes(IdentityType::Admin));
    }

    #[test]
    fn an_issuer_that_cannot_work_says_why() {
        let base = serde_json::json!({"url": "https://ca", "tlsCa": {"pem": "x"},
            "identities": [{"id": "p", "secretRef": {"name": "s"}}]});
        let with = |change: serde_json::Value| {
            let mut all = base.clone();
            all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            spec(all)
        };
        assert_eq!(spec(base.clone()).fault(IssuerKind::Namespaced), None);
        let cluster = spec(base.clone()).fault(IssuerKind::Cluster).unwrap();
        assert!(cluster.contains("spec.allow is empty"), "{cluster}");
        for (change, part) in [
            (serde_json::json!({"tlsCa": {}}), "spec.tlsCa"),
            (serde_json::json!({"tlsCa": {"pem": "x", "secretRef": {"name": "s"}}}), "spec.tlsCa"),
            (serde_json::json!({"identities": []}), "neither identities nor a registrar"),
            (serde_json::json!({"registrar": {"secretRef": {"name": "r"}}}), "spec.allow is empty"),
            (serde_json::json!({"allow": [{"ids": ["{"]}]}), "spec.allow: "),
        ] {
            let fault = with(change).fault(IssuerKind::Namespaced).unwrap();
            assert!(fault.contains(part), "{fault}");
        }
        let open = with(serde_json::json!({"allow": [{"ids": ["*"]}]}));
        assert!(open.fault(IssuerKind::Cluster).unwrap().contains("no namespaces"));
    }
}
