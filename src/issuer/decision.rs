//! What is done about one request: a pure function of the request, its issuer, what is known of the credential, and the time.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::kind::{AllowRule, IdentityType, IssuerKind, IssuerSpec, KeyRef};
use super::request::{CertificateRequest, IssuerRef};
use crate::Timestamp;
use crate::pki::x509::{Csr, PublicKeyKind};
use crate::proof::{Purpose, RoleRule};

/// The annotation that chooses a signing profile.
const PROFILE: &str = "fabcert.dev/profile";

/// The annotation that chooses the type of an identity that is registered.
const TYPE: &str = "fabcert.dev/type";

/// An issuer, as far as a decision needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issuer<'a> {
    pub(super) kind: IssuerKind,
    /// Its spec, or why it is not ready.
    pub(super) spec: Result<&'a IssuerSpec, &'a str>,
}

/// What is known of the credential of an enrolment id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CredentialState {
    /// Whether its certificate is an orderer's.
    pub(super) is_orderer: bool,
    /// The public keys that were certified last, as hex of their SKI: each may be the one that a channel knows.
    pub(super) pinned: Vec<Pin>,
    /// A refusal that is remembered.
    pub(super) refused: Option<Refused>,
}

/// The key of the last certificate for a purpose.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Pin {
    /// `sign` or `tls`.
    pub(super) purpose: String,
    /// Hex of Fabric's SKI.
    pub(super) ski: String,
}

/// A refusal of the CA, after which no request is sent for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) until: Timestamp,
}

/// A certificate to request at the CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Enrolment id.
    pub(super) id: String,
    pub(super) purpose: Purpose,
    /// The signing profile; `None` is the CA's default.
    pub(super) profile: Option<String>,
    pub(super) csr: Csr,
    pub(super) role: RoleRule,
    pub(super) source: Source,
    /// The life that was requested, as it is written.
    pub(super) duration: Option<String>,
}

/// Where the secret of an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A Secret of the issuer.
    Secret(KeyRef, Option<IdentityType>),
    /// The registrar registers it.
    Registrar(IdentityType),
}

/// What is done about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing: it is another issuer's, not approved, or settled.
    Ignore,
    /// It was denied.
    Denied,
    /// It waits; `until` is the earliest time of the next look, if that is known.
    Pending { message: String, until: Option<Timestamp> },
    /// It gets no certificate.
    Failed(String),
    /// The CA is asked.
    Sign(Box<Order>),
}

/// Why a request gets no certificate.
type Refusal = String;

/// Decides about a request. `issuer` is `None` if no issuer has that name.
pub(super) fn decide(
    request: &CertificateRequest,
    issuer: Option<Issuer<'_>>,
    credential: &CredentialState,
    now: Timestamp,
) -> Decision {
    let spec = &request.spec;
    let named = request.issuer_kind();
    if named.is_none() || request.is_settled() || request.metadata.is_being_deleted() {
        return Decision::Ignore;
    }
    if request.is("Denied") {
        return Decision::Denied;
    }
    if !request.is("Approved") {
        return Decision::Ignore;
    }
    let waits = |message: String, until| Decision::Pending { message, until };
    let Some(issuer) = issuer.filter(|issuer| Some(issuer.kind) == named) else {
        return waits(format!("the {} \"{}\" does not exist", spec.issuer_ref.kind, spec.issuer_ref.name), None);
    };
    let offer = match issuer.spec {
        Ok(offer) => offer,
        Err(reason) => {
            let IssuerRef { kind, name, .. } = &spec.issuer_ref;
            return waits(format!("the {kind} \"{name}\" is not ready: {reason}"), None);
        }
    };
    let order = match order(request, issuer.kind, offer) {
        Ok(order) => order,
        Err(refusal) => return Decision::Failed(refusal),
    };
    if let Some(refusal) = changed_key(&order, offer, credential) {
        return Decision::Failed(refusal);
    }
    match &credential.refused {
        Some(refused) if refused.until > now => waits(refused.message.clone(), Some(refused.until)),
        _ => Decision::Sign(Box::new(order)),
    }
}

