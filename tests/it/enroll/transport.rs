//! The way to the CA, through the binary: client certificates, proxies, foreign certificates, a CA that comes up late, a
//! run that is told to end.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::command::{command, fabcert_in, tree};
use crate::real::proxy::PathProxy;
use crate::real::relay::Relay;
use crate::real::transport::TransportCa;
use crate::real::{ADMIN, CaUnderTest, RealCa, Registration};

use super::scene::{Peer, text};

fn port(ca: &RealCa) -> u16 {
    ca.url().rsplit(':').next().unwrap().parse().unwrap()
}

/// A port on which nobody listens for now.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn a_ca_that_demands_client_certificates_is_shown_one() {
    let dir = tempfile::tempdir().unwrap();
    let clients = TransportCa::new(&dir.path().join("clients"));
    let Some(ca) = RealCa::builder().require_client_certificate(clients.anchor()).start() else { return };
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&dir.path().join("a/msp")));
    let enroll = |more: &[&str]| {
        let start = ["enroll", "--url", &url, "--id", ADMIN.0, "--ca-name", "org1-ca", "--tls-ca", &anchor];
        fabcert_in(&[&start[..], &["--msp-dir", &msp], more].concat(), &[("FABCERT_SECRET", ADMIN.1)])
    };
    let without = enroll(&[]);
    assert_eq!(without.code, 6, "{without:?}");
    assert!(without.stderr.contains("--tls-client-cert"), "{without:?}");
    let stranger = TransportCa::new(&dir.path().join("stranger")).issue("client", &["client"]);
    let wrong = enroll(&["--tls-client-cert", &text(&stranger.cert), "--tls-client-key", &text(&stranger.key)]);
    assert_eq!(wrong.code, 6, "{wrong:?}");
    let client = clients.issue("client", &["client"]);
    let mixed = enroll(&["--tls-client-cert", &text(&client.cert), "--tls-client-key", &text(&stranger.key)]);
    assert_eq!(mixed.code, 4, "{mixed:?}");
    let half = enroll(&["--tls-client-cert", &text(&client.cert)]);
    assert_eq!(half.code, 2, "{half:?}");
    assert_eq!(ca.count("enroll"), 0, "nothing reached the CA");
    assert!(!dir.path().join("a/msp").exists());
    let right = enroll(&["--tls-client-cert", &text(&client.cert), "--tls-client-key", &text(&client.key)]);
    assert_eq!(right.code, 0, "{right:?}");
}

#[test]
fn a_foreign_certificate_is_told_by_its_names_and_the_ingress_default_as_such() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let before = peer.folders();
    let at = |common_name: &str, hosts: &[&str]| {
        let certificate = ca.transport().issue(common_name, hosts);
        let proxy = PathProxy::start("", port(&ca), ca.tls_anchor(), &certificate);
        let ran = peer.enroll_at(&proxy.url(), ca.tls_anchor(), ca.ca_name(), "peerpw", &["--force"]);
        assert_eq!((ran.code, proxy.seen().len()), (6, 0), "{ran:?}");
        ran.stderr
    };
    let other = at("other", &["ca.other.example", "10.1.2.3"]);
    assert!(other.contains("ca.other.example") && other.contains("10.1.2.3"), "{other}");
    let ingress = at("Kubernetes Ingress Controller Fake Certificate", &["ingress.local"]);
    assert!(ingress.to_lowercase().contains("ingress"), "{ingress}");
    assert!(ingress.contains("default"), "{ingress}");
    assert!(peer.folders() == before);
}

#[test]
fn a_proxy_is_used_only_when_it_is_named() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let proxy = Relay::proxy();
    let address = format!("http://127.0.0.1:{}", proxy.port());
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let enroll = |folder: &str, more: &[&str]| {
        let msp = text(&peer.dir().join(folder));
        let start = ["enroll", "--url", &url, "--id", "org1-peer1", "--ca-name", "org1-ca", "--tls-ca", &anchor];
        let variables =
            ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"].map(|name| (name, address.as_str())).to_vec();
        let variables = [&variables[..], &[("FABCERT_SECRET", "peerpw")]].concat();
        fabcert_in(&[&start[..], &["--msp-dir", &msp], more].concat(), &variables)
    };
    let direct = enroll("direct", &[]);
    assert_eq!((direct.code, proxy.connections()), (0, 0), "the environment names no proxy: {direct:?}");
    let through = enroll("through", &["--proxy", &address]);
    assert_eq!((through.code, proxy.connections()), (0, 1), "{through:?}");
    let dead = enroll("dead", &["--proxy", &format!("http://127.0.0.1:{}", free_port())]);
    assert_eq!(dead.code, 6, "{dead:?}");
}

