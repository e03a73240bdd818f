//! `fabcert ca info`: what a CA says of itself, and its anchor file by fingerprint, from the dev CA and the real server.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{Ran, fabcert};
use crate::real::tools::{Tool, find};
use crate::real::{ADMIN, CaUnderTest, RealCa};
use crate::reserved::ReservedPort;

use super::on_the_dev_ca::DevCaUnderTest;

fn info(url: &str, more: &[&str]) -> Ran {
    fabcert(&[&["ca", "info", "--output", "json", "--url", url], more].concat(), None)
}

fn fingerprints(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|c| c["fingerprint"].as_str().unwrap().to_owned()).collect()
}

/// Enrols the registrar with this anchor file.
fn enrol(url: &str, anchor: &str, msp: &Path) -> Ran {
    let args = ["enroll", "--url", url, "--id", ADMIN.0, "--tls-ca", anchor, "--no-node-ous", "--msp-dir"];
    fabcert(&[&args[..], &[msp.to_str().unwrap()]].concat(), Some(ADMIN.1))
}

/// `own_tls`: the CA itself issued its TLS certificate.
fn fingerprint_proves(ca: &dyn CaUnderTest, own_tls: bool) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("ca.pem");
    let (url, out) = (ca.url(), out.to_str().unwrap());
    let before = ca.count("enroll");

    // Without a proof: shown, and nothing is written.
    let seen = info(&url, &[]);
    assert_eq!(seen.code, 0, "{seen:?}");
    assert!(seen.stderr.contains("nothing proves"), "{seen:?}");
    let answer = seen.json();
    assert_eq!((&answer["schema_version"], &answer["proof"]), (&1.into(), &Value::Null), "{answer}");
    assert_eq!(info(&url, &["--out", out]).code, 2);

    // With the anchor: proven, and the chain can be written.
    let anchored = info(&url, &["--tls-ca", ca.tls_anchor().to_str().unwrap()]);
    assert_eq!((anchored.code, &anchored.json()["proof"]), (0, &"tls-ca".into()), "{anchored:?}");
    assert_eq!(anchored.json()["chain"], answer["chain"]);

    // The fingerprint of the CA's own certificate, which counts only if the TLS certificate leads to it.
    let chain = fingerprints(&answer["chain"]);
    let of_ca = info(&url, &["--fingerprint", &chain[0], "--out", out]);
    assert_eq!((of_ca.code, Path::new(out).exists()), if own_tls { (0, true) } else { (8, false) }, "{of_ca:?}");
    let _ = std::fs::remove_file(out);

    // The fingerprint of another certificate: those that were found are shown.
    let refused = fabcert(&["ca", "info", "--url", &url, "--fingerprint", &"00".repeat(32), "--out", out], None);
    let tls = fingerprints(&answer["tls"]);
    let colons = |hex: &str| {
        hex.to_uppercase()
            .as_bytes()
            .chunks(2)
            .map(|p| String::from_utf8_lossy(p).into_owned())
            .collect::<Vec<_>>()
            .join(":")
    };
    assert_eq!((refused.code, Path::new(out).exists()), (8, false), "{refused:?}");
    assert!(refused.stderr.contains(&colons(&tls[0])) && refused.stderr.contains(&colons(&chain[0])), "{refused:?}");

    // The last certificate of the connection, in OpenSSL's form.
    let printed = format!("sha256 Fingerprint={}", colons(tls.last().unwrap()));
    let proven = info(&url, &["--fingerprint", &printed, "--out", out]);
    assert_eq!((proven.code, &proven.json()["proof"]), (0, &"fingerprint".into()), "{proven:?}");
    assert_eq!(proven.json()["unchanged"], false);
    let again = info(&url, &["--fingerprint", &printed, "--out", out]);
    assert_eq!((again.code, &again.json()["unchanged"]), (0, &true.into()), "{again:?}");
    assert_eq!(ca.count("enroll"), before, "no enrolment was asked for");
    let enrolled = enrol(&url, out, &dir.path().join("msp"));
    assert_eq!(enrolled.code, 0, "{enrolled:?}");

    // A file with something else stays.
    std::fs::write(out, "something else").unwrap();
    assert_eq!(info(&url, &["--fingerprint", &printed, "--out", out]).code, 4);
    assert_eq!(std::fs::read_to_string(out).unwrap(), "something else");
    assert_eq!(info(&url, &["--fingerprint", &printed, "--out", out, "--force"]).code, 0);
    assert!(std::fs::read_to_string(out).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));

    // Names: an unknown one is refused, and both are usage errors.
    assert_eq!(info(&url, &["--ca-name", "no-such-ca"]).code, 7);
    assert_eq!(info(&url, &["--fingerprint", "AB:CD"]).code, 2);
    assert_eq!(info(&url, &["--fingerprint", &tls[0], "--tls-ca", out]).code, 2);
}

#[test]
fn fingerprint_proves_the_dev_ca() {
    fingerprint_proves(&DevCaUnderTest::start(|_| {}, None), true);
}

#[test]
fn fingerprint_proves_a_real_ca() {
    let Some(ca) = RealCa::builder().start() else { return };
    fingerprint_proves(&ca, false);
}

/// A server that issued its own TLS certificate, as most do; ended when dropped.
struct OwnTls(Child);

impl Drop for OwnTls {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn fingerprint_of_the_ca_certificate_is_enough_for_a_server_with_its_own_tls_certificate() {
    let Some(program) = find(Tool::CaServer) else { return };
    let Some(openssl) = find(Tool::OpenSsl) else { return };
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("ca");
    // The server cannot report a port that it chose.
    let port = ReservedPort::new();
    let child = Command::new(&program)
        .args(["start", "-b", "admin:adminpw", "--address", "127.0.0.1", "--tls.enabled", "--csr.hosts", "localhost"])
        .args(["--port", &port.number().to_string(), "-H"])
        .arg(&home)
        .env_clear()
        .env("HOME", dir.path())
        // Otherwise it takes a port of its own, the same for all.
        .env("FABRIC_CA_SERVER_OPERATIONS_LISTENADDRESS", "127.0.0.1:0")
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = OwnTls(child);
    let start = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port.number())).is_err() {
        assert_eq!(server.0.try_wait().unwrap(), None, "the server ended");
        assert!(start.elapsed() < Duration::from_secs(60), "the server does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    let printed = Command::new(openssl)
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(home.join("ca-cert.pem"))
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let out = dir.path().join("ca.pem");
    let url = format!("https://localhost:{}", port.number());
    let ran = info(&url, &["--fingerprint", printed.trim(), "--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (answer, written) = (ran.json(), std::fs::read_to_string(&out).unwrap());
    assert_eq!((&answer["proof"], &answer["chain"][0]["kind"]), (&"fingerprint".into(), &"root".into()), "{answer}");
    assert!(answer["version"].as_str().unwrap().starts_with("1."), "{answer}");
    assert_eq!(written.trim(), std::fs::read_to_string(home.join("ca-cert.pem")).unwrap().trim());
    assert_eq!(enrol(&url, out.to_str().unwrap(), &dir.path().join("msp")).code, 0);
    drop(server);
}
