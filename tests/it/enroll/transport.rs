//! The connection to the CA: client certificates, proxies, foreign certificates, a CA that starts late, a run that is
//! ended by a signal.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{command, fabcert_in, tree};
use crate::real::proxy::PathProxy;
use crate::real::relay::Relay;
use crate::real::transport::{Issued, TransportCa};
use crate::real::{ADMIN, CaUnderTest, RealCa, oracle};
use crate::reserved::nobody;

use super::scene::{Peer, text};

fn port(ca: &RealCa) -> u16 {
    ca.url().rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn a_client_certificate_is_sent_to_a_ca_that_requires_one() {
    let dir = tempfile::tempdir().unwrap();
    let clients = TransportCa::new(&dir.path().join("clients"));
    let Some(ca) = RealCa::builder().require_client_certificate(clients.anchor()).start() else { return };
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), dir.path().join("a/msp"));
    let enroll = |more: &[&str], variables: &[(&str, &str)]| {
        let start = ["enroll", "--url", &url, "--id", ADMIN.0, "--ca-name", "org1-ca", "--tls-ca", &anchor];
        let target = ["--msp-dir", &text(&msp), "--output", "json"];
        fabcert_in(&[&start[..], &target, more].concat(), &[&[("FABCERT_SECRET", ADMIN.1)], variables].concat())
    };
    let shown = |cert: &Issued, key: &Issued| {
        enroll(&["--tls-client-cert", &text(&cert.cert), "--tls-client-key", &text(&key.key)], &[])
    };
    let without = enroll(&[], &[]);
    assert_eq!(without.code, 6, "{without:?}");
    for word in ["requires a TLS client certificate", "--tls-client-cert", "--tls-client-key", &ca.address()[10..]] {
        assert!(without.stderr.contains(word), "{word}: {without:?}");
    }
    let client = clients.issue("client", &["client"]);
    let stranger = TransportCa::new(&dir.path().join("stranger")).issue("client", &["client"]);
    let wrong = shown(&stranger, &stranger);
    assert_eq!(wrong.code, 6, "{wrong:?}");
    for word in ["refused the TLS client certificate", "--tls-client-cert"] {
        assert!(wrong.stderr.contains(word), "{word}: {wrong:?}");
    }
    let mixed = shown(&client, &stranger);
    assert_eq!(mixed.code, 4, "{mixed:?}");
    assert!(mixed.stderr.contains("another key"), "{mixed:?}");
    let half = enroll(&["--tls-client-cert", &text(&client.cert)], &[]);
    assert_eq!(half.code, 2, "{half:?}");
    assert_eq!(ca.count("enroll"), 0, "nothing reached the CA");
    assert!(!msp.exists());
    let right = shown(&client, &client);
    assert_eq!((right.code, ca.count_status("enroll", 201)), (0, 1), "{right:?}");
    // The Go client's variables give them as well.
    let (cert, key) = (text(&client.cert), text(&client.key));
    let variables = [("FABRIC_CA_CLIENT_TLS_CLIENT_CERTFILE", &*cert), ("FABRIC_CA_CLIENT_TLS_CLIENT_KEYFILE", &*key)];
    let forced = enroll(&["--force"], &variables);
    assert_eq!((forced.code, ca.count_status("enroll", 201)), (0, 2), "{forced:?}");
    // An enrolment certificate, which has no extended key usage, is accepted as a client certificate.
    let peers = dir.path().join("peers.pem");
    std::fs::write(&peers, ca.root_pem()).unwrap();
    let Some(other) = RealCa::builder().require_client_certificate(&peers).start() else { return };
    let key = std::fs::read_dir(msp.join("keystore")).unwrap().next().unwrap().unwrap().path();
    let (url, anchor) = (other.url(), text(other.tls_anchor()));
    let start = ["enroll", "--url", &url, "--id", ADMIN.0, "--tls-ca", &anchor, "--ca-name", "org1-ca"];
    let identity = ["--tls-client-cert", &text(&msp.join("signcerts/cert.pem")), "--tls-client-key", &text(&key)];
    let target = ["--msp-dir", &text(&dir.path().join("b/msp"))];
    let enrolled = fabcert_in(&[&start[..], &identity, &target].concat(), &[("FABCERT_SECRET", ADMIN.1)]);
    assert_eq!(enrolled.code, 0, "{enrolled:?}");
}