/// Reads the request.
fn order(request: &CertificateRequest, kind: IssuerKind, offer: &IssuerSpec) -> Result<Order, Refusal> {
    let spec = &request.spec;
    if spec.is_ca {
        return Err("isCA is set, and a Fabric CA issues no CA certificates to identities".to_owned());
    }
    let pem = STANDARD.decode(&spec.request).map_err(|_| "spec.request is not base64".to_owned())?;
    let csr = Csr::from_pem(&pem).map_err(|e| format!("spec.request: {e}"))?;
    let id = csr.common_name().filter(|id| !id.is_empty()).ok_or_else(|| {
        "the request has no common name: spec.commonName of the Certificate must be the enrolment id".to_owned()
    })?;
    if id.contains(['/', ':']) || id.contains(char::is_control) || [".", ".."].contains(&id) {
        return Err(format!(
            "\"{id}\" cannot be the id of an enrolment: it has a slash, a colon or a control character"
        ));
    }
    let purpose = purpose(&spec.usages);
    if purpose == Purpose::Tls && csr.sans().is_empty() {
        return Err("the request has no names: a TLS certificate needs those that clients dial".to_owned());
    }
    check_key(csr.public_key(), purpose, offer.allow_ed25519)?;
    let namespace = request.metadata.namespace.as_deref().unwrap_or_default();
    let (source, allowing) = allowed(id, namespace, request, (kind, offer))?;
    let profile = profile(request, purpose, offer, allowing)?;
    let declared = match &source {
        Source::Secret(_, declared) => *declared,
        Source::Registrar(registered) => Some(*registered),
    };
    let role = match (declared, purpose) {
        (Some(declared), _) => RoleRule::Exactly(declared.node_ou()),
        (None, Purpose::Sign) => RoleRule::ExactlyOne,
        (None, Purpose::Tls) => RoleRule::Any,
    };
    let (id, duration) = (id.to_owned(), spec.duration.clone());
    Ok(Order { id, purpose, profile, csr, role, source, duration })
}

/// TLS where the certificate is for a server or a client; an identity for an MSP otherwise.
fn purpose(usages: &[String]) -> Purpose {
    let is_tls = usages.iter().any(|usage| ["server auth", "client auth"].contains(&usage.as_str()));
    if is_tls { Purpose::Tls } else { Purpose::Sign }
}

fn check_key(key: &PublicKeyKind, purpose: Purpose, allow_ed25519: bool) -> Result<(), Refusal> {
    match (key, purpose) {
        (PublicKeyKind::P256 | PublicKeyKind::P384, _) | (PublicKeyKind::Rsa(_), Purpose::Tls) => Ok(()),
        (PublicKeyKind::Ed25519, Purpose::Sign) if allow_ed25519 => Ok(()),
        (PublicKeyKind::Ed25519, Purpose::Sign) => Err(
            "the key is Ed25519, which channels accept from the capability V3_0 on: set spec.allowEd25519 of the issuer, or privateKey.algorithm: ECDSA".to_owned(),
        ),
        (PublicKeyKind::Rsa(_), Purpose::Sign) => {
            Err("the key is RSA, and an MSP accepts no RSA identity: set privateKey.algorithm: ECDSA".to_owned())
        }
        (other, _) => Err(format!("the key is {other}: set privateKey.algorithm: ECDSA and size: 256 or 384")),
    }
}