#[test]
fn the_tls_certificate_may_come_from_another_ca_of_the_same_server_and_another_identity() {
    let Some(ca) = RealCa::builder().also_named("org1-tlsca").start() else { return };
    let ca = ca.with_ca_name("org1-tlsca");
    ca.register(&Registration::peer("org1-peer1-tls", "tlspw"));
    let ca = ca.with_ca_name("org1-ca");
    let peer = Peer::register(&ca, "peerpw", None);
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    let start = ["enroll", "--url", &url, "--id", "org1-peer1", "--ca-name", "org1-ca", "--tls-ca", &anchor];
    let folders = ["--msp-dir", &msp, "--tls-dir", &tls, "--san", "org1-peer1", "--output", "json"];
    let other = ["--tls-ca-name", "org1-tlsca", "--tls-id", "org1-peer1-tls"];
    let args = [&start[..], &folders[..], &other[..]].concat();
    let ran = fabcert_in(&args, &[("FABCERT_SECRET", "peerpw"), ("FABCERT_TLS_SECRET", "tlspw")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let result = ran.json();
    let of = |role: &str, key: &str| {
        let list = result["certificates"].as_array().unwrap();
        list.iter().find(|c| c["role"] == role).unwrap()[key].as_str().unwrap().to_owned()
    };
    assert!(of("sign", "subject").contains("CN=org1-peer1,") || of("sign", "subject").ends_with("CN=org1-peer1"));
    assert!(of("tls", "subject").contains("CN=org1-peer1-tls"), "{result}");
    assert_ne!(of("sign", "issuer"), of("tls", "issuer"));
    assert!(of("tls", "issuer").contains("org1-tlsca"), "{result}");
    let again = fabcert_in(&args, &[("FABCERT_SECRET", "peerpw"), ("FABCERT_TLS_SECRET", "tlspw")]);
    assert_eq!(again.json()["action"], "unchanged", "{again:?}");
}

#[test]
fn the_go_clients_variables_are_enough() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let (url, anchor) = (ca.url().replace("https://", "https://org1-peer1:peerpw@"), text(ca.tls_anchor()));
    let variables = [
        ("FABRIC_CA_CLIENT_URL", url.as_str()),
        ("FABRIC_CA_CLIENT_TLS_CERTFILES", &anchor),
        ("FABRIC_CA_CLIENT_CANAME", "org1-ca"),
        ("FABRIC_CA_CLIENT_CSR_HOSTS", "org1-peer1,org1-peer-gateway-svc"),
        ("FABRIC_CA_CLIENT_HOME", &text(peer.dir())),
        ("FABRIC_CA_CLIENT_MSPDIR", "peer/msp"),
    ];
    let ran = fabcert_in(&["enroll", "--output", "json"], &variables);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["certificates"][0]["sans"], serde_json::json!(["org1-peer1", "org1-peer-gateway-svc"]));
    assert!(peer.msp().join("signcerts/cert.pem").is_file());
    assert!(!ran.stderr.contains("peerpw"), "{ran:?}");
}

/// A run that waits for a CA at `url`, once it has said that it tries again.
fn waiting(peer: &Peer<'_>, ca: &RealCa, url: &str) -> (Child, std::thread::JoinHandle<String>) {
    let (anchor, msp) = (text(ca.tls_anchor()), text(&peer.msp()));
    let args = ["enroll", "--url", url, "--id", "org1-peer1", "--ca-name", "org1-ca", "--tls-ca", &anchor];
    let more = ["--msp-dir", &msp, "--wait", "60s", "--force"];
    let mut child = command(&[&args[..], &more[..]].concat(), &[("FABCERT_SECRET", "peerpw")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said: Vec<String> = lines.by_ref().map(Result::unwrap).take_while(|l| !l.contains("trying again")).collect();
    let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    assert!(said.len() < 10, "{said:?}");
    (child, rest)
}

#[test]
fn wait_lasts_until_the_ca_is_there() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let late = free_port();
    let (mut child, said) = waiting(&peer, &ca, &format!("https://localhost:{late}"));
    let relay = Relay::to(port(&ca), ("127.0.0.1", late));
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {}", said.join().unwrap());
    assert!(relay.connections() >= 1 && peer.msp().join("signcerts/cert.pem").is_file());
}

#[test]
fn a_run_that_is_told_to_end_while_it_waits_leaves_nothing_broken() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let before = peer.folders();
    for signal in ["-INT", "-TERM"] {
        let (mut child, _) = waiting(&peer, &ca, &format!("https://localhost:{}", free_port()));
        let told = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        let ended = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if std::time::Instant::now() > deadline => panic!("{signal} did not end it"),
                None => std::thread::yield_now(),
            }
        };
        assert!(!ended.success(), "{signal}: {ended}");
        assert!(peer.folders() == before, "{signal}");
        let after = peer.enroll("peerpw", &[]);
        assert_eq!((after.code, after.json()["action"].as_str()), (0, Some("unchanged")), "{signal}: {after:?}");
    }
    let forced = peer.enroll("peerpw", &["--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    assert!(tree(&peer.msp()) != before[0]);
}
