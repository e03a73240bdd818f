//! Blocks that Fabric's configtxgen wrote, and what its configtxlator prints of them (`testdata/channel/`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::config::{ChannelCert, ChannelConfig, Form};
use crate::pki::x509::Cert;
use crate::text::pem_blocks;

pub(super) const RAFT: &[u8] = include_bytes!("../../testdata/channel/raft.block");
pub(super) const BFT: &[u8] = include_bytes!("../../testdata/channel/bft.block");
const RAFT_JSON: &[u8] = include_bytes!("../../testdata/channel/raft.block.json");
const BFT_JSON: &[u8] = include_bytes!("../../testdata/channel/bft.block.json");
const CONFIG: &[u8] = include_bytes!("../../testdata/channel/raft.config");
const CONFIG_JSON: &[u8] = include_bytes!("../../testdata/channel/raft.config.json");
const UPDATE: &[u8] = include_bytes!("../../testdata/channel/raft.update");
const UPDATE_JSON: &[u8] = include_bytes!("../../testdata/channel/raft.update.json");

pub(super) fn read(content: &[u8]) -> ChannelConfig {
    ChannelConfig::read(content).expect("a configuration").expect("a readable one")
}

fn shown(config: &ChannelConfig) -> String {
    format!("{config:#?}")
}

/// The SHA-256 of a certificate, as `certificate_hash` has it.
fn hash(cert: &ChannelCert) -> Value {
    json!(hash_of(cert.0.as_ref().expect("a certificate")))
}

fn hash_of(cert: &Cert) -> String {
    crate::text::hex(ring::digest::digest(&ring::digest::SHA256, cert.der()).as_ref())
}

fn hashes(certs: &[ChannelCert]) -> Value {
    certs.iter().map(hash).collect()
}

/// The certificate in a field of the JSON.
fn decoded(field: &Value) -> Value {
    let pem = STANDARD.decode(field.as_str().expect("base64")).expect("base64");
    let block = pem_blocks(&pem).expect("PEM").remove(0);
    json!(hash_of(&Cert::from_der(block.der).expect("a certificate")))
}

fn all_decoded(field: &Value) -> Value {
    field.as_array().expect("a list").iter().map(decoded).collect()
}

fn keys(map: &Value) -> Value {
    map.as_object().expect("an object").keys().cloned().collect()
}

/// What a configuration holds, from the JSON of Fabric's configtxlator, without the code that is tested.
fn of_json(content: &[u8]) -> Value {
    let json: Value = serde_json::from_slice(content).unwrap();
    let payload = &json["data"]["data"][0]["payload"];
    let group = &payload["data"]["config"]["channel_group"];
    let (orderer, application) = (&group["groups"]["Orderer"], &group["groups"]["Application"]);
    let consensus = &orderer["values"]["ConsensusType"]["value"];
    let raft = &consensus["metadata"]["consenters"];
    let bft = &orderer["values"]["Orderers"]["value"]["consenter_mapping"];
    let consenters = raft.as_array().or(bft.as_array()).unwrap();
    let of_group = |group: &Value, section: &str| -> Vec<Value> {
        let organisation = |(name, one): (&String, &Value)| {
            let msp = &one["values"]["MSP"]["value"]["config"];
            json!({
                "name": name, "section": section, "msp": msp["name"], "node_ous": msp["fabric_node_ous"]["enable"],
                "roots": all_decoded(&msp["root_certs"]), "tls_roots": all_decoded(&msp["tls_root_certs"]),
                "admins": all_decoded(&msp["admins"]), "intermediates": all_decoded(&msp["intermediate_certs"]),
                "endpoints": one["values"]["Endpoints"]["value"]["addresses"].as_array().cloned().unwrap_or_default(),
                "anchors": one["values"]["AnchorPeers"]["value"]["anchor_peers"].as_array().cloned().unwrap_or_default(),
            })
        };
        group["groups"].as_object().unwrap().iter().map(organisation).collect()
    };
    let organisations = [of_group(orderer, "Orderer"), of_group(application, "Application")].concat();
    json!({
        "channel": payload["header"]["channel_header"]["channel_id"],
        "block": json["header"]["number"],
        "sequence": payload["data"]["config"]["sequence"],
        "capabilities": keys(&group["values"]["Capabilities"]["value"]["capabilities"]),
        "orderers": keys(&orderer["values"]["Capabilities"]["value"]["capabilities"]),
        "applications": keys(&application["values"]["Capabilities"]["value"]["capabilities"]),
        "consensus": consensus["type"], "maintenance": consensus["state"] != "STATE_NORMAL",
        "addresses": group["values"]["OrdererAddresses"]["value"]["addresses"].as_array().cloned().unwrap_or_default(),
        "consenters": consenters.iter().map(|c| json!({
            "id": c["id"], "host": c["host"], "port": c["port"], "msp_id": c["msp_id"],
            "client": decoded(&c["client_tls_cert"]), "server": decoded(&c["server_tls_cert"]),
            "identity": c["identity"].as_str().map(|_| decoded(&c["identity"])),
        })).collect::<Vec<_>>(),
        "organisations": organisations,
    })
}