/// The source of the secret, and the rule that allows the request if there is one.
fn allowed<'a>(
    id: &str,
    namespace: &str,
    request: &CertificateRequest,
    (kind, spec): (IssuerKind, &'a IssuerSpec),
) -> Result<(Source, Option<&'a AllowRule>), Refusal> {
    // A request for an issuer with a namespace is in that namespace.
    let own = kind == IssuerKind::Namespaced;
    let rule = spec.allow.iter().find(|rule| rule.covers(namespace, own, id));
    if rule.is_none() && !(spec.allow.is_empty() && own) {
        return Err(format!("no rule of spec.allow lets the namespace {namespace} request \"{id}\""));
    }
    if let Some(identity) = spec.identity(id) {
        let declared = identity.identity_type;
        if let (Some(declared), Some(rule)) = (declared, rule)
            && !rule.takes(declared)
        {
            return Err(format!("the rule of spec.allow for \"{id}\" does not allow the type {}", declared.as_str()));
        }
        return Ok((Source::Secret(identity.secret_ref.clone(), declared), rule));
    }
    let (Some(_), Some(rule)) = (&spec.registrar, rule) else {
        return Err(format!("the issuer has no identity \"{id}\" in spec.identities, and no registrar"));
    };
    Ok((Source::Registrar(registered_type(id, request, rule)?), Some(rule)))
}

/// The type that an identity is registered with.
fn registered_type(id: &str, request: &CertificateRequest, rule: &AllowRule) -> Result<IdentityType, Refusal> {
    let allowed: Vec<IdentityType> =
        IdentityType::ALL.into_iter().filter(|one| *one != IdentityType::Admin && rule.takes(*one)).collect();
    let words = || allowed.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
    match (request.metadata.annotations.get(TYPE), allowed.as_slice()) {
        (Some(word), _) if word == IdentityType::Admin.as_str() => {
            Err(format!("\"{id}\" is not registered as an admin: a registrar does that by hand"))
        }
        (Some(word), _) => allowed.iter().copied().find(|one| one.as_str() == word).ok_or_else(|| {
            format!("the annotation {TYPE} is not among the types that spec.allow has for \"{id}\": {}", words())
        }),
        (None, [one]) => Ok(*one),
        (None, []) => Err(format!("the rule of spec.allow for \"{id}\" has no type that a registrar may register")),
        (None, _) => Err(format!("the type of \"{id}\" is not known: set the annotation {TYPE} to one of {}", words())),
    }
}

fn profile(
    request: &CertificateRequest,
    purpose: Purpose,
    spec: &IssuerSpec,
    rule: Option<&AllowRule>,
) -> Result<Option<String>, Refusal> {
    let usual = match purpose {
        Purpose::Tls => Some(spec.profiles.tls.clone()),
        Purpose::Sign => spec.profiles.sign.clone(),
    };
    match request.metadata.annotations.get(PROFILE) {
        Some(asked) if usual.as_ref() == Some(asked) => Ok(usual),
        Some(asked) if rule.is_some_and(|rule| rule.profiles.contains(asked)) => Ok(Some(asked.clone())),
        Some(_) => {
            Err(format!("the profile of the annotation {PROFILE} is not among the profiles of the rule of spec.allow"))
        }
        None => Ok(usual),
    }
}

/// Why the key of an orderer may not change; `None` if it does not, or may.
fn changed_key(order: &Order, spec: &IssuerSpec, credential: &CredentialState) -> Option<Refusal> {
    let is_orderer = credential.is_orderer || order.role == RoleRule::Exactly(IdentityType::Orderer.node_ou());
    let purpose = order.purpose.as_str();
    let pin = credential.pinned.iter().find(|pin| pin.purpose == purpose)?;
    if !is_orderer || spec.allow_key_change || pin.ski == order.csr.ski().hex() {
        return None;
    }
    Some(format!(
        "the key of the orderer \"{}\" changed: channels know an orderer by its key; set privateKey.rotationPolicy: Never and put back the key with the SKI {}, or set spec.allowKeyChange of the issuer and update the channels",
        order.id, pin.ski
    ))
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignore => f.write_str("ignored"),
            Self::Denied => f.write_str("denied"),
            Self::Pending { message, .. } => write!(f, "pending: {message}"),
            Self::Failed(message) => write!(f, "failed: {message}"),
            Self::Sign(order) => write!(f, "asks the CA for the {} of \"{}\"", order.purpose.words(), order.id),
        }
    }
}
