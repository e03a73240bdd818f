//! `fabcert probe`: the answer for a container, by exit code.

use std::fs;

use super::live::serve;
use super::scene::Scene;
use crate::command::{Ran, fabcert};
use crate::reserved::nobody;

const GATEWAY: &str = "org1-peer-gateway-svc";

fn probe(scene: &Scene, args: &[&str]) -> Ran {
    let tls = scene.path("peer1/tls").display().to_string();
    fabcert(&[&["probe", "--output", "json", "--tls-dir", &tls], args].concat(), None)
}

/// The reasons of every part, in order.
fn reasons(ran: &Ran) -> Vec<String> {
    let parts = ran.json()["parts"].as_array().unwrap().clone();
    let of = |part: &serde_json::Value| part["reasons"].as_array().unwrap().clone();
    parts.iter().flat_map(of).map(|reason| reason.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_whole_folder_with_the_wanted_names_is_ready() {
    let scene = Scene::new();
    scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1", GATEWAY]);
    let ran = probe(&scene, &["--hostname", "org1-peer1", "--gateway-service", GATEWAY]);
    assert_eq!((ran.code, &ran.json()["ready"]), (0, &true.into()), "{ran:?}");
    assert_eq!(reasons(&ran), Vec::<String>::new());
}

#[test]
fn what_is_missing_makes_a_folder_unready_with_its_reason() {
    let scene = Scene::new();
    let ran = probe(&scene, &[]);
    assert_eq!((ran.code, reasons(&ran)), (1, vec!["it does not exist".to_owned()]), "{ran:?}");
    scene.write("peer1/tls/README", "nothing yet");
    let ran = probe(&scene, &[]);
    assert_eq!((ran.code, reasons(&ran).len()), (1, 1), "{ran:?}");
    scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1"]);
    assert_eq!(probe(&scene, &[]).code, 0);
    let ran = probe(&scene, &["--gateway-service", GATEWAY]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(matches!(&reasons(&ran)[..], [reason] if reason.contains(GATEWAY)), "one cause, one reason: {ran:?}");
    for file in ["server.key", "ca.crt", "server.crt"] {
        let scene = Scene::new();
        scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1"]);
        fs::remove_file(scene.path("peer1/tls").join(file)).unwrap();
        let ran = probe(&scene, &[]);
        assert_eq!(ran.code, 1, "without {file}: {ran:?}");
        assert!(!reasons(&ran).is_empty(), "without {file}: {ran:?}");
    }
    let scene = Scene::new();
    scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1"]);
    let (_, other) = scene.server("org1-peer1", &["org1-peer1"]);
    scene.write("peer1/tls/server.key", other);
    let ran = probe(&scene, &[]);
    assert_eq!((ran.code, reasons(&ran).len()), (1, 1), "the key of another certificate: {ran:?}");
}

#[test]
fn a_node_that_serves_another_certificate_is_not_ready() {
    let scene = Scene::new();
    let (old, old_key) = scene.server("org1-peer1", &["localhost"]);
    let (new, new_key) = scene.server("org1-peer1", &["localhost"]);
    scene.lay_tls("peer1/tls", &new, &new_key, &scene.root());
    let served = |endpoint: &str| probe(&scene, &["--served", endpoint, "--server-name", "localhost"]);
    assert_eq!(served(&format!("127.0.0.1:{}", serve(&new, &new_key))).code, 0);
    let ran = served(&format!("127.0.0.1:{}", serve(&old, &old_key)));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(reasons(&ran)[0].contains("in none of the folders"), "{ran:?}");
    let ran = served(&nobody().to_string());
    assert_eq!((ran.code, reasons(&ran).len()), (1, 1), "{ran:?}");
}

#[test]
fn an_endpoint_is_found_in_the_report_however_it_is_written() {
    let scene = Scene::new();
    let (old, old_key) = scene.server("org1-peer1", &["localhost"]);
    scene.tls_folder("peer1/tls", "org1-peer1", &["localhost"]);
    let port = serve(&old, &old_key);
    for endpoint in [format!("127.0.0.1:0{port}"), format!("[127.0.0.1]:{port}"), format!("127.0.0.1:+{port}")] {
        let ran = probe(&scene, &["--served", &endpoint, "--server-name", "localhost"]);
        assert_ne!(ran.code, 0, "{endpoint}: {ran:?}");
    }
}

#[test]
fn what_is_asked_of_a_certificate_that_is_not_there_is_never_ready() {
    let scene = Scene::new();
    scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1"]);
    let tls = scene.path("peer1/tls").display().to_string();
    let ran = fabcert(&["probe", "--output", "json", "--msp-dir", &tls], None);
    assert_eq!((ran.code, reasons(&ran)), (1, vec!["it is not an MSP folder".to_owned()]), "{ran:?}");
    let msp = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/msp");
    for more in [["--san", GATEWAY], ["--served", "127.0.0.1:1"]] {
        assert_eq!(fabcert(&[&["probe", "--msp-dir", msp], &more[..]].concat(), None).code, 2);
    }
    let missing = scene.path("none").display().to_string();
    let ran = fabcert(&["probe", "--tls-dir", &missing, "--served", "127.0.0.1:1"], None);
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn a_probe_without_a_folder_is_a_usage_error() {
    let ran = fabcert(&["probe"], None);
    assert_eq!(ran.code, 2, "{ran:?}");
    let scene = Scene::new();
    scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1"]);
    assert_eq!(probe(&scene, &["--served", "no-port"]).code, 2);
}