fn of_model(config: &ChannelConfig) -> Value {
    json!({
        "channel": config.channel,
        "block": config.block.map(|n| n.to_string()),
        "sequence": config.sequence.map(|n| n.to_string()),
        "capabilities": config.capabilities,
        "orderers": config.orderer_capabilities,
        "applications": config.application_capabilities,
        "consensus": config.consensus, "maintenance": config.is_in_maintenance,
        "addresses": config.addresses,
        "consenters": config.consenters.iter().map(|c| json!({
            "id": c.id, "host": c.host, "port": c.port, "msp_id": c.msp_id,
            "client": hash(&c.client_tls), "server": hash(&c.server_tls), "identity": c.identity.as_ref().map(hash),
        })).collect::<Vec<_>>(),
        "organisations": config.organisations.iter().map(|one| {
            let msp = one.msp.as_ref().unwrap();
            let anchors = one.anchor_peers.iter().map(|(host, port)| json!({"host": host, "port": port}));
            json!({
                "name": one.name, "section": format!("{:?}", one.section), "msp": msp.id, "node_ous": msp.node_ous,
                "roots": hashes(&msp.roots), "tls_roots": hashes(&msp.tls_roots), "admins": hashes(&msp.admins),
                "intermediates": hashes(&msp.intermediates),
                "endpoints": one.endpoints, "anchors": anchors.collect::<Vec<_>>(),
            })
        }).collect::<Vec<_>>(),
    })
}

#[test]
fn blocks_hold_what_configtxlator_prints() {
    for (block, json) in [(RAFT, RAFT_JSON), (BFT, BFT_JSON)] {
        assert_eq!(of_model(&read(block)), of_json(json));
    }
    let raft = read(RAFT);
    assert_eq!((raft.channel.as_deref(), raft.consensus.as_deref()), (Some("supply"), Some("etcdraft")));
    assert_eq!((raft.consenters.len(), read(BFT).consenters.len()), (3, 4));
}

#[test]
fn json_is_read_as_the_encoding() {
    for (encoded, json) in [(RAFT, RAFT_JSON), (BFT, BFT_JSON), (CONFIG, CONFIG_JSON), (UPDATE, UPDATE_JSON)] {
        assert_eq!(shown(&read(encoded)), shown(&read(json)));
    }
}

#[test]
fn each_form_is_recognised() {
    let envelope = |block: &[u8]| -> Value {
        let json: Value = serde_json::from_slice(block).unwrap();
        json["data"]["data"][0].clone()
    };
    let transaction = envelope(RAFT_JSON);
    let forms = [RAFT, CONFIG, UPDATE].map(|content| read(content).form);
    assert_eq!(forms, [Form::Block, Form::Config, Form::Update]);
    assert_eq!(read(transaction.to_string().as_bytes()).form, Form::Envelope);
    assert_eq!(read(transaction["payload"]["data"].to_string().as_bytes()).form, Form::ConfigEnvelope);
    let update = read(UPDATE);
    assert_eq!(update.channel.as_deref(), Some("supply"));
    let anchors = update.organisations.iter().flat_map(|one| one.anchor_peers.iter().map(|(host, _)| host.as_str()));
    assert_eq!(anchors.collect::<Vec<_>>(), ["peer0.org1.example.com", "peer1.org1.example.com"]);
    assert_eq!(update.consenters[1].host, "orderer4.orderers.example.com");
}

/// The parts of an encoding, from the inside of a block outwards: each is a form of its own.
#[test]
fn encoded_parts_of_a_block_are_recognised() {
    use super::wire::{WireFields, WireValue};
    let part = |message: &'static [u8], number: u64| -> &'static [u8] {
        let field = WireFields::new(message, 0).map(|field| field.unwrap()).find(|field| field.number == number);
        let WireValue::Bytes(bytes) = field.expect("the field").value else { panic!("a number") };
        bytes
    };
    let envelope = part(part(RAFT, 2), 1);
    let config_envelope = part(part(envelope, 1), 2);
    assert_eq!(read(envelope).form, Form::Envelope);
    assert_eq!(read(config_envelope).form, Form::ConfigEnvelope);
    assert_eq!(read(part(config_envelope, 1)).form, Form::Config);
}