#[test]
fn a_foreign_certificate_is_reported_with_its_names() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    assert_eq!(peer.enroll("peerpw", &[]).code, 0);
    let before = peer.folders();
    let at = |certificate: &Issued| {
        let proxy = PathProxy::start("", port(&ca), ca.tls_anchor(), certificate);
        let ran = peer.enroll_at(&proxy.url(), ca.tls_anchor(), ca.ca_name(), "peerpw", &["--force"]);
        assert_eq!((ran.code, proxy.seen().len()), (6, 0), "{ran:?}");
        ran
    };
    let other = at(&ca.transport().issue("other", &["ca.other.example", "10.1.2.3"]));
    let message = other.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("is not for \"localhost\"; it is for ca.other.example, 10.1.2.3"), "{message}");
    // As ingress-nginx creates it, and with a trusted issuer.
    let trusted = ca.transport().issue("Kubernetes Ingress Controller Fake Certificate", &["ingress.local"]);
    for ingress in [at(&Issued::ingress_default(peer.dir())), at(&trusted)] {
        let error = ingress.json()["error"].to_string();
        assert!(error.contains("the Kubernetes ingress controller answered for"), "{error}");
        assert!(error.contains("its default certificate, not the CA"), "{error}");
    }
    assert!(peer.folders() == before);
}

#[test]
fn a_proxy_is_used_only_when_given() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let proxy = Relay::proxy();
    let address = format!("http://127.0.0.1:{}", proxy.port());
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let enroll = |folder: &str, more: &[&str]| {
        let msp = text(&peer.dir().join(folder));
        let start = ["enroll", "-vv", "--url", &url, "--id", "org1-peer1", "--ca-name", "org1-ca", "--tls-ca", &anchor];
        let variables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]
            .map(|name| (name, address.as_str()))
            .to_vec();
        let variables = [&variables[..], &[("FABCERT_SECRET", "peerpw")]].concat();
        fabcert_in(&[&start[..], &["--msp-dir", &msp], more].concat(), &variables)
    };
    let direct = enroll("direct", &[]);
    assert_eq!((direct.code, proxy.connections()), (0, 0), "the environment names no proxy: {direct:?}");
    let with_password = address.replace("http://", "http://somebody:pr0xy-s3cr3t@");
    let through = enroll("through", &["--proxy", &with_password]);
    assert_eq!((through.code, proxy.connections()), (0, 1), "{through:?}");
    assert!(!through.stderr.contains("pr0xy-s3cr3t") && !through.stdout.contains("pr0xy-s3cr3t"), "{through:?}");
    // The only part that the proxy sees.
    let head = proxy.heads().remove(0);
    assert!(head.starts_with(&format!("CONNECT localhost:{} ", port(&ca))), "{head}");
    assert!(!head.contains("peerpw") && !head.contains("org1-peer1"), "{head}");
    let dead = enroll("dead", &["--proxy", &format!("http://127.0.0.1:{}", nobody().port())]);
    assert_eq!(dead.code, 6, "{dead:?}");
    assert!(!peer.dir().join("dead").exists());
}

