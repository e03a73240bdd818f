//! Scenes with certificates that are issued on the spot.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType, date_time_ymd,
};

use super::super::scene;
use super::stage::Stage;
use super::{Pair, hold};

const PEER: &[&str] = &["--expect-san", "peer1"];
const GATEWAY: &[&str] = &["--gateway-service", "gateway", "--namespace", "org1"];

pub(super) const PAIRS: &[Pair] = &[
    ("aki-mismatch", |s| authority(s, &[7; 20]), |s| authority(s, &[])),
    ("attrs-invalid", |s| attributes(s, "{\"attrs\":1}"), |s| attributes(s, "{\"attrs\":{\"role\":\"endorser\"}}")),
    ("chain-incomplete", |s| s.server_below(&two_cas(), &["peer1"], 0), |s| s.server_below(&two_cas(), &["peer1"], 1)),
    ("csr-san-none", |s| csr(s, &[]), |s| csr(s, &["peer1"])),
    ("ext-critical-unknown", |s| unknown(s, true), |s| unknown(s, false)),
    (
        "ku-digital-signature-missing",
        |s| s.server(|p| p.key_usages = vec![KeyUsagePurpose::KeyAgreement]),
        |s| s.server(|p| p.key_usages.push(KeyUsagePurpose::KeyAgreement)),
    ),
    ("name-constraints", |s| constrained(s, "peer1.org1.example"), |s| constrained(s, "peer1.org2.example")),
    ("outlives-ca", |s| ending(s, 2028), |s| ending(s, 2027)),
    (
        "path-length",
        |s| s.server_below(&short_path(0), &["peer1"], 1),
        |s| s.server_below(&short_path(1), &["peer1"], 1),
    ),
    ("san-cn-only", |s| names(s, &[]).tell(PEER), |s| names(s, &["peer1"]).tell(PEER)),
    ("san-duplicate", |s| names(s, &["peer1", "PEER1"]), |s| names(s, &["peer1", "peer2"])),
    ("san-gateway-missing", |s| names(s, &["peer1"]).tell(GATEWAY), |s| names(s, &["peer1", "gateway"]).tell(GATEWAY)),
    (
        "san-ip-as-dns",
        |s| names(s, &["10.0.0.1"]),
        |s| s.server(|p| p.subject_alt_names = vec![SanType::IpAddress([10, 0, 0, 1].into())]),
    ),
    ("san-malformed", |s| names(s, &["https://peer1:7051"]), |s| names(s, &["peer1"])),
    ("san-missing", |s| names(s, &["peer2"]).tell(PEER), |s| names(s, &["peer1"]).tell(PEER)),
    ("san-none", |s| names(s, &[]), |s| names(s, &["peer1"])),
    (
        "san-on-msp-only",
        |s| s.msp("B45").tell(&["--expect-san", "peer0.org1.example.com"]),
        |s| s.msp("A01").tell(&["--expect-san", "peer0.org1.example.com"]),
    ),
    (
        "san-short-only",
        |s| names(s, &["gateway"]).tell(GATEWAY),
        |s| names(s, &["gateway", "gateway.org1", "gateway.org1.svc", "gateway.org1.svc.cluster.local"]).tell(GATEWAY),
    ),
    ("san-wildcard", |s| names(s, &["*.org1.example"]), |s| names(s, &["peer1.org1.example"])),
    (
        "signature-sha1",
        |s| s.corpus("certificate/openssl-sha1.der", "a.der"),
        |s| s.corpus("certificate/openssl-rsa2048.der", "a.der"),
    ),
    ("validity-inverted", |s| lasting(s, 2027, 2026), |s| lasting(s, 2026, 2027)),
];

#[test]
fn rules_on_certificates() {
    hold(PAIRS);
}

/// A server with these DNS names, whatever they look like.
fn names<'s>(stage: &'s Stage, names: &[&str]) -> &'s Stage {
    let name = |n: &&str| SanType::DnsName((*n).try_into().unwrap());
    stage.server(|p| p.subject_alt_names = names.iter().map(name).collect())
}

/// A server valid from the first day of one year to that of another.
fn lasting(stage: &Stage, from: i32, to: i32) -> &Stage {
    stage.server(|p| (p.not_before, p.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1)))
}

/// A server with the extension of Fabric CA attributes.
fn attributes<'s>(stage: &'s Stage, json: &str) -> &'s Stage {
    let oid = [1, 2, 3, 4, 5, 6, 7, 8, 1];
    stage.server(|p| p.custom_extensions = vec![CustomExtension::from_oid_content(&oid, json.into())])
}

/// A server that names the key of its issuer so; by nothing when `key_id` is empty.
fn authority<'s>(stage: &'s Stage, key_id: &[u8]) -> &'s Stage {
    let mut content = vec![0x30, 0];
    if !key_id.is_empty() {
        let length = u8::try_from(key_id.len()).unwrap();
        content = [&[0x30, length + 2, 0x80, length], key_id].concat();
    }
    stage.server(|p| {
        p.use_authority_key_identifier_extension = false;
        p.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 35], content)];
    })
}

/// A server with an extension that nobody knows.
fn unknown(stage: &Stage, critical: bool) -> &Stage {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(critical);
    stage.server(|p| p.custom_extensions = vec![extension])
}

/// A CSR with these names.
fn csr<'s>(stage: &'s Stage, names: &[&str]) -> &'s Stage {
    let mut params = scene::server("peer1", names);
    params.use_authority_key_identifier_extension = false;
    let csr = params.serialize_request(&KeyPair::generate().unwrap()).unwrap();
    stage.file("a.csr", fabcert::internals::pem_encode("CERTIFICATE REQUEST", csr.der()))
}

fn two_cas() -> [CertificateParams; 2] {
    [scene::ca("root"), scene::ca("intermediate")]
}

/// A root below which so many CAs may stand, and one below it.
fn short_path(length: u8) -> [CertificateParams; 2] {
    let [mut root, intermediate] = two_cas();
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
    [root, intermediate]
}

/// A server with this name below a CA for another organisation's names.
fn constrained<'s>(stage: &'s Stage, name: &str) -> &'s Stage {
    let mut ca = scene::ca("org2");
    let permitted_subtrees = vec![GeneralSubtree::DnsName("org2.example".to_owned())];
    ca.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    stage.server_below(&[ca], &[name], 0)
}

/// A server below a CA that ends with the year 2027, itself ending in the middle of a year.
fn ending(stage: &Stage, year: i32) -> &Stage {
    let mut ca = scene::ca("root");
    ca.not_after = date_time_ymd(2027, 12, 31);
    let ca = rcgen::CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let mut server = scene::server("peer1", &["peer1"]);
    server.not_after = date_time_ymd(year, 6, 30);
    let (cert, key) = scene::issue(&server, &ca);
    stage.scene.lay_tls("tls", &cert, &key, &fabcert::internals::pem_encode("CERTIFICATE", ca.der()));
    stage
}