#[test]
fn faults_name_message_field_and_offset() {
    let fault = |content: &[u8]| {
        let read = ChannelConfig::read(content).expect("a block");
        read.map_or_else(|e| e.to_string(), |_| "no fault".to_owned())
    };
    let at = |text: &[u8]| memchr::memmem::find(RAFT, text).expect("in the block");
    let changed = |index: usize, byte| {
        let mut block = RAFT.to_vec();
        block[index] = byte;
        fault(&block)
    };
    let in_json = |from, to| fault(String::from_utf8_lossy(RAFT_JSON).replacen(from, to, 1).as_bytes());
    let (kind, port) = (at(b"etcdraft"), at(b"orderer2.orderers.example.com\x10") + 29);
    let faults = [
        fault(&RAFT[..RAFT.len() - 1]),
        fault(&RAFT[..5000]),
        changed(kind, 0xff),
        changed(port, 0x13),
        in_json("\"port\": 7050", "\"port\": \"seven\""),
        in_json("\"client_tls_cert\": \"L", "\"client_tls_cert\": \"-"),
        in_json("\"type\": 1,\n              \"version\"", "\"type\": 3,\n\"version\""),
    ];
    assert_eq!(
        faults,
        [
            "Block at byte 18184: the value ends after its message",
            "Block at byte 40: the value ends after its message",
            "ConsensusType.type at byte 5950: it is not text",
            "etcdraft.Consenter at byte 7894: the field has no wire type that Fabric uses",
            "etcdraft.Consenter.port: it is not a number",
            "etcdraft.Consenter.client_tls_cert: it is not base64",
            "ChannelHeader: the block holds a transaction, not a configuration of the channel",
        ]
    );
}

#[test]
fn intermediates_and_revocation_lists_are_read() {
    let encoded = |pem: &str| json!([STANDARD.encode(pem)]);
    let crl = crate::text::pem_encode("X509 CRL", include_bytes!("../../testdata/corpus/crl/e01-300.der"));
    let ca = include_str!("../../testdata/channel/nodes/peer0/msp-ca.pem");
    let mut json: Value = serde_json::from_slice(CONFIG_JSON).unwrap();
    let msp = &mut json["channel_group"]["groups"]["Application"]["groups"]["Org1"]["values"]["MSP"]["value"]["config"];
    (msp["intermediate_certs"], msp["tls_intermediate_certs"]) = (encoded(ca), encoded("no certificate"));
    (msp["revocation_list"], msp["admins"]) = (encoded(&crl), encoded(ca));
    let config = read(json.to_string().as_bytes());
    let msp = config.organisations.iter().find(|one| one.name == "Org1").and_then(|one| one.msp.as_ref()).unwrap();
    let purposes: Vec<&str> = msp.authorities().map(|(purpose, _)| purpose).collect();
    assert_eq!(purposes, ["root CA", "intermediate CA", "TLS root CA", "TLS intermediate CA"]);
    assert!(msp.crls[0].is_ok() && msp.admins[0].cert().is_some());
    assert_eq!(config.unreadable(), ["organisation Org1: TLS intermediate CA: it is not PEM"]);
}

#[test]
fn other_content_is_no_configuration() {
    for other in [&b""[..], b"{}", b"{\"data\":{\"data\":[]}}", b"-----BEGIN CERTIFICATE-----", &[0x0a, 0], &[0x12; 64]]
    {
        assert!(ChannelConfig::read(other).is_none(), "{other:?}");
        assert!(ChannelConfig::read_expected(other).is_err(), "{other:?}");
    }
}

proptest! {
    #[test]
    fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = ChannelConfig::read(&bytes);
    }

    #[test]
    fn no_mutation_of_a_block_panics(at in 0..RAFT.len(), bytes in proptest::collection::vec(any::<u8>(), 0..6), cut in any::<bool>()) {
        for whole in [RAFT, BFT, CONFIG, UPDATE, UPDATE_JSON] {
            let at = at % whole.len();
            let rest = if cut { &[] } else { &whole[at..] };
            let _ = ChannelConfig::read(&[&whole[..at], &bytes, rest].concat());
        }
    }

    /// Several bytes changed anywhere, and a part of one content inside another. What comes out of it is no more than what went in.
    #[test]
    fn no_mixture_of_blocks_panics(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        part in any::<[prop::sample::Index; 3]>(),
    ) {
        for (whole, other) in [(RAFT, BFT), (BFT, UPDATE), (CONFIG, RAFT), (BFT_JSON, RAFT_JSON)] {
            let [from, length, at] = part;
            let from = from.index(other.len());
            let length = length.index(other.len() - from);
            let mut mixed = whole.to_vec();
            for (index, byte) in &edits {
                mixed[index.index(whole.len())] = *byte;
            }
            let at = at.index(mixed.len());
            mixed.splice(at..at, other[from..from + length].iter().copied());
            if let Some(Ok(config)) = ChannelConfig::read(&mixed) {
                let certificates: usize = config.consenters.iter().map(|one| one.certificates().count()).sum();
                prop_assert!(config.unreadable().len() <= mixed.len() && certificates <= mixed.len());
            }
        }
    }
}