#[test]
fn an_error_of_the_connection_to_the_proxy_names_the_proxy_and_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let (msp, anchor) = (text(&dir.path().join("msp")), text(&dir.path().join("ca.pem")));
    std::fs::write(&anchor, include_bytes!("../../../testdata/certs/go-client-ecert.pem")).unwrap();
    let (refuses, closed) = (Relay::proxy().port(), nobody());
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent = silent.local_addr().unwrap().port();
    for (proxy, said) in [
        (format!("127.0.0.1:{}", closed.port()), "no connection"),
        ("no-such-proxy.invalid:3128".to_owned(), "could not be resolved"),
        (format!("127.0.0.1:{refuses}"), "opened no connection to org1-ca.invalid:7054"),
        (format!("127.0.0.1:{silent}"), "no connection to org1-ca.invalid:7054 within 1s"),
    ] {
        for command in ["enroll", "doctor"] {
            let url = format!("http://somebody:pr0xy-s3cr3t@{proxy}");
            let args =
                [command, "--url", "https://org1-ca.invalid", "--id", "a", "--tls-ca", &anchor, "--msp-dir", &msp];
            let more = ["--connect-timeout", "1s", "--proxy", &url];
            let ran = fabcert_in(&[&args[..], &more].concat(), &[("FABCERT_SECRET", "peerpw")]);
            let text = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, 6, "{ran:?}");
            assert!(text.contains(&format!("the proxy {proxy}: ")) && text.contains(said), "{text}");
            assert!(text.contains("--proxy") && !text.contains("pr0xy-s3cr3t"), "{text}");
        }
    }
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
    assert!(!ran.stderr.contains("peerpw"), "{ran:?}");
    if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "{verdict:?}");
    }
    let again = fabcert_in(&["enroll", "--output", "json"], &variables);
    assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
}

/// A run that waits for a CA at `url`, after its first retry message.
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
    let lines_before: Vec<String> =
        lines.by_ref().map(Result::unwrap).take_while(|l| !l.contains("trying again")).collect();
    let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    assert!(lines_before.len() < 10, "{lines_before:?}");
    (child, rest)
}

#[test]
fn wait_lasts_until_the_ca_answers() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    let late = nobody().port();
    let (mut child, output) = waiting(&peer, &ca, &format!("https://localhost:{late}"));
    assert!(!peer.msp().exists(), "nothing is installed before the CA answers");
    let relay = Relay::to(port(&ca), ("127.0.0.1", late));
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {}", output.join().unwrap());
    assert!(relay.connections() >= 1 && peer.msp().join("signcerts/cert.pem").is_file());
}

/// Ends a run that waits, after its lock has stopped another run; returns its exit code. The run handles the signal:
/// process 1 of a container has no default action.
/// signal's default, which process 1 of a container does not have.
fn end(peer: &Peer<'_>, ca: &RealCa, signal: &str) -> Option<i32> {
    let (mut child, _) = waiting(peer, ca, &format!("https://localhost:{}", nobody().port()));
    let locked_out = peer.enroll("peerpw", &["--force"]);
    assert_eq!(locked_out.code, 9, "{signal}: {locked_out:?}");
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None if Instant::now() > deadline => panic!("{signal} did not end it"),
            None => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_signal_during_the_wait_leaves_the_folders_intact() {
    let Some(ca) = RealCa::builder().start() else { return };
    let peer = Peer::register(&ca, "peerpw", None);
    for (signal, number) in [("-INT", 130), ("-TERM", 143)] {
        let peer = peer.elsewhere();
        // A first run, with a missing folder.
        assert_eq!(end(&peer, &ca, signal), Some(number));
        assert!(!peer.msp().exists() && !peer.tls().exists(), "{signal}");
        let first = peer.enroll("peerpw", &[]);
        assert_eq!((first.code, first.json()["action"].as_str()), (0, Some("enrolled")), "{signal}: {first:?}");
        // A later run.
        let before = peer.folders();
        assert_eq!(end(&peer, &ca, signal), Some(number));
        assert!(peer.folders() == before, "{signal}");
        let after = peer.enroll("peerpw", &[]);
        assert_eq!((after.code, after.json()["action"].as_str()), (0, Some("unchanged")), "{signal}: {after:?}");
        let forced = peer.enroll("peerpw", &["--force"]);
        assert_eq!(forced.code, 0, "{signal}: {forced:?}");
        assert!(tree(&peer.msp()) != before[0]);
    }
}
