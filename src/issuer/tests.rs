//! What is decided about a request, case by case.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::decision::{CredentialState, Decision, Issuer, Order, Pin, Refused, Source, decide};
use super::kind::{IdentityType, IssuerKind, IssuerSpec};
use super::request::CertificateRequest;
use crate::Timestamp;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::server_name;
use crate::pki::x509::{Csr, CsrSpec, NodeOu, SubjectFields};
use crate::proof::{Purpose, RoleRule};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn csr(id: &str, names: &[&str], algorithm: KeyAlgorithm) -> Csr {
    let sans: Vec<_> = names.iter().map(|name| server_name(name)).collect();
    let subject = SubjectFields::default();
    let key = KeyPair::generate(algorithm).unwrap();
    Csr::build(&CsrSpec { enrollment_id: id, sans: &sans, subject: &subject }, &key).unwrap()
}

/// An approved request for a TLS certificate of peer1.
fn request() -> Value {
    json!({
        "metadata": {"name": "peer1-1", "namespace": "fabric", "uid": "u1"},
        "spec": {
            "issuerRef": {"group": "fabcert.dev", "kind": "FabricCAIssuer", "name": "org1"},
            "request": STANDARD.encode(csr("peer1", &["peer1", "org1-svc"], KeyAlgorithm::P256).to_pem()),
            "usages": ["server auth", "client auth"],
        },
        "status": {"conditions": [{"type": "Approved", "status": "True", "reason": "cert-manager.io"}]},
    })
}

fn spec() -> Value {
    json!({"url": "https://org1-ca", "tlsCa": {"pem": "x"},
        "identities": [{"id": "peer1", "secretRef": {"name": "peer1"}, "type": "peer"}, {"id": "any", "secretRef": {"name": "any"}}]})
}

/// Decides about the request for an issuer that is ready.
fn decided(request: &Value, spec: &Value) -> Decision {
    known(request, spec, &CredentialState::default())
}

fn known(request: &Value, spec: &Value, credential: &CredentialState) -> Decision {
    let request: CertificateRequest = serde_json::from_value(request.clone()).unwrap();
    let spec: IssuerSpec = serde_json::from_value(spec.clone()).unwrap();
    let kind = IssuerKind::named(&request.spec.issuer_ref.kind).unwrap_or(IssuerKind::Namespaced);
    decide(&request, Some(Issuer { kind, spec: Ok(&spec) }), credential, NOW)
}

fn order(decision: Decision) -> Order {
    match decision {
        Decision::Sign(order) => *order,
        other => panic!("{other:?}"),
    }
}

fn failure(decision: Decision) -> String {
    match decision {
        Decision::Failed(message) => message,
        other => panic!("{other:?}"),
    }
}

/// The request with another CSR.
fn of(csr: &Csr) -> Value {
    let mut request = request();
    request["spec"]["request"] = STANDARD.encode(csr.to_pem()).into();
    request
}

/// The request for a signing certificate.
fn signing(id: &str, algorithm: KeyAlgorithm) -> Value {
    let mut request = of(&csr(id, &[], algorithm));
    request["spec"]["usages"] = json!(["digital signature", "key encipherment"]);
    request
}

#[test]
fn only_requests_of_the_group_and_the_kinds_are_touched() {
    for (member, value) in [("group", "cert-manager.io"), ("group", ""), ("kind", "Issuer"), ("kind", "")] {
        let mut request = request();
        request["spec"]["issuerRef"][member] = value.into();
        assert_eq!(decided(&request, &spec()), Decision::Ignore, "{member} {value}");
    }
}

#[test]
fn a_request_waits_for_its_approval_and_ends_with_its_denial() {
    let with = |conditions: Value| {
        let mut request = request();
        request["status"]["conditions"] = conditions;
        decided(&request, &spec())
    };
    let approved = json!({"type": "Approved", "status": "True"});
    let denied = json!({"type": "Denied", "status": "True"});
    let ready = |status: &str, reason: &str| json!({"type": "Ready", "status": status, "reason": reason});
    assert_eq!(with(json!([])), Decision::Ignore);
    assert_eq!(with(json!([{"type": "Approved", "status": "False"}])), Decision::Ignore);
    assert_eq!(with(json!([denied])), Decision::Denied);
    assert_eq!(with(json!([approved, denied])), Decision::Denied);
    for settled in [ready("True", "Issued"), ready("False", "Failed"), ready("False", "Denied")] {
        assert_eq!(with(json!([approved, settled])), Decision::Ignore, "{settled}");
    }
    assert!(matches!(with(json!([approved, ready("False", "Pending")])), Decision::Sign(_)));
}

