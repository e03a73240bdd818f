//! `fabcert renew --rollover`: a root CA replaced by another, on real Fabric CAs and on the dev CA with the same code.

use std::path::Path;
use std::sync::Arc;

use fabcert::internals::pem_encode;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::{Organisation, a_day_later, actions};
use crate::command::{Ran, fabcert, tree};
use crate::enroll::scene::text;
use crate::real::{CaUnderTest, RealCa, oracle};

pub(super) const IDS: [&str; 3] = ["peer1", "peer2", "peer3"];

/// A CA that takes over the identities of another, with a new root.
pub(super) struct Successor {
    pub(super) ca: Box<dyn CaUnderTest>,
    /// Its root, PEM.
    pub(super) root: String,
}

impl Organisation<'_> {
    pub(super) fn rollover(&self, more: &[&str]) -> Ran {
        self.renew(&[&["--rollover"], more].concat())
    }

    /// Phase, roots trusted and root of the certificate of each folder; the sign folder of a peer first.
    pub(super) fn states(&self, more: &[&str]) -> Vec<String> {
        let ran = self.rollover(&[&["--dry-run"], more].concat());
        assert!(matches!(ran.code, 0 | 1), "{ran:?}");
        let word = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = ran.json()["folders"].as_array().unwrap().clone();
        rows.iter().map(|row| ["phase", "trusts", "leaf"].map(|key| word(row, key)).join(" ")).collect()
    }

    /// The files have no root `old`, and nothing is noted.
    pub(super) fn is_over(&self, old: &str) {
        let files = tree(&self.root());
        for (path, (_, content)) in files.iter().filter(|(path, _)| !path.contains(".fabcert/")) {
            assert!(!path.contains("other-") && !String::from_utf8_lossy(content).contains(old.trim()), "{path}");
        }
        assert!(!files.keys().any(|path| path.contains("overlap.json")));
    }

    /// The verdict of Fabric on each MSP folder, and a handshake of each member with each bundle, both sides authenticated.
    pub(super) fn works(&self, more: &[&str]) {
        for id in IDS {
            if let Some(verdict) = oracle::msp(&self.folder(id, "msp"), "Org1MSP") {
                assert!(verdict.peer_starts() && verdict.is_peer() && verdict.verifies, "{id}: {verdict:?}");
            }
        }
        let own = IDS.map(|id| std::fs::read_to_string(self.folder(id, "tls").join("ca.crt")).unwrap());
        for server in IDS {
            for (at, bundle) in own.iter().map(String::as_str).chain(more.iter().copied()).enumerate() {
                let client = IDS[at % IDS.len()];
                let dialled = handshake(&self.folder(server, "tls"), &self.folder(client, "tls"), bundle);
                assert_eq!(dialled, Ok(()), "{client} dials {server} with bundle {at}");
            }
        }
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn anchors(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    roots
}

/// A handshake by the gateway's name; the server asks for the client's certificate.
fn handshake(server: &Path, client: &Path, bundle: &str) -> Result<(), String> {
    let pair = |folder: &Path| {
        let chain = CertificateDer::pem_file_iter(folder.join("server.crt")).unwrap().map(Result::unwrap).collect();
        (chain, PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap())
    };
    let own = anchors(&std::fs::read_to_string(server.join("ca.crt")).unwrap());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(own), provider()).build().unwrap();
    let (chain, key): (Vec<_>, _) = pair(server);
    let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap();
    let mut serving = ServerConnection::new(Arc::new(config)).unwrap();
    let (chain, key) = pair(client);
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(anchors(bundle)).with_client_auth_cert(chain, key).unwrap();
    let mut dialling = ClientConnection::new(Arc::new(config), ServerName::try_from("gateway").unwrap()).unwrap();
    while dialling.is_handshaking() || serving.is_handshaking() {
        let mut wire = Vec::new();
        while dialling.wants_write() {
            dialling.write_tls(&mut wire).unwrap();
        }
        let mut sent = &wire[..];
        while !sent.is_empty() {
            serving.read_tls(&mut sent).unwrap();
            serving.process_new_packets().map_err(|e| format!("server: {e}"))?;
        }
        let mut wire = Vec::new();
        while serving.wants_write() {
            serving.write_tls(&mut wire).unwrap();
        }
        let mut sent = &wire[..];
        while !sent.is_empty() {
            dialling.read_tls(&mut sent).unwrap();
            dialling.process_new_packets().map_err(|e| format!("client: {e}"))?;
        }
    }
    Ok(())
}

