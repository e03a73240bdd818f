//! Updates of a channel whose MSP is made here, with keys at hand.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::msp_change::{CaOf, MspChange};
use super::update::{ChannelUpdate, is_signed_update, msp_update};
use super::wire::{write_bytes, write_entry, write_number};
use crate::Timestamp;
use crate::pki::x509::{Cert, Crl};

const MSP_ID: &str = "Org1MSP";

/// A CA with its key.
struct Ca {
    key: KeyPair,
    params: CertificateParams,
    cert: Cert,
}

impl Ca {
    fn params(name: &str, year: i32) -> CertificateParams {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::Sha256;
        (params.not_before, params.not_after) = (date_time_ymd(year, 1, 1), date_time_ymd(year + 20, 1, 1));
        params
    }

    fn root(name: &str) -> Self {
        Self::with_key(name, KeyPair::generate().unwrap(), 2020)
    }

    fn with_key(name: &str, key: KeyPair, year: i32) -> Self {
        let params = Self::params(name, year);
        let cert = Cert::from_der(params.self_signed(&key).unwrap().der().to_vec()).unwrap();
        Self { key, params, cert }
    }

    fn below(name: &str, above: &Self) -> Self {
        let (key, params) = (KeyPair::generate().unwrap(), Self::params(name, 2021));
        let issuer = Issuer::from_params(&above.params, &above.key);
        let cert = Cert::from_der(params.signed_by(&key, &issuer).unwrap().der().to_vec()).unwrap();
        Self { key, params, cert }
    }

    fn again(&self, year: i32) -> Self {
        let key = KeyPair::try_from(self.key.serialize_der()).unwrap();
        Self::with_key(self.cert.common_name().unwrap(), key, year)
    }

    /// A list of the first of `month` that names these serial numbers.
    fn list(&self, serials: &[u8], month: u8, identifier: KeyIdMethod) -> Crl {
        let time = date_time_ymd(2026, month, 1);
        let revoked = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[*serial]),
            revocation_time: time,
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: time,
            next_update: date_time_ymd(2030, 1, 1),
            crl_number: SerialNumber::from_slice(&[month]),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: identifier,
        };
        let issuer = Issuer::from_params(&self.params, &self.key);
        Crl::from_der(list.signed_by(&issuer).unwrap().der().to_vec()).unwrap()
    }
}

fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, bytes) in fields {
        write_bytes(&mut out, *number, bytes);
    }
    out
}

/// A configuration block with one MSP, whose `NodeOUs` name `bound` if given.
fn block(cas: &[(u64, &Ca)], bound: Option<&Ca>) -> Vec<u8> {
    block_with(cas, bound, None)
}

/// The same with a revocation list.
fn block_with(cas: &[(u64, &Ca)], bound: Option<&Ca>, list: Option<&Crl>) -> Vec<u8> {
    let mut config = message(&[(1, MSP_ID.as_bytes())]);
    for (field, ca) in cas {
        write_bytes(&mut config, *field, ca.cert.to_pem().as_bytes());
    }
    if let Some(list) = list {
        write_bytes(&mut config, 5, crate::text::pem_encode("X509 CRL", list.der()).as_bytes());
    }
    let mut node_ous = Vec::new();
    write_number(&mut node_ous, 1, 1);
    for (field, role) in [(2, "client"), (3, "peer"), (4, "admin"), (5, "orderer")] {
        let mut identifier = Vec::new();
        if let Some(ca) = bound {
            write_bytes(&mut identifier, 1, ca.cert.to_pem().as_bytes());
        }
        write_bytes(&mut identifier, 2, role.as_bytes());
        write_bytes(&mut node_ous, field, &identifier);
    }
    write_bytes(&mut config, 11, &node_ous);
    // A field that no version of Fabric has, which an update must keep.
    write_bytes(&mut config, 200, b"kept");
    let value = message(&[(2, &message(&[(2, &config)])), (3, b"Admins")]);
    let (mut org, mut application, mut channel) = (Vec::new(), Vec::new(), Vec::new());
    write_entry(&mut org, 3, "MSP", &value);
    write_entry(&mut application, 2, "Org1", &org);
    write_entry(&mut channel, 2, "Application", &application);
    let envelope = message(&[(1, &message(&[(2, &channel)]))]);
    let mut header = Vec::new();
    write_number(&mut header, 1, 1);
    write_bytes(&mut header, 4, b"supply");
    let payload = message(&[(1, &message(&[(1, &header)])), (2, &envelope)]);
    let hashes = message(&[(2, &[0; 32]), (3, &[0; 32])]);
    message(&[(1, &hashes), (2, &message(&[(1, &message(&[(1, &payload)]))]))])
}

fn made(block: &[u8], change: &MspChange) -> Result<Option<ChannelUpdate>, String> {
    msp_update(block, MSP_ID, change, Timestamp::from_unix(1_790_000_000)).map_err(|e| e.reason)
}

fn identity(ca: &Ca) -> (CaOf, Cert) {
    (CaOf::Identities, ca.cert.clone())
}

fn refused(block: &[u8], change: &MspChange, expected: &str) {
    let reason = made(block, change).expect_err(expected);
    assert!(reason.contains(expected), "{reason}");
}