#[test]
fn a_request_that_is_being_deleted_is_left_alone() {
    let mut request = request();
    request["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(decided(&request, &spec()), Decision::Ignore);
}

#[test]
fn a_request_waits_for_its_issuer() {
    let request: CertificateRequest = serde_json::from_value(request()).unwrap();
    let spec: IssuerSpec = serde_json::from_value(spec()).unwrap();
    let decide = |issuer| decide(&request, issuer, &CredentialState::default(), NOW);
    let waits = |decision: Decision, part: &str| {
        assert!(matches!(&decision, Decision::Pending { message, .. } if message.contains(part)), "{decision:?}");
    };
    waits(decide(None), "\"org1\" does not exist");
    let kind = IssuerKind::Namespaced;
    waits(decide(Some(Issuer { kind, spec: Err("the CA does not answer") })), "does not answer");
    let kind = IssuerKind::Cluster;
    waits(decide(Some(Issuer { kind, spec: Ok(&spec) })), "does not exist");
}

#[test]
fn a_request_for_a_ca_fails() {
    let mut request = request();
    request["spec"]["isCA"] = true.into();
    assert!(failure(decided(&request, &spec())).contains("isCA"));
}

#[test]
fn a_csr_that_cannot_be_read_fails() {
    for broken in ["%", &STANDARD.encode("no PEM")] {
        let mut request = request();
        request["spec"]["request"] = broken.into();
        assert!(failure(decided(&request, &spec())).contains("spec.request"));
    }
}

#[test]
fn the_common_name_is_the_enrolment_id() {
    let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let nameless = rcgen::CertificateParams::default();
    let mut nameless = nameless;
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    let der = nameless.serialize_request(&key).unwrap().der().to_vec();
    let message = failure(decided(&of(&Csr::from_der(der).unwrap()), &spec()));
    assert!(message.contains("spec.commonName of the Certificate must be the enrolment id"), "{message}");
    for id in ["a/b", "a:b", "..", "a\nb"] {
        assert!(failure(decided(&of(&csr(id, &["a"], KeyAlgorithm::P256)), &spec())).contains("cannot be the id"));
    }
}

#[test]
fn usages_decide_the_profile_and_what_is_verified() {
    let tls = order(decided(&request(), &spec()));
    assert_eq!((tls.purpose, tls.profile.as_deref()), (Purpose::Tls, Some("tls")));
    assert_eq!(tls.csr.sans().len(), 2);
    let mut client = request();
    client["spec"]["usages"] = json!(["client auth"]);
    assert_eq!(order(decided(&client, &spec())).purpose, Purpose::Tls);
    let sign = order(decided(&signing("peer1", KeyAlgorithm::P384), &spec()));
    assert_eq!((sign.purpose, sign.profile), (Purpose::Sign, None));
    let mut named = spec();
    named["profiles"] = json!({"tls": "servers", "sign": "people"});
    assert_eq!(order(decided(&request(), &named)).profile.as_deref(), Some("servers"));
    assert_eq!(order(decided(&signing("peer1", KeyAlgorithm::P256), &named)).profile.as_deref(), Some("people"));
}

#[test]
fn a_tls_certificate_needs_names() {
    assert!(failure(decided(&of(&csr("peer1", &[], KeyAlgorithm::P256)), &spec())).contains("no names"));
}

#[test]
fn keys_are_those_that_fabric_accepts() {
    assert!(failure(decided(&signing("peer1", KeyAlgorithm::Ed25519), &spec())).contains("allowEd25519"));
    let mut open = spec();
    open["allowEd25519"] = true.into();
    order(decided(&signing("peer1", KeyAlgorithm::Ed25519), &open));
    assert!(failure(decided(&of(&csr("peer1", &["a"], KeyAlgorithm::Ed25519)), &open)).contains("ECDSA"));
    let rsa = Csr::from_pem(include_bytes!("../../testdata/certs/rsa-request.pem")).unwrap();
    let mut known = spec();
    known["identities"][0]["id"] = rsa.common_name().unwrap().into();
    let mut request = of(&rsa);
    order(decided(&request, &known));
    request["spec"]["usages"] = json!([]);
    assert!(failure(decided(&request, &known)).contains("an MSP accepts no RSA identity"));
}

#[test]
fn the_role_is_that_of_the_declared_type() {
    assert_eq!(order(decided(&request(), &spec())).role, RoleRule::Exactly(NodeOu::Peer));
    assert_eq!(order(decided(&signing("any", KeyAlgorithm::P256), &spec())).role, RoleRule::ExactlyOne);
    assert_eq!(order(decided(&of(&csr("any", &["a"], KeyAlgorithm::P256)), &spec())).role, RoleRule::Any);
}

#[test]
fn an_id_without_a_secret_needs_a_registrar_and_a_rule() {
    let stranger = of(&csr("peer9", &["a"], KeyAlgorithm::P256));
    assert!(failure(decided(&stranger, &spec())).contains("no identity \"peer9\""));
    let mut registering = spec();
    registering["registrar"] = json!({"secretRef": {"name": "registrar"}});
    registering["allow"] = json!([{"ids": ["peer*"], "types": ["peer"]}]);
    assert_eq!(order(decided(&stranger, &registering)).source, Source::Registrar(IdentityType::Peer));
    let outside = of(&csr("orderer1", &["a"], KeyAlgorithm::P256));
    assert!(failure(decided(&outside, &registering)).contains("no rule of spec.allow"));
}

#[test]
fn an_annotation_chooses_only_what_the_rule_allows() {
    let mut spec = spec();
    spec["registrar"] = json!({"secretRef": {"name": "registrar"}});
    spec["allow"] = json!([{"ids": ["*"], "profiles": ["short"]}]);
    let annotated = |key: &str, value: &str| {
        let mut request = of(&csr("new", &["a"], KeyAlgorithm::P256));
        request["metadata"]["annotations"] = json!({"fabcert.dev/type": "client", key: value});
        decided(&request, &spec)
    };
    assert_eq!(order(annotated("fabcert.dev/type", "orderer")).source, Source::Registrar(IdentityType::Orderer));
    assert!(failure(annotated("fabcert.dev/type", "admin")).contains("not registered as an admin"));
    assert!(failure(annotated("fabcert.dev/type", "user")).contains("not among the types"));
    assert_eq!(order(annotated("fabcert.dev/profile", "short")).profile.as_deref(), Some("short"));
    assert!(failure(annotated("fabcert.dev/profile", "ca")).contains("not among the profiles"));
    let unknown = of(&csr("new", &["a"], KeyAlgorithm::P256));
    assert!(
        failure(decided(&unknown, &spec))
            .contains("set the annotation fabcert.dev/type to one of peer, orderer, client")
    );
}

#[test]
fn a_registrar_registers_no_admin_even_if_a_rule_says_so() {
    let mut spec = spec();
    spec["registrar"] = json!({"secretRef": {"name": "registrar"}});
    spec["allow"] = json!([{"ids": ["*"], "types": ["admin"]}]);
    let request = of(&csr("boss", &["a"], KeyAlgorithm::P256));
    assert!(failure(decided(&request, &spec)).contains("no type that a registrar may register"));
}

#[test]
fn a_cluster_issuer_takes_requests_of_the_namespaces_that_it_allows() {
    let mut request = request();
    request["spec"]["issuerRef"]["kind"] = "FabricCAClusterIssuer".into();
    assert!(failure(decided(&request, &spec())).contains("no rule of spec.allow"));
    let mut allowing = spec();
    allowing["allow"] = json!([{"namespaces": ["fabric"], "ids": ["peer1"]}]);
    order(decided(&request, &allowing));
    request["metadata"]["namespace"] = "other".into();
    assert!(failure(decided(&request, &allowing)).contains("no rule of spec.allow lets the namespace other"));
    allowing["allow"] = json!([{"namespaces": ["*"], "ids": ["peer1"], "types": ["orderer"]}]);
    assert!(failure(decided(&request, &allowing)).contains("does not allow the type peer"));
}

#[test]
fn the_key_of_an_orderer_does_not_change() {
    let first = csr("peer1", &["a"], KeyAlgorithm::P256);
    let pin = |purpose: &str| Pin { purpose: purpose.to_owned(), ski: first.ski().hex() };
    let orderer = CredentialState { is_orderer: true, pinned: vec![pin("tls")], refused: None };
    order(known(&of(&first), &spec(), &orderer));
    let message = failure(known(&request(), &spec(), &orderer));
    assert!(message.contains("rotationPolicy: Never") && message.contains(&first.ski().hex()), "{message}");
    let mut allowing = spec();
    allowing["allowKeyChange"] = true.into();
    order(known(&request(), &allowing, &orderer));
    let peer = CredentialState { is_orderer: false, ..orderer.clone() };
    order(known(&request(), &spec(), &peer));
    let other_purpose = CredentialState { pinned: vec![pin("sign")], ..orderer.clone() };
    order(known(&request(), &spec(), &other_purpose));
    let mut declared = spec();
    declared["identities"][0]["type"] = "orderer".into();
    failure(known(&request(), &declared, &peer));
}

#[test]
fn a_remembered_refusal_is_waited_out() {
    let refused = |until| CredentialState {
        refused: Some(Refused { message: "the CA refused".to_owned(), until }),
        ..CredentialState::default()
    };
    let later = Timestamp::from_unix(NOW.unix() + 1);
    let expected = Decision::Pending { message: "the CA refused".to_owned(), until: Some(later) };
    assert_eq!(known(&request(), &spec(), &refused(later)), expected);
    order(known(&request(), &spec(), &refused(NOW)));
}
