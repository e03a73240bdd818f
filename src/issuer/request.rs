//! cert-manager's `CertificateRequest`, as far as an issuer reads it (cert-manager v1.21 `pkg/apis/certmanager/v1`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::kind::{self, IssuerKind};
use crate::Timestamp;

/// The API group of the kind.
pub(crate) const GROUP: &str = "cert-manager.io";

/// The version of the kind.
pub(crate) const VERSION: &str = "v1";

/// The name of the kind.
pub(crate) const KIND: &str = "CertificateRequest";

/// `metadata` of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) uid: String,
    pub(crate) generation: Option<i64>,
    pub(super) creation_timestamp: Option<String>,
    pub(super) deletion_timestamp: Option<String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Metadata {
    /// Whether the object is being deleted.
    pub(super) const fn is_being_deleted(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// When the object was created.
    pub(super) fn created_at(&self) -> Option<Timestamp> {
        Timestamp::parse_rfc3339(self.creation_timestamp.as_deref()?)
    }
}

/// A request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct CertificateRequest {
    pub(crate) metadata: Metadata,
    pub(crate) spec: RequestSpec,
    #[serde(default)]
    pub(super) status: RequestStatus,
}

/// What is requested.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestSpec {
    pub(crate) issuer_ref: IssuerRef,
    /// Base64 of the CSR, PEM.
    pub(super) request: String,
    #[serde(default, rename = "isCA")]
    pub(super) is_ca: bool,
    #[serde(default)]
    pub(super) usages: Vec<String>,
    #[serde(default)]
    pub(super) duration: Option<String>,
}

/// The issuer that a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct IssuerRef {
    pub(super) group: String,
    pub(super) kind: String,
    pub(crate) name: String,
}

/// What was done about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct RequestStatus {
    pub(super) conditions: Vec<Condition>,
}

/// One condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) last_transition_time: Option<String>,
    pub(super) observed_generation: Option<i64>,
}

impl CertificateRequest {
    /// The kind of the issuer that it names, if that is one of ours.
    pub(super) fn issuer_kind(&self) -> Option<IssuerKind> {
        IssuerKind::named(&self.spec.issuer_ref.kind).filter(|_| self.spec.issuer_ref.group == kind::GROUP)
    }

    /// A condition by its type.
    pub(super) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Whether a condition is `True`.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|condition| condition.status == "True")
    }

    /// Whether nothing more happens to it: it has its certificate, or will not get one.
    pub(super) fn is_settled(&self) -> bool {
        self.condition("Ready")
            .is_some_and(|ready| ready.status == "True" || ["Failed", "Denied"].contains(&ready.reason.as_str()))
    }
}
