//! Scenes about channel configurations and the folders beside them.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::internals::pem_encode;
use rcgen::{CertifiedIssuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use super::super::scene;
use super::stage::Stage;
use super::{Pair, hold};

pub(super) const PAIRS: &[Pair] = &[
    ("channel-ca-expiring", |s| trusting(s, &ending(2026)), |s| trusting(s, &ending(2036))),
    ("channel-host-missing", |s| consenters(s, &[("orderer1", own)]), |s| consenters(s, &[("peer1", own)])),
    (
        "channel-msp-unknown",
        |s| s.msp("A01").file("channel.json", channel(&json!([]), &[("root_certs", &s.scene.root())])),
        |s| {
            let root = fs::read_to_string(s.msp("A01").scene.path("msp/cacerts/ca.pem")).unwrap();
            s.file("channel.json", channel(&json!([]), &[("root_certs", &root)]))
        },
    ),
    ("consenter-key-changed", |s| consenters(s, &[("peer1", other)]), |s| consenters(s, &[("peer1", own)])),
    (
        "consenter-not-on-disk",
        |s| consenters(s, &[("peer1", own), ("orderer2", other)]),
        |s| consenters(s, &[("peer1", own), ("peer1", other)]),
    ),
];

/// A certificate for a host, PEM.
type Certificate = fn(&Stage, &str) -> String;

/// The block of a channel with these consenters, and with an organisation of orderers whose MSP has these certificates.
fn channel(consenters: &Value, certificates: &[(&str, &str)]) -> String {
    let mut msp = json!({"name": "OrdererMSP"});
    for (field, pem) in certificates {
        msp[field] = json!([BASE64.encode(pem)]);
    }
    let orderer = json!({
        "values": {"ConsensusType": {"value": {"type": "etcdraft", "metadata": {"consenters": consenters}}}},
        "groups": {"OrdererOrg": {"values": {"MSP": {"value": {"type": 0, "config": msp}}}}},
    });
    let payload = json!({
        "header": {"channel_header": {"channel_id": "supply", "type": 1}},
        "data": {"config": {"channel_group": {"groups": {"Orderer": orderer}}}},
    });
    json!({"header": {"number": "7"}, "data": {"data": [{"payload": payload}]}}).to_string()
}

/// The certificate of the node in the scene.
fn own(s: &Stage, _: &str) -> String {
    fs::read_to_string(s.scene.path("tls/server.crt")).unwrap()
}

/// A certificate with a key that is in no folder.
fn other(s: &Stage, host: &str) -> String {
    s.scene.server(host, &[host]).0
}

/// A node "peer1", and a channel with these consenters.
fn consenters<'a>(s: &'a Stage, consenters: &[(&str, Certificate)]) -> &'a Stage {
    s.server(|_| ());
    let consenter = |(host, certificate): &(&str, Certificate)| {
        let pem = BASE64.encode(certificate(s, host));
        json!({"host": host, "port": 7050, "client_tls_cert": pem, "server_tls_cert": pem})
    };
    let consenters: Vec<Value> = consenters.iter().map(consenter).collect();
    s.file("channel.json", channel(&json!(consenters), &[]))
}

/// A channel that trusts this CA, and a node.
fn trusting<'a>(s: &'a Stage, tls_root: &str) -> &'a Stage {
    s.server(|_| ()).file("channel.json", channel(&json!([]), &[("tls_root_certs", tls_root)]))
}

/// A CA that ends with this year's December begun.
fn ending(year: i32) -> String {
    let mut params = scene::ca("old");
    params.not_after = date_time_ymd(year, 12, 1);
    pem_encode("CERTIFICATE", CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap().der())
}

#[test]
fn channels_are_held_against_folders() {
    hold(PAIRS);
}
