//! The issuers and the requests, as they were seen last.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::kind::{IssuerKind, IssuerSpec};
use super::request::{CertificateRequest, Condition, Metadata};
use crate::ca::Client;
use crate::identity::CaAccess;
use crate::pki::x509::Cert;

/// An issuer by its kind, its namespace (empty for a cluster issuer) and its name.
pub(super) type IssuerKey = (IssuerKind, String, String);

/// A request by its namespace and name.
pub(super) type RequestKey = (String, String);

/// An issuer.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) metadata: Metadata,
    /// `spec`, or why it cannot be read.
    pub(super) spec: Result<IssuerSpec, String>,
    /// `Ready`, as it is stored.
    pub(super) condition: Option<Condition>,
    /// What was found at the last check of this generation.
    pub(super) checked: Option<Result<Checked, String>>,
}

/// An issuer whose CA answered.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    /// The connection, without an identity.
    pub(super) access: CaAccess,
    pub(super) client: std::rc::Rc<Client>,
    pub(super) root: Cert,
    /// The CAs below the root, the issuing one first.
    pub(super) cas: Vec<Cert>,
}

#[derive(Deserialize)]
struct Raw {
    metadata: Metadata,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: RawStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStatus {
    conditions: Vec<Condition>,
}

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) issuers: BTreeMap<IssuerKey, Issuer>,
    /// The requests that name one of our kinds and are not settled.
    pub(super) requests: BTreeMap<RequestKey, CertificateRequest>,
    /// The uids of those whose answer is written, or about to be, and was not seen yet.
    answered: BTreeMap<RequestKey, String>,
}

impl Observed {
    /// Takes an issuer over. Returns its key, if it is new or has changed.
    pub(super) fn issuer(&mut self, kind: IssuerKind, object: Value) -> Option<IssuerKey> {
        let raw: Raw = serde_json::from_value(object).ok()?;
        let key = issuer_key(kind, &raw.metadata);
        let condition = raw.status.conditions.into_iter().find(|condition| condition.kind == "Ready");
        if let Some(known) = self.issuers.get_mut(&key)
            && known.metadata.uid == raw.metadata.uid
            && known.metadata.generation == raw.metadata.generation
        {
            known.condition = condition;
            return None;
        }
        let spec = serde_json::from_value::<IssuerSpec>(raw.spec).map_err(|e| format!("spec cannot be read: {e}"));
        let spec = spec.and_then(|spec| spec.fault(kind).map_or(Ok(spec), Err));
        let issuer = Issuer { metadata: raw.metadata, spec, condition, checked: None };
        self.issuers.insert(key.clone(), issuer);
        Some(key)
    }

    /// Takes a request over. Returns its key, if something may be to do that was not before: a status alone is no reason.
    pub(super) fn request(&mut self, object: Value) -> Option<RequestKey> {
        let request: CertificateRequest = serde_json::from_value(object).ok()?;
        let key = request_key(&request.metadata);
        if request.issuer_kind().is_none() || request.is_settled() {
            self.removed(&key);
            return None;
        }
        if self.answered.get(&key) == Some(&request.metadata.uid) {
            return None;
        }
        let decided = |request: &CertificateRequest| {
            let is_ended = request.metadata.is_being_deleted();
            (request.metadata.uid.clone(), request.is("Approved"), request.is("Denied"), is_ended)
        };
        let is_news = self.requests.get(&key).is_none_or(|known| decided(known) != decided(&request));
        self.requests.insert(key.clone(), request);
        is_news.then_some(key)
    }

    /// Notes that the answer to a request is about to be written.
    pub(super) fn answering(&mut self, key: &RequestKey, uid: &str) {
        self.answered.insert(key.clone(), uid.to_owned());
    }

    /// Notes whether it was written. It may have been seen before this.
    pub(super) fn answered(&mut self, key: &RequestKey, is_written: bool) {
        if !is_written {
            self.answered.remove(key);
        } else if self.answered.contains_key(key) {
            self.requests.remove(key);
        }
    }

    /// Forgets a request.
    pub(super) fn removed(&mut self, key: &RequestKey) {
        self.requests.remove(key);
        self.answered.remove(key);
    }

    /// Forgets what is not in a new list of a kind, and returns the keys of the rest as [`Self::issuer`] does.
    pub(super) fn all_issuers(&mut self, kind: IssuerKind, objects: Vec<Value>) -> Vec<IssuerKey> {
        let keys: Vec<IssuerKey> =
            objects.iter().filter_map(|object| Some(issuer_key(kind, &metadata(object)?))).collect();
        self.issuers.retain(|key, _| key.0 != kind || keys.contains(key));
        objects.into_iter().filter_map(|object| self.issuer(kind, object)).collect()
    }

    /// Forgets what is not in a new list, and returns the keys of the rest as [`Self::request`] does.
    pub(super) fn all_requests(&mut self, objects: Vec<Value>) -> Vec<RequestKey> {
        self.requests.clear();
        let listed = |key: &RequestKey| objects.iter().filter_map(metadata).any(|found| request_key(&found) == *key);
        self.answered.retain(|key, _| listed(key));
        objects.into_iter().filter_map(|object| self.request(object)).collect()
    }

    /// The issuer that a request names.
    pub(super) fn named_by(&self, request: &CertificateRequest) -> Option<(IssuerKey, &Issuer)> {
        let kind = request.issuer_kind()?;
        let namespace = match kind {
            IssuerKind::Namespaced => request.metadata.namespace.clone().unwrap_or_default(),
            IssuerKind::Cluster => String::new(),
        };
        let key = (kind, namespace, request.spec.issuer_ref.name.clone());
        self.issuers.get(&key).map(|issuer| (key.clone(), issuer))
    }

