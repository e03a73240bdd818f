//! Requests that `fabcert issuer` leaves alone, or that get no certificate.

use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use serde_json::json;

use super::api_server::Namespace;
use super::cert_manager::{self, is_true, wait_for};
use super::issuer::{condition, csr, csr_of, path, ready, request, spec, start};
use crate::real::{CaUnderTest, RealCa, Registration};

#[test]
fn nothing_is_sent_for_requests_that_are_denied_or_are_for_others() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("cm-others")) else { return };
    let Some(()) = cert_manager::start(&namespace) else { return };
    ca.register(&Registration::peer("peer1", "pw"));
    let enrolled = ca.count("enroll");
    let csr = || csr("peer1", &["peer1"]);
    // cert-manager's approver approves whatever is not decided.
    let all = path(&namespace, "cert-manager.io/v1", "certificaterequests");
    request(&namespace, "denied", &csr(), &json!({}));
    wait_for("the approver", || is_true(&namespace.object(&format!("{all}/denied"))?, "Approved").then_some(()));
    condition(&namespace, "denied", "Denied");
    let issuer = start(&namespace, &spec(&namespace, &ca, &[("peer1", None)]));
    issuer.is_ready();
    let foreign = json!({"group": "other.example", "kind": "FabricCAIssuer", "name": "org1"});
    request(&namespace, "foreign", &csr(), &json!({"issuerRef": foreign}));
    request(&namespace, "ca", &csr(), &json!({"isCA": true}));
    request(&namespace, "stranger", &super::issuer::csr("peer2", &["a"]), &json!({}));
    assert!(ready(&namespace, "denied", &["Denied"])["message"].to_string().contains("denied"));
    ready(&namespace, "ca", &["Failed"]);
    ready(&namespace, "stranger", &["Failed"]);
    assert_eq!((ca.count("enroll") - enrolled, ca.count("reenroll")), (0, 0));
    // After these the issuer has seen all of them.
    request(&namespace, "good", &csr(), &json!({}));
    ready(&namespace, "good", &["Issued"]);
    assert_eq!((ca.count("enroll") - enrolled, ca.count("reenroll")), (1, 1));
    let foreign = namespace.object(&format!("{all}/foreign")).unwrap();
    assert!(!foreign["status"].to_string().contains("Ready"), "{foreign}");
}

/// The CA locks an identity after ten wrong secrets.
#[test]
fn twenty_requests_with_a_wrong_secret_do_not_lock_the_identity() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("cm-wrong")) else { return };
    let Some(()) = cert_manager::start(&namespace) else { return };
    ca.register(&Registration::peer("peer1", "right"));
    let enrolled = ca.count("enroll");
    let issuer = start(&namespace, &spec(&namespace, &ca, &[("peer1", None)]));
    issuer.is_ready();
    let names: Vec<String> = (0..20).map(|number| format!("wrong-{number}")).collect();
    for name in &names {
        request(&namespace, name, &csr("peer1", &["peer1"]), &json!({}));
    }
    for name in &names {
        let message = ready(&namespace, name, &["Pending", "Failed"])["message"].to_string();
        assert!(message.contains("without success") && !message.contains("--"), "{message}");
    }
    let tries = ca.count("enroll") - enrolled;
    assert!((1..=5).contains(&tries), "{tries} tries");
    assert_eq!(issuer.end(), Some(143));
    // Another process has the same memory.
    let _issuer = super::issuer::run(&namespace);
    request(&namespace, "later", &csr("peer1", &["peer1"]), &json!({}));
    ready(&namespace, "later", &["Pending", "Failed"]);
    assert!(ca.count("enroll") - enrolled <= tries + 1, "{}", ca.count("enroll") - enrolled);
}

#[test]
fn the_key_of_an_orderer_is_kept() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("cm-orderer")) else { return };
    let Some(()) = cert_manager::start(&namespace) else { return };
    ca.register(&Registration { kind: "orderer", ..Registration::peer("orderer1", "pw") });
    let issuer = start(&namespace, &spec(&namespace, &ca, &[("orderer1", None)]));
    issuer.is_ready();
    let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let same = || csr_of(&key, "orderer1", &["orderer1"]);
    request(&namespace, "first", &same(), &json!({}));
    ready(&namespace, "first", &["Issued"]);
    request(&namespace, "changed", &csr("orderer1", &["orderer1"]), &json!({}));
    let message = ready(&namespace, "changed", &["Failed"])["message"].to_string();
    assert!(message.contains("rotationPolicy: Never") && message.contains(&key.ski().hex()), "{message}");
    request(&namespace, "same", &same(), &json!({}));
    ready(&namespace, "same", &["Issued"]);
    assert_eq!(issuer.end(), Some(143));
    // The key is remembered beyond the process.
    let _issuer = super::issuer::run(&namespace);
    request(&namespace, "later", &csr("orderer1", &["orderer1"]), &json!({}));
    ready(&namespace, "later", &["Failed"]);
    assert_eq!(ca.count("reenroll"), 2);
}

#[cfg(feature = "dev-ca")]
#[test]
fn a_certificate_without_its_names_is_never_ready() {
    use fabcert::devca::{Endpoint, Fault, FaultRule};

    use crate::enroll::on_the_dev_ca::DevCaUnderTest;

    let Some(namespace) = Namespace::create("cm-names") else { return };
    let Some(()) = cert_manager::start(&namespace) else { return };
    let ca = DevCaUnderTest::start(|_| {}, None);
    ca.register(&Registration::peer("peer1", "pw"));
    ca.running.add_fault(FaultRule::new(Fault::DropSans).on(Endpoint::Reenroll));
    let _issuer = start(&namespace, &spec(&namespace, &ca, &[("peer1", None)]));
    request(&namespace, "lost", &csr("peer1", &["peer1", "org1-peer-gateway-svc"]), &json!({}));
    let message = ready(&namespace, "lost", &["Failed"])["message"].to_string();
    assert!(message.contains("peer1, org1-peer-gateway-svc"), "{message}");
    let lost = namespace.object(&path(&namespace, "cert-manager.io/v1", "certificaterequests/lost")).unwrap();
    assert!(lost["status"].get("certificate").is_none() && lost["status"]["failureTime"].is_string(), "{lost}");
    assert_eq!(ca.count("reenroll"), 1, "one request, and no loop");
}