fn message(ran: &Ran) -> String {
    ran.json()["error"].to_string()
}

/// A CA's certificate; `is_ca`, and whether it has expired.
fn root(name: &str, is_ca: bool, has_expired: bool) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if has_expired {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    }
    pem_encode("CERTIFICATE", params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
}

/// Every phase, its refusals before the one before is complete, and what works in between.
pub(super) fn phases(old: &dyn CaUnderTest, successor: &dyn Fn() -> Successor) {
    let peers = Organisation::with_peers(old, &IDS);
    let old_root = std::fs::read_to_string(peers.folder("peer1", "tls").join("ca.crt")).unwrap();
    let write = |name: &str, pem: &str| {
        let path = peers.dir.path().join(name);
        std::fs::write(&path, pem).unwrap();
        text(&path)
    };
    let before = tree(&peers.root());
    let refused_roots = [
        ("expired.pem", root("new", true, true), "expired at"),
        ("leaf.pem", root("new", false, false), "is not a CA"),
        (
            "nothing.pem",
            std::fs::read_to_string(peers.folder("peer1", "tls").join("server.crt")).unwrap(),
            "no root CA",
        ),
    ];
    for (name, pem, words) in &refused_roots {
        let ran = peers.rollover(&["--new-root", &write(name, pem)]);
        assert!(ran.code == 4 && message(&ran).contains(words), "{ran:?}");
    }
    // Without a new root the CA is asked, which still issues with the old one.
    let ran = peers.rollover(&[]);
    assert!(ran.code == 4 && message(&ran).contains("issues with the root of the current certificates"), "{ran:?}");
    assert!(message(&ran).contains(&old.url()), "{ran:?}");
    assert!(tree(&peers.root()) == before, "nothing was changed");

    let new = successor();
    let (new_root, url, anchor) = (write("new.pem", &new.root), new.ca.url(), text(new.ca.tls_anchor()));
    let both = old_root.clone() + &new.root;
    let given = ["--new-root", new_root.as_str()];
    assert_eq!(peers.states(&given), ["trust old old"; 6]);
    let mut at = vec!["--url", &url, "--tls-ca", &anchor];
    at.extend(new.ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
    assert_eq!(peers.states(&at), ["trust old old"; 6], "the new root is that of the given CA");
    for phase in ["reissue", "drop"] {
        let ran = peers.rollover(&[&given[..], &["--phase", phase]].concat());
        assert_eq!(ran.code, 4, "{ran:?}");
        for id in IDS {
            assert!(message(&ran).contains(&text(&peers.folder(id, "msp"))), "{ran:?}");
        }
    }
    assert!(tree(&peers.root()) == before, "nothing was changed");

    // One peer alone: the rest is behind, and is named.
    let first = text(&peers.root().join("peer1"));
    let ran = fabcert(&[&["renew", &first, "--output", "json", "--rollover"][..], &given].concat(), None);
    assert_eq!((ran.code, ran.json()["next"].as_str()), (0, Some("reissue")), "{ran:?}");
    peers.works(&[&old_root, &both]);
    let ran = peers.rollover(&["--phase", "reissue"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let names = |id: &str| message(&ran).contains(&text(&peers.folder(id, "tls")));
    assert!(!names("peer1") && names("peer2") && names("peer3"), "{ran:?}");

    // From here on the folders know the new root.
    let asked = peers.asked();
    let ran = peers.rollover(&[]);
    assert_eq!((ran.code, ran.json()["phase"].as_str()), (0, Some("trust")), "{ran:?}");
    assert_eq!(peers.states(&[]), ["reissue both old"; 6]);
    peers.works(&[&old_root, &both]);
    let unchanged = peers.renew(&[]);
    assert_eq!((unchanged.code, actions(&unchanged)), (0, vec!["unchanged".to_owned(); 3]), "{unchanged:?}");
    assert_eq!(peers.asked(), asked, "no certificate was requested");
    let ran = peers.rollover(&["--phase", "drop"]);
    assert!(ran.code == 4 && message(&ran).contains("has a certificate of the old root"), "{ran:?}");
    let ran = peers.rollover(&["--phase", "reissue"]);
    let report = ran.json();
    for row in report["folders"].as_array().unwrap() {
        let error = row["error"]["message"].as_str().unwrap();
        assert!(ran.code == 4 && error.contains("still issues with the old root"), "{ran:?}");
    }
    assert_eq!(peers.asked(), asked, "no certificate was requested");
    renewals_wait(&peers, &at);

    // One member of the gateway after the other, twenty minutes apart.
    for done in 0..IDS.len() {
        let ran = peers.rollover(&at);
        assert_eq!((ran.code, ran.json()["phase"].as_str()), (0, Some("reissue")), "{ran:?}");
        let mut expected = vec!["drop both new"; 2 * (done + 1)];
        expected.resize(6, "reissue both old");
        assert_eq!(peers.states(&[]), expected);
        peers.works(&[&both]);
        if done + 1 == IDS.len() {
            break;
        }
        assert!(ran.json()["next_at"].is_string(), "{ran:?}");
        let issued = new.ca.count("reenroll");
        let early = peers.rollover(&at);
        assert_eq!((early.code, new.ca.count("reenroll")), (0, issued), "{early:?}");
        let ran = peers.rollover(&["--phase", "drop"]);
        assert_eq!(ran.code, 4, "{ran:?}");
        a_day_later(&peers.root());
    }

    let audited = fabcert(&["audit", &text(&peers.root())], None);
    assert_eq!(audited.code, 0, "{audited:?}");
    let ran = peers.rollover(&[]);
    assert_eq!((ran.code, ran.json()["phase"].as_str()), (0, Some("drop")), "{ran:?}");
    assert_eq!(peers.states(&given), ["done new new"; 6]);
    peers.works(&[&new.root, &both]);
    peers.is_over(&old_root);
    let files = tree(&peers.root());
    let ran = peers.rollover(&given);
    assert_eq!((ran.code, ran.json()["phase"].as_str()), (0, Some("done")), "{ran:?}");
    assert!(tree(&peers.root()) == files, "nothing is left to do");
    let unchanged = peers.renew(&[]);
    assert_eq!((unchanged.code, actions(&unchanged)), (0, vec!["unchanged".to_owned(); 3]), "{unchanged:?}");
}

/// Until the certificates are issued again, a renewal that is due waits if the CA `at` issues with the new root already, unless the
/// old certificate expires soon.
fn renewals_wait(peers: &Organisation<'_>, at: &[&str]) {
    let [url, anchor] = [at[1], at[3]];
    let record = peers.root().join("peer3/.msp.fabcert/record.json");
    let before = std::fs::read(&record).unwrap();
    let changed = |days: i64, url: &str| {
        let mut json: serde_json::Value = serde_json::from_slice(&before).unwrap();
        json["issued_at"] = (json["issued_at"].as_i64().unwrap() - days * super::DAY).into();
        json["ca"]["url"] = url.into();
        std::fs::write(&record, json.to_string()).unwrap();
    };
    changed(2000, url);
    let files = tree(&peers.folder("peer3", "msp"));
    for _ in 0..2 {
        let ran = peers.renew(&["--tls-ca", anchor]);
        assert_eq!((ran.code, actions(&ran)), (4, ["unchanged", "unchanged", "failed"].map(str::to_owned).to_vec()));
        let error = ran.json()["identities"][2]["error"]["message"].as_str().unwrap().to_owned();
        assert!(error.contains("new root") && error.contains("the renewal waits"), "{ran:?}");
    }
    assert!(tree(&peers.folder("peer3", "msp")) == files);
    std::fs::write(&record, &before).unwrap();
}

#[test]
fn a_root_is_replaced_in_phases() {
    for intermediates in [0, 1] {
        let Some(old) = RealCa::builder().intermediates(intermediates).start() else { return };
        phases(&old, &|| {
            let ca = RealCa::builder().intermediates(intermediates).succeeds(&old, true).start().unwrap();
            Successor { root: ca.root_pem(), ca: Box::new(ca) }
        });
    }
}

/// A new root with the name and the key of the old one gives each certificate two chains, which Fabric refuses.
#[test]
fn a_root_with_the_name_and_the_key_of_the_old_one_is_refused() {
    let key = KeyPair::generate().unwrap();
    let certificate = |year: i32| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(year, 1, 1);
        rcgen::CertifiedIssuer::self_signed(params, &key).unwrap()
    };
    let (old, renewed) = (certificate(2090), certificate(2095));
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let leaf_key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(["peer1".to_owned()]).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "peer1");
    write("peer1/tls/server.crt", &pem_encode("CERTIFICATE", leaf.signed_by(&leaf_key, &old).unwrap().der()));
    write("peer1/tls/server.key", &pem_encode("PRIVATE KEY", leaf_key.serialized_der()));
    write("peer1/tls/ca.crt", &pem_encode("CERTIFICATE", old.der()));
    write("renewed.pem", &pem_encode("CERTIFICATE", renewed.der()));
    let renewed = text(&dir.path().join("renewed.pem"));
    let before = tree(&dir.path().join("peer1"));
    let folder = text(&dir.path().join("peer1"));
    let ran = fabcert(&["renew", &folder, "--rollover", "--new-root", &renewed, "--output", "json"], None);
    assert!(ran.code == 4 && message(&ran).contains("two chains"), "{ran:?}");
    assert!(tree(&dir.path().join("peer1")) == before);
}

#[test]
fn the_root_that_is_replaced_is_given_where_there_are_several() {
    let issuer = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        rcgen::CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let [sign, tls, new] = ["ca", "tlsca", "tlsca 2"].map(issuer);
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        text(&path)
    };
    let pem = |der: &[u8]| pem_encode("CERTIFICATE", der);
    for (id, ca) in [("peer1", &sign), ("peer2", &tls)] {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new([id.to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, id);
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages =
            vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        write(&format!("peers/{id}/tls/server.crt"), &pem(leaf.signed_by(&key, ca).unwrap().der()));
        write(&format!("peers/{id}/tls/server.key"), &pem_encode("PRIVATE KEY", key.serialized_der()));
        write(&format!("peers/{id}/tls/ca.crt"), &pem(ca.der()));
    }
    let (old, new_root) = (write("old.pem", &pem(tls.der())), write("new.pem", &pem(new.der())));
    let peers = text(&dir.path().join("peers"));
    let rollover = |more: &[&str]| {
        let args = ["renew", &peers, "--rollover", "--new-root", &new_root, "--output", "json"];
        let at = ["--url", "https://ca.example.com", "--tls-ca", &new_root];
        fabcert(&[&args[..], &at, more].concat(), None)
    };
    let before = tree(&dir.path().join("peers"));
    let unclear = rollover(&[]);
    assert!(unclear.code == 4 && message(&unclear).contains("--old-root"), "{unclear:?}");
    let no_root =
        rollover(&["--old-root", &write("leaf.pem", &before["peer1/tls/server.crt"].1.escape_ascii().to_string())]);
    assert_eq!(no_root.code, 4, "{no_root:?}");
    assert!(tree(&dir.path().join("peers")) == before);
    let ran = rollover(&["--old-root", &old]);
    assert_eq!((ran.code, ran.json()["phase"].as_str()), (0, Some("trust")), "{ran:?}");
    let bundle = |id: &str| std::fs::read_to_string(dir.path().join("peers").join(id).join("tls/ca.crt")).unwrap();
    assert_eq!(bundle("peer1"), pem(sign.der()), "the other root stays alone");
    assert_eq!(bundle("peer2").matches("BEGIN CERTIFICATE").count(), 2);
    assert!(bundle("peer2").contains(pem(new.der()).trim()));
}