    /// The requests for an issuer.
    pub(super) fn requests_for(&self, issuer: &IssuerKey) -> Vec<RequestKey> {
        let is_for = |request: &CertificateRequest| self.named_by(request).is_some_and(|(key, _)| key == *issuer);
        self.requests.iter().filter(|(_, request)| is_for(request)).map(|(key, _)| key.clone()).collect()
    }
}

impl Issuer {
    /// Whether it can issue.
    pub(super) fn readiness(&self) -> Readiness<'_> {
        match (&self.spec, &self.checked) {
            (Err(fault), _) | (_, Some(Err(fault))) => Readiness::Unready(fault),
            (Ok(_), None) => Readiness::Unknown,
            (Ok(_), Some(Ok(_))) => Readiness::Ready,
        }
    }
}

/// Whether an issuer can issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness<'a> {
    Ready,
    /// It was not checked yet.
    Unknown,
    /// Why not.
    Unready(&'a str),
}

pub(super) fn issuer_key(kind: IssuerKind, metadata: &Metadata) -> IssuerKey {
    (kind, metadata.namespace.clone().unwrap_or_default(), metadata.name.clone())
}

pub(super) fn request_key(metadata: &Metadata) -> RequestKey {
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone())
}

/// `metadata` of an object, if it has that form.
pub(super) fn metadata(object: &Value) -> Option<Metadata> {
    Metadata::deserialize(object.get("metadata")?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn issuer(generation: i64) -> Value {
        json!({"metadata": {"name": "org1", "namespace": "n", "uid": "u", "generation": generation},
            "spec": {"url": "https://ca", "tlsCa": {"pem": "x"}, "identities": [{"id": "p", "secretRef": {"name": "s"}}]}})
    }

    fn request(reason: &str) -> Value {
        json!({"metadata": {"name": "r", "namespace": "n", "uid": "u"},
            "spec": {"issuerRef": {"group": "fabcert.dev", "kind": "FabricCAIssuer", "name": "org1"}, "request": ""},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": reason}]}})
    }

    #[test]
    fn an_issuer_is_checked_again_when_its_spec_changes() {
        let mut observed = Observed::default();
        let kind = IssuerKind::Namespaced;
        let key = observed.issuer(kind, issuer(1)).unwrap();
        assert_eq!(observed.issuers[&key].readiness(), Readiness::Unknown);
        observed.issuers.get_mut(&key).unwrap().checked = Some(Err("no answer".to_owned()));
        assert_eq!(observed.issuer(kind, issuer(1)), None);
        assert_eq!(observed.issuers[&key].readiness(), Readiness::Unready("no answer"));
        assert!(observed.issuer(kind, issuer(2)).is_some());
        assert_eq!(observed.issuers[&key].readiness(), Readiness::Unknown);
        let mut broken = issuer(3);
        broken["spec"]["tlsCa"] = json!({});
        observed.issuer(kind, broken);
        let readiness = observed.issuers[&key].readiness();
        assert!(matches!(readiness, Readiness::Unready(reason) if reason.contains("spec.tlsCa")));
        assert!(observed.all_issuers(kind, Vec::new()).is_empty() && observed.issuers.is_empty());
    }

    #[test]
    fn requests_that_are_settled_or_of_others_are_not_kept() {
        let mut observed = Observed::default();
        assert_eq!(observed.request(request("Pending")), Some(("n".to_owned(), "r".to_owned())));
        assert_eq!(observed.requests.len(), 1);
        assert_eq!(observed.request(request("Failed")), None);
        assert!(observed.requests.is_empty());
        assert!(observed.request(request("Pending")).is_some());
        assert_eq!(observed.request(request("Waiting")), None, "a status alone");
        assert_eq!(observed.requests.len(), 1);
        let key = ("n".to_owned(), "r".to_owned());
        observed.answering(&key, "u");
        observed.answered(&key, true);
        assert_eq!(observed.request(request("Pending")), None, "what was seen before its answer");
        assert!(observed.requests.is_empty());
        assert_eq!(observed.request(request("Failed")), None);
        assert!(observed.request(request("Pending")).is_some(), "somebody removed the answer");
        observed.answering(&key, "u");
        observed.request(request("Failed"));
        assert!(
            observed.request(request("Pending")).is_some(),
            "the same, before the write was known to have succeeded"
        );
        observed.answered(&key, true);
        assert_eq!(observed.requests.len(), 1);
        observed.answering(&key, "u");
        observed.answered(&key, false);
        assert_eq!(observed.requests.len(), 1, "it is tried again");
        observed.request(request("Failed"));
        let mut other = request("Pending");
        other["spec"]["issuerRef"]["group"] = "cert-manager.io".into();
        assert_eq!(observed.request(other), None);
        assert!(observed.requests.is_empty());
    }

    #[test]
    fn an_issuer_finds_its_requests() {
        let mut observed = Observed::default();
        let key = observed.issuer(IssuerKind::Namespaced, issuer(1)).unwrap();
        observed.request(request("Pending"));
        assert_eq!(observed.requests_for(&key).len(), 1);
        let mut elsewhere = request("Pending");
        elsewhere["metadata"]["namespace"] = "m".into();
        observed.all_requests(vec![elsewhere]);
        assert!(observed.requests_for(&key).is_empty(), "an issuer serves its own namespace");
    }
}
