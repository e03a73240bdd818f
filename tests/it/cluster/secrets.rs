//! What an enrolment leaves in Secrets, and what the next run makes of it.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::api_server::Namespace;
use crate::command::{Ran, fabcert};
#[cfg(feature = "dev-ca")]
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::{CaUnderTest, RealCa, Registration, oracle};

pub(super) const ID: &str = "org1-peer1";

/// The arguments of a command for the Secrets of the identity.
pub(super) fn arguments(command: &str, ca: &dyn CaUnderTest, more: &[&str]) -> Vec<String> {
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let mut args = vec![command, "--url", &url, "--tls-ca", &anchor, "--output", "json"];
    if !more.contains(&"--k8s-secret") {
        args.extend(["--k8s-secret", ID]);
    }
    args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
    args.extend(more);
    args.into_iter().map(str::to_owned).collect()
}

pub(super) const NAMES: [&str; 6] = ["--id", ID, "--role", "peer", "--san", "org1-peer1,org1-peer-gateway-svc"];

pub(super) fn enroll_as(namespace: &Namespace, token: &str, ca: &dyn CaUnderTest, secret: &str, more: &[&str]) -> Ran {
    let args = arguments("enroll", ca, &[&NAMES[..], more].concat());
    namespace.fabcert_as(token, &args.iter().map(String::as_str).collect::<Vec<_>>(), Some(secret))
}

pub(super) fn enroll(namespace: &Namespace, ca: &dyn CaUnderTest, more: &[&str]) -> Ran {
    enroll_as(namespace, "admin-token", ca, "peerpw", more)
}

/// The content of a Secret's key.
pub(super) fn content(secret: &serde_json::Value, key: &str) -> Vec<u8> {
    let value = secret["data"][key].as_str().unwrap_or_else(|| panic!("no {key} in {secret}"));
    STANDARD.decode(value).unwrap()
}

/// Writes the volume that the kubelet makes of a Secret, here with the `items` of its annotation if it has one.
pub(super) fn project(secret: &serde_json::Value, folder: &Path) {
    let items = secret["metadata"]["annotations"]["fabcert.dev/items"].as_str();
    let items: Vec<(String, String)> = match items {
        Some(items) => {
            let items: serde_json::Value = serde_json::from_str(items).unwrap();
            let of = |item: &serde_json::Value, key: &str| item[key].as_str().unwrap().to_owned();
            items.as_array().unwrap().iter().map(|item| (of(item, "key"), of(item, "path"))).collect()
        }
        None => secret["data"].as_object().unwrap().keys().map(|key| (key.clone(), key.clone())).collect(),
    };
    for (key, path) in items {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content(secret, &key)).unwrap();
    }
}

fn stored_and_unchanged(namespace: &Namespace, ca: &dyn CaUnderTest) {
    ca.register(&Registration::peer(ID, "peerpw"));
    let ran = enroll(namespace, ca, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // The folder that the run works in is gone when its words are read.
    assert!(ran.stderr.contains("k8s://") && !ran.stderr.contains(&namespace.tmp()), "{ran:?}");
    let json = ran.json();
    assert_eq!(json["action"], "enrolled");
    let at = |certificate: &serde_json::Value| certificate["path"].as_str().unwrap().to_owned();
    assert!(at(&json["certificates"][1]).ends_with("/org1-peer1/tls.crt"), "{json}");
    let (tls, msp) = (namespace.secret(ID).unwrap(), namespace.secret("org1-peer1-msp").unwrap());
    assert_eq!((tls["type"].as_str(), msp["type"].as_str()), (Some("kubernetes.io/tls"), Some("Opaque")));
    for key in ["tls.crt", "tls.key", "ca.crt"] {
        assert!(content(&tls, key).starts_with(b"-----BEGIN "), "{key}");
    }
    // The volumes of a pod.
    let (msp_dir, tls_dir) = (namespace.path("pod/msp"), namespace.path("pod/tls"));
    project(&msp, &msp_dir);
    project(&tls, &tls_dir);
    let (msp_text, tls_text) = (text(&msp_dir), text(&tls_dir));
    let audit = fabcert(&["audit", &msp_text, &tls_text, "--gateway-service", "org1-peer-gateway-svc"], None);
    // The keys are readable by others, as in a volume without defaultMode.
    assert!(audit.code <= 1 && !audit.stdout.contains("\"refuse\""), "{audit:?}");
    if let Some(verdict) = oracle::msp(&msp_dir, "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "Fabric refuses the volume");
    }
    // Another pod, later: the Secrets are all that it has.
    let (versions, sent) = (namespace.versions(), ca.answered().len());
    let plan = enroll(namespace, ca, &["--dry-run"]);
    assert!(plan.code == 0 && !plan.stdout.contains(&namespace.tmp()), "{plan:?}");
    let again = enroll(namespace, ca, &[]);
    assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
    assert_eq!(namespace.versions(), versions, "nothing is written");
    assert_eq!(ca.answered().len(), sent, "nothing is sent");
    assert!(fs::read_dir(namespace.tmp()).unwrap().next().is_none(), "no key stays on the disk");
}

#[test]
fn an_identity_is_stored_in_secrets_that_fabric_reads_as_folders() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("stored")) else { return };
    stored_and_unchanged(&namespace, &ca);
}

