//! Small TLS folders, judged. The recorded verdicts of real programs are compared in `tests/it/verdicts.rs`.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::*;
use crate::disk::MemoryFolder;
use crate::text::pem_encode;

/// 2026-11-23.
const NOW: Timestamp = Timestamp::from_unix(1_795_000_000);

struct Pki {
    ca: String,
    leaf: String,
    key: String,
}

fn pki(change: impl FnOnce(&mut CertificateParams)) -> Pki {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = pem_encode("CERTIFICATE", ca.self_signed(&ca_key).unwrap().der());
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["gateway".to_owned()]).unwrap();
    change(&mut leaf);
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    Pki { ca: ca_pem, leaf: pem_encode("CERTIFICATE", leaf.der()), key: key_pem(&key) }
}

fn key_pem(key: &KeyPair) -> String {
    pem_encode("PRIVATE KEY", &key.serialize_der())
}

fn folder(files: &[(&str, &str)]) -> MemoryFolder {
    let mut folder = MemoryFolder::new();
    for (name, content) in files {
        folder.insert(name, *content);
    }
    folder
}

/// Judges a folder that holds a server's pair.
fn judged(folder: &MemoryFolder, names: &[&str], now: Timestamp) -> TlsVerdicts {
    verdicts(folder, names, now).expect("a server's pair")
}

fn key_of(verdict: Option<Verdict>) -> Option<&'static str> {
    verdict.and_then(Result::err).map(|e| e.key)
}

#[test]
fn a_pair_serves_under_its_names() {
    let Pki { ca, leaf, key } = pki(|_| {});
    for names in [
        ["server.crt", "server.key", "ca.crt"],
        ["tls.crt", "tls.key", "ca.crt"],
        ["signcerts/c", "keystore/k", "tlscacerts/t"],
    ] {
        let folder = folder(&[(names[0], &leaf), (names[1], &key), (names[2], &ca)]);
        let good = judged(&folder, &["gateway", "GATEWAY"], NOW);
        assert_eq!((good.server, good.client, good.warnings), (Ok(()), Some(Ok(())), vec![]), "{names:?}");
        let other = judged(&folder, &["gateway", "other"], NOW);
        assert_eq!((other.server, other.trust, key_of(other.client)), (Ok(()), Ok(()), Some("wrong-host")));
        assert_eq!(judged(&folder, &[], NOW).client, None);
    }
}

#[test]
fn what_no_server_takes_no_client_takes() {
    let Pki { ca, leaf, key } = pki(|_| {});
    let stranger = key_pem(&KeyPair::generate().unwrap());
    let relabelled = leaf.replace("CERTIFICATE", "X509 CERTIFICATE");
    for (certificate, key, expected) in [
        (leaf.as_str(), stranger.as_str(), "key-mismatch"),
        (&relabelled, &key, "certificate-wrong-label"),
        (&key, &leaf, "certificate-is-a-key"),
        (&leaf, &leaf, "key-is-a-certificate"),
        (&leaf, "", "key-no-pem"),
        ("", &key, "certificate-no-pem"),
    ] {
        let folder = folder(&[("server.crt", certificate), ("server.key", key), ("ca.crt", &ca)]);
        let found = judged(&folder, &["gateway"], NOW);
        assert_eq!((key_of(Some(found.server)), key_of(found.client)), (Some(expected), Some(expected)));
    }
    let without_ca = judged(&folder(&[("tls.crt", &leaf), ("tls.key", &key)]), &["gateway"], NOW);
    assert_eq!(key_of(Some(without_ca.server)), Some("ca-file-missing"));
    assert_eq!(verdicts(&folder(&[("client.crt", &leaf)]), &["gateway"], NOW), None);
}

#[test]
fn a_server_starts_with_what_its_clients_refuse() {
    let clients_only =
        |leaf: &mut CertificateParams| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let Pki { ca, leaf, key } = pki(clients_only);
    let found = judged(&folder(&[("tls.crt", &leaf), ("tls.key", &key), ("ca.crt", &ca)]), &["gateway"], NOW);
    assert_eq!((found.server, key_of(found.client)), (Ok(()), Some("no-server-auth")));

    let Pki { leaf, key, .. } = pki(|leaf| leaf.not_after = rcgen::date_time_ymd(2025, 1, 1));
    let found = judged(&folder(&[("tls.crt", &leaf), ("tls.key", &key), ("ca.crt", "junk")]), &["gateway"], NOW);
    assert_eq!((found.server, key_of(found.client)), (Ok(()), Some("ca-file-unusable")));
    assert_eq!(found.warnings[0].key, "expired");
}
