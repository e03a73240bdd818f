//! Scenes about what stands around certificates: files beside each other, other folders, endpoints, the policy, a baseline.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use fabcert::internals::pem_encode;
use fabcert::pki::x509::Cert;
use rustls::version::TLS13;

use super::super::live::serve;
use super::super::possession::mutual;
use super::stage::Stage;
use super::{Pair, hold};
use crate::reserved::nobody;

pub(super) const PAIRS: &[Pair] = &[
    ("baseline-stale", |s| baseline(s, "peer1"), |s| baseline(s, "gateway")),
    ("ca-same-subject", |s| beside(s.server(|_| ()), Stage::new().server(|_| ())), |s| beside(s.server(|_| ()), s)),
    ("client-certificate-required", |s| connect(s, requiring(s)), |s| connect(s, served(s, true))),
    ("endpoint-unreachable", |s| connect(s, nobody().port()), |s| connect(s, served(s, true))),
    ("ignore-expired", |s| ignore(s, "2026-11-01"), |s| ignore(s, "2026-12-31")),
    (
        "ignore-stale",
        |s| ignore(s, "2026-12-31").edit("fabcert.yaml", "san-missing", "key-mode"),
        |s| ignore(s, "2026-12-31"),
    ),
    (
        "input-skipped",
        |s| {
            assert!(Command::new("mkfifo").arg(s.scene.path("a.pem")).status().unwrap().success());
            s.server(|_| ())
        },
        |s| s.file("a.pem", s.scene.root()).server(|_| ()),
    ),
    (
        "input-unreadable",
        |s| s.file("a.pem", s.scene.root().replace("MII", "AII")),
        |s| s.file("a.pem", s.scene.root()),
    ),
    ("key-mode", |s| mode(s, 0o644), |s| mode(s, 0o600)),
    ("msp-stray-file", |s| s.msp("A01").file("msp/notes.txt", "x"), |s| s.msp("A01").file("notes.txt", "x")),
    ("same-key-two-roles", |s| two_roles(s, "A01"), |s| two_roles(s, "A02")),
    ("served-not-on-disk", |s| connect(s, served(s, false)), |s| connect(s, served(s, true))),
    ("signing-key-public", |s| public_key(s, "_pk"), |s| public_key(s, ".pub")),
    (
        "tls-file-missing",
        |s| {
            fs::remove_file(s.server(|_| ()).scene.path("tls/server.key")).unwrap();
            s
        },
        |s| s.server(|_| ()),
    ),
    (
        "tls-not-from-tlscacerts",
        |s| s.msp("F08").tls("T01"),
        |s| s.msp("F08").tls("T01").file("msp/tlscacerts/t.pem", fs::read(s.scene.path("tls/ca.crt")).unwrap()),
    ),
];

#[test]
fn rules_on_what_stands_around() {
    hold(PAIRS);
}

/// A key with this mode.
fn mode(stage: &Stage, mode: u32) -> &Stage {
    let key = stage.server(|_| ()).scene.path("tls/server.key");
    fs::set_permissions(key, fs::Permissions::from_mode(mode)).unwrap();
    stage
}

/// A policy that hides a missing name up to a day.
fn ignore<'s>(stage: &'s Stage, until: &str) -> &'s Stage {
    let policy = format!("version: 1\nignore:\n  - {{rule: san-missing, reason: moves next week, until: {until}}}\n");
    stage.server(|_| ()).file("fabcert.yaml", policy).tell(&["--expect-san", "gateway"])
}

/// A baseline that knows that the name `gateway` is missing, and an audit that expects `name`.
fn baseline<'s>(stage: &'s Stage, name: &str) -> &'s Stage {
    stage.server(|_| ()).tell(&["--expect-san", "gateway", "--write-baseline", "base.json"]).found();
    stage.tell_only(&["--expect-san", name, "--baseline", "base.json"])
}

/// A server on loopback, with the certificate of the TLS folder or with another one; its port.
fn served(stage: &Stage, on_disk: bool) -> u16 {
    let (cert, key) = stage.scene.server("peer1", &["localhost"]);
    if on_disk {
        stage.scene.lay_tls("tls", &cert, &key, &stage.scene.root());
    } else {
        stage.scene.tls_folder("tls", "peer1", &["localhost"]);
    }
    serve(&cert, &key)
}

/// A server on loopback that requires a client certificate, with the certificate of the TLS folder; its port.
fn requiring(stage: &Stage) -> u16 {
    let (cert, key) = stage.scene.server("peer1", &["localhost"]);
    stage.scene.lay_tls("tls", &cert, &key, &stage.scene.root());
    mutual(&cert, &key, &stage.scene.root(), &TLS13)
}

/// The TLS folder of another stage as a second one.
fn beside<'s>(stage: &'s Stage, of: &Stage) -> &'s Stage {
    for file in ["server.crt", "server.key", "ca.crt"] {
        stage.file(&format!("b/tls/{file}"), fs::read(of.scene.path(&format!("tls/{file}"))).unwrap());
    }
    stage
}

fn connect(stage: &Stage, port: u16) -> &Stage {
    stage.tell(&["--connect", &format!("127.0.0.1:{port}")])
}

/// The recorded identity A01, and a TLS folder with the certificate and the key of a recorded identity.
fn two_roles<'s>(stage: &'s Stage, of: &str) -> &'s Stage {
    let other = Stage::new();
    other.msp(of);
    let only = |dir: &str| {
        let mut entries = fs::read_dir(other.scene.path(dir)).unwrap();
        fs::read_to_string(entries.next().unwrap().unwrap().path()).unwrap()
    };
    stage.scene.lay_tls("tls", &only("msp/signcerts"), &only("msp/keystore"), &only("msp/cacerts"));
    stage.msp("A01")
}

/// The recorded identity A01 with its public key in the keystore too, under the name of the key and this ending.
fn public_key<'s>(stage: &'s Stage, ending: &str) -> &'s Stage {
    let key = fs::read_dir(stage.msp("A01").scene.path("msp/keystore")).unwrap().next().unwrap().unwrap().path();
    let name = key.file_name().unwrap().to_str().unwrap().replace("_sk", ending);
    let cert = Cert::all_from_pem(&fs::read(stage.scene.path("msp/signcerts/cert.pem")).unwrap()).unwrap().remove(0);
    stage.file(&format!("msp/keystore/{name}"), pem_encode("PUBLIC KEY", cert.spki_der()))
}