#[cfg(feature = "dev-ca")]
#[test]
fn an_identity_is_stored_in_secrets_on_the_dev_ca() {
    let Some(namespace) = Namespace::create("stored-dev") else { return };
    stored_and_unchanged(&namespace, &DevCaUnderTest::start(|_| (), None));
}

/// A new key and certificate in the same Secrets, with the current certificate as the credential.
#[test]
fn a_reenrolment_replaces_key_and_certificate_together() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("again")) else { return };
    ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer(ID, "peerpw") });
    assert_eq!(enroll(&namespace, &ca, &[]).code, 0);
    let before = namespace.secret(ID).unwrap();
    let args = arguments("reenroll", &ca, &[]);
    let ran = namespace.fabcert(&args.iter().map(String::as_str).collect::<Vec<_>>(), None);
    assert_eq!((ran.code, ran.json()["action"].as_str()), (0, Some("reenrolled")), "{ran:?}");
    let after = namespace.secret(ID).unwrap();
    for key in ["tls.crt", "tls.key"] {
        assert_ne!(content(&before, key), content(&after, key), "{key}");
    }
    let folder = namespace.path("tls");
    project(&after, &folder);
    let (cert, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    let served = oracle::serves_under(&cert, &key, &folder.join("ca.crt"), "org1-peer-gateway-svc");
    assert!(served.is_some_and(|verdict| verdict.accept), "key and certificate belong together");
}

/// The run may write the state, and not the Secret of the TLS pair: what the CA issued is kept, and stored by the next run.
#[test]
fn an_answer_that_could_not_be_stored_costs_no_second_enrolment() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("kept")) else { return };
    ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer(ID, "peerpw") });
    namespace.allow_few(&["get", "create"], &[]);
    namespace.allow_few(&["patch"], &["org1-peer1-fabcert"]);
    let ran = enroll_as(&namespace, "few-token", &ca, "peerpw", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("must allow get, create and patch of secrets"), "{ran:?}");
    assert!(namespace.secret(ID).is_none());
    let sent = (ca.count("enroll"), ca.count("reenroll"));
    let again = enroll(&namespace, &ca, &[]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(namespace.secret(ID).is_some() && namespace.secret("org1-peer1-msp").is_some());
    assert_eq!((ca.count("enroll"), ca.count("reenroll")), sent, "the kept answers are used");
}

/// Both find nothing; the Secret of the state is created by one of them.
#[test]
fn of_two_runs_at_once_one_enrols() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("both")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    // The registrar of the fixture has enrolled.
    let sent = (ca.count("enroll"), ca.count("reenroll"));
    let ran: Vec<Ran> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| enroll(&namespace, &ca, &[]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(ran.iter().all(|ran| [0, 9].contains(&ran.code)), "{ran:?}");
    assert!(ran.iter().any(|ran| ran.code == 0), "{ran:?}");
    assert_eq!((ca.count("enroll"), ca.count("reenroll")), (sent.0 + 1, sent.1 + 1), "{ran:?}");
    let again = enroll(&namespace, &ca, &[]);
    assert_eq!(again.json()["action"], "unchanged", "{again:?}");
}