#[test]
fn an_update_keeps_what_it_does_not_change() {
    let (old, new) = (Ca::root("old"), Ca::root("new"));
    let block = block(&[(2, &old)], None);
    let change = MspChange { added: vec![identity(&new)], ..MspChange::default() };
    let update = made(&block, &change).unwrap().unwrap();
    assert_eq!((update.channel.as_str(), &*update.groups), ("supply", &["Application/Org1".to_owned()][..]));
    assert!(update.envelope.windows(4).any(|part| part == b"kept"));
    assert!(!update.is_bound && !is_signed_update(&update.envelope));
    let change = MspChange { added: vec![identity(&old)], ..MspChange::default() };
    assert!(made(&block, &change).unwrap().is_none());
}

#[test]
fn an_update_after_which_fabric_refuses_the_msp_is_not_made() {
    let (root, other) = (Ca::root("root"), Ca::root("other"));
    let inner = Ca::below("inner", &other);
    let one = block(&[(2, &root)], None);
    let added = |cas: &[&Ca]| MspChange { added: cas.iter().map(|ca| identity(ca)).collect(), ..MspChange::default() };
    let removed =
        |cas: &[&Ca]| MspChange { removed: cas.iter().map(|ca| identity(ca)).collect(), ..MspChange::default() };
    refused(&one, &added(&[&inner]), "a channel refuses the MSP Org1MSP");
    assert!(made(&one, &added(&[&other, &inner])).unwrap().is_some());
    let two = block(&[(2, &root), (2, &other), (3, &inner)], None);
    refused(&two, &removed(&[&other]), "a channel refuses the MSP Org1MSP");
    assert!(made(&two, &removed(&[&other, &inner])).unwrap().is_some());
    refused(&one, &removed(&[&root]), "would have no root CA");
    refused(&one, &removed(&[&other]), "to remove");
    // The TLS roots.
    let tls = block(&[(2, &root), (9, &other)], None);
    let change = MspChange { removed: vec![(CaOf::Tls, other.cert.clone())], ..MspChange::default() };
    refused(&tls, &change, "would have no TLS root CA");
}

#[test]
fn a_new_certificate_of_a_ca_takes_the_place_of_the_old_one() {
    let root = Ca::root("root");
    let again = root.again(2022);
    let block = block(&[(2, &root)], None);
    let added = MspChange { added: vec![identity(&again)], ..MspChange::default() };
    refused(&block, &added, "remove that one in the same update");
    let both = MspChange { removed: vec![identity(&root)], ..added };
    let changed = made(&block, &both).unwrap().unwrap().changed;
    assert_eq!(changed.iter().map(|one| one.action).collect::<Vec<_>>(), ["removed", "added"]);
}

#[test]
fn node_ous_that_name_a_ca_are_said_and_can_be_unbound() {
    let (old, new) = (Ca::root("old"), Ca::root("new"));
    let bound = block(&[(2, &old)], Some(&old));
    let added = MspChange { added: vec![identity(&new)], ..MspChange::default() };
    assert!(made(&bound, &added).unwrap().unwrap().is_bound);
    let replaced = MspChange { added: vec![identity(&new)], removed: vec![identity(&old)], ..MspChange::default() };
    refused(&bound, &replaced, "a channel refuses the MSP Org1MSP");
    let unbound = MspChange { unbind_node_ous: true, ..replaced };
    let update = made(&bound, &unbound).unwrap().unwrap();
    assert!(!update.is_bound && update.changed.iter().any(|one| one.action == "unbound"));
    let old_pem = old.cert.to_pem();
    assert!(!update.envelope.windows(old_pem.len()).any(|part| part == old_pem.as_bytes()));
    let change = MspChange { unbind_node_ous: true, ..MspChange::default() };
    assert!(made(&block(&[(2, &old)], None), &change).unwrap().is_none());
}

#[test]
fn a_list_that_fabric_ignores_or_that_is_older_is_refused() {
    let (root, other) = (Ca::root("root"), Ca::root("other"));
    let one = block(&[(2, &root)], None);
    let lists = |crls: Vec<Crl>| MspChange { crls, ..MspChange::default() };
    let good = || root.list(&[7, 8], 3, KeyIdMethod::Sha256);
    let update = made(&one, &lists(vec![good()])).unwrap().unwrap();
    assert_eq!((update.changed[0].action, update.changed[0].revoked), ("added", Some(2)));
    let wrong = root.list(&[7], 3, KeyIdMethod::PreSpecified(vec![1; 20]));
    refused(&one, &lists(vec![wrong]), "authority key identifier");
    refused(&one, &lists(vec![other.list(&[7], 3, KeyIdMethod::Sha256)]), "no CA of the MSP Org1MSP signed");
    refused(&one, &lists(vec![good(), root.list(&[9], 4, KeyIdMethod::Sha256)]), "two revocation lists");
    // The channel has the list of March.
    let list = good();
    let has = block_with(&[(2, &root)], None, Some(&list));
    assert!(made(&has, &lists(vec![list])).unwrap().is_none());
    let newer = made(&has, &lists(vec![root.list(&[8, 9], 4, KeyIdMethod::Sha256)])).unwrap().unwrap();
    assert_eq!((newer.changed[0].action, newer.changed[0].lost), ("replaced", 1));
    refused(&has, &lists(vec![root.list(&[7], 2, KeyIdMethod::Sha256)]), "the channel has that of 2026-03-01");
}
