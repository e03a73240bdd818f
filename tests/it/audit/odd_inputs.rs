//! What nobody expects in a folder, and what happens to it while it is read.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fabcert::internals::pem_encode;
use rcgen::{
    CertificateParams, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber,
    date_time_ymd,
};
use rustix::fs::{Mode, OFlags};
use serde_json::Value;

use super::scene::{Scene, found};
use crate::command::{Ran, command, fabcert};

/// Waits for an end that must come.
fn ended(mut child: Child, within: Duration) -> std::process::Output {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > within {
            child.kill().unwrap();
            panic!("it hangs: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn mkfifo(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn reasons(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    report["findings"].as_array().unwrap().iter().map(|f| f["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn pipes_sockets_and_devices_are_passed_over_with_a_note() {
    let scene = Scene::new();
    scene.tls_folder("good/tls", "a", &["a"]);
    mkfifo(&scene.path("odd/pipe.pem"));
    mkfifo(&scene.path("org/msp/signcerts/pipe.pem"));
    let _listener = UnixListener::bind(scene.path("odd/socket")).unwrap();
    symlink("/dev/zero", scene.path("odd/zero.crt")).unwrap();
    symlink("/dev/zero", scene.path("org/msp/cacerts.pem")).unwrap();
    let output = ["audit", "--output", "json", "--no-policy"];
    let mut command = command(&[&output[..], &[scene.dir().to_str().unwrap()]].concat(), &[]);
    let ran = ended(command.stdout(Stdio::piped()).spawn().unwrap(), Duration::from_secs(20));
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let mut skipped: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["rule"] == "input-skipped")
        .map(|f| f["path"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["cacerts.pem", "pipe.pem", "pipe.pem", "socket", "zero.crt"], "{report}");
}

#[test]
fn a_pipe_alone_is_no_audit_but_is_told() {
    let scene = Scene::new();
    mkfifo(&scene.path("pipe"));
    let ran = scene.audit("pipe", &[]);
    assert_eq!((ran.code, found(&ran)), (3, vec!["input-skipped pipe".to_owned()]));
    assert!(ran.stderr.contains("fabcert audit -"), "{ran:?}");
}

#[test]
fn a_named_file_without_anything_is_an_error_beside_others_and_3_alone() {
    let scene = Scene::new();
    let (cert, _) = scene.server("a", &["a"]);
    let cert = scene.write("a.pem", cert).display().to_string();
    let empty = scene.write("empty.crt", "").display().to_string();
    assert_eq!(scene.audit("empty.crt", &[]).code, 3);
    assert_eq!(scene.audit("", &[]).code, 0, "nobody named it");
    let both = fabcert(&["audit", "--output", "json", "--no-policy", &empty, &cert], None);
    assert_eq!((both.code, found(&both)), (1, vec!["input-unreadable empty.crt".to_owned()]));
}

#[test]
fn a_folder_deeper_than_any_path_is_walked_to_its_end() {
    let scene = Scene::new();
    let (cert, _) = scene.server("deep", &["deep"]);
    scene.write("top.pem", &cert);
    // Step by step: the kernel takes no path as long as this one.
    let mut dir = rustix::fs::open(scene.dir(), OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..2000 {
        rustix::fs::mkdirat(&dir, "deeper", Mode::from(0o755)).unwrap();
        dir = rustix::fs::openat(&dir, "deeper", OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let leaf = rustix::fs::openat(&dir, "leaf.pem", OFlags::CREATE | OFlags::WRONLY, Mode::from(0o644)).unwrap();
    fs::File::from(leaf).write_all(cert.as_bytes()).unwrap();
    let ran = scene.audit("", &["--expect-san", "x"]);
    let report = ran.json();
    // It is too deep for the removal of the scene.
    assert!(Command::new("rm").arg("-rf").arg(scene.path("deeper")).status().unwrap().success());
    assert_eq!(found(&ran), ["san-missing leaf.pem", "san-missing top.pem"]);
    assert!(report["findings"][1]["path"].as_str().unwrap().len() > 14_000);
}

#[test]
fn names_of_any_bytes_and_of_any_length_are_read() {
    let scene = Scene::new();
    let (cert, _) = scene.server("a", &["a"]);
    fs::write(scene.dir().join(OsStr::from_bytes(b"\xff\xfe.pem")), &cert).unwrap();
    fs::write(scene.dir().join(format!("{}.pem", "n".repeat(251))), &cert).unwrap();
    fs::write(scene.dir().join("new\nline \u{1b}[31m.pem"), &cert).unwrap();
    let msp = scene.dir().join(OsStr::from_bytes(b"\xff")).join("msp/signcerts");
    fs::create_dir_all(&msp).unwrap();
    fs::write(msp.join(OsStr::from_bytes(b"\xff.pem")), &cert).unwrap();
    let ran = scene.audit("", &[]);
    assert_eq!(ran.json()["summary"]["subjects"], 4, "{ran:?}");
    let human = fabcert(&["audit", "--no-policy", scene.dir().to_str().unwrap(), "--expect-san", "x"], None);
    assert!(human.code == 1 && !human.stdout.contains('\u{1b}'), "{human:?}");
    let missing = scene.audit(&"n".repeat(300), &[]);
    assert_eq!(missing.code, 4, "no file has such a name: {missing:?}");
}

#[test]
fn every_kind_of_file_is_known_in_pem_and_in_der() {
    let scene = Scene::new();
    let key = KeyPair::generate().unwrap();
    let csr = CertificateParams::new(["peer1".to_owned()]).unwrap().serialize_request(&key).unwrap();
    let mut forged = csr.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let mut ca = CertificateParams::default();
    ca.key_usages = vec![KeyUsagePurpose::CrlSign];
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2099, 1, 1),
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&Issuer::new(ca, KeyPair::generate().unwrap())).unwrap();
    scene.write("a.csr", pem_encode("CERTIFICATE REQUEST", csr.der()));
    scene.write("b.csr.der", csr.der());
    scene.write("c.csr", pem_encode("NEW CERTIFICATE REQUEST", &forged));
    scene.write("d.crl", pem_encode("X509 CRL", list.der()));
    scene.write("e.crl.der", list.der());
    scene.write("f.key.der", key.serialized_der());
    for (name, file) in
        [("g", "rsa1024"), ("h", "p521-sec1"), ("i", "p256-sec1-encrypted"), ("j", "p384-pkcs8-encrypted")]
    {
        let from = format!("{}/testdata/keys/{file}.pem", env!("CARGO_MANIFEST_DIR"));
        scene.write(&format!("{name}.pem"), fs::read(from).unwrap());
    }
    scene.write("k.p12", [0x30, 0x0a, 2, 1, 3, 0x30, 5, 0, 0, 0, 0, 0]);
    let seen = fabcert(&["inspect", "--output", "json", scene.dir().to_str().unwrap()], None).json();
    let told: Vec<String> = seen["subjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            let name = s["path"].as_str().unwrap().rsplit('/').next().unwrap();
            let csr = &s["csrs"][0];
            let unreadable = s["unreadable"][0].as_str().map(|t| t.rsplit(": ").next().unwrap()).unwrap_or_default();
            let words = [
                &csr["key"],
                &csr["sans"][0],
                &csr["signature_holds"],
                &s["crls"][0]["next_update"],
                &s["keys"][0]["kind"],
            ];
            let words: Vec<String> =
                words.iter().filter(|w| !w.is_null()).map(|w| w.to_string().replace('"', "")).collect();
            [
                &[name, s["kind"].as_str().unwrap()],
                &words.iter().map(String::as_str).collect::<Vec<_>>()[..],
                &[unreadable],
            ]
            .concat()
            .join(" ")
            .trim_end()
            .to_owned()
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    let audited = scene.audit("", &["-A", "key-mode"]);
    assert_eq!(found(&audited), ["input-unreadable c.csr", "input-unreadable k.p12", "key-weak g.pem"]);
    assert!(reasons(&audited)[0].contains("own signature does not verify"), "{audited:?}");
}

#[test]
fn certificates_in_the_strings_of_a_connection_profile_are_audited_and_examples_are_not() {
    let scene = Scene::new();
    let (cert, _) = scene.server("a", &["a"]);
    let escaped = cert.replace('\n', "\\n");
    scene.write("connection-org1.json", format!("{{\n \"tlsCACerts\": {{\n  \"pem\": \"{escaped}\"\n }}\n}}\n"));
    scene.write("connection-org1.yaml", format!("tlsCACerts:\n  pem: |\n{}", cert.replace("-----B", "    -----B")));
    scene.write("ccp.sh", "pem=\"-----BEGIN CERTIFICATE-----\\n$(one_line_pem $1)-----END CERTIFICATE-----\"\n");
    scene
        .write("main.go", "const begin = \"-----BEGIN CERTIFICATE-----\"\nconst end = \"-----END CERTIFICATE-----\"\n");
    let ran = scene.audit("", &["--expect-san", "x"]);
    assert_eq!(found(&ran), ["san-missing connection-org1.json", "san-missing connection-org1.yaml"]);
    let lines: Vec<_> = ran.json()["findings"].as_array().unwrap().iter().map(|f| f["line"].as_u64()).collect();
    assert_eq!(lines, [Some(3), Some(3)]);
}

#[test]
fn ten_gigabytes_of_nothing_are_not_read() {
    let scene = Scene::new();
    let file = fs::File::create(scene.path("disk.img")).unwrap();
    if file.set_len(10 << 30).is_err() {
        println!("skipped: no sparse files here");
        return;
    }
    scene.tls_folder("a/tls", "a", &["a"]);
    for (path, code) in [("", 0), ("disk.img", 3)] {
        let (found, bytes) = bytes_read(&["audit", scene.path(path).to_str().unwrap(), "--no-policy"]);
        assert_eq!(found, Some(code), "{path}");
        assert!(bytes < 64 << 20, "{bytes} bytes were read of {path}");
    }
}

/// Runs fabcert, and returns its exit code and the number of bytes that it read.
fn bytes_read(args: &[&str]) -> (Option<i32>, u64) {
    let mut child = command(args, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let process = format!("/proc/{}", child.id());
    let has_ended = || fs::read_to_string(format!("{process}/stat")).unwrap().contains(") Z ");
    while !has_ended() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // A process that has ended and is not waited for keeps its counts.
    let counts = fs::read_to_string(format!("{process}/io")).unwrap();
    let read = counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap();
    (child.wait().unwrap().code(), read)
}

#[test]
fn a_tree_that_changes_underfoot_is_audited_as_it_is_met() {
    let scene = Scene::new();
    let (cert, _) = scene.server("a", &["a"]);
    scene.tls_folder("stays/tls", "a", &["a"]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (dir, file) = (scene.path("changes/msp/signcerts"), scene.path("changes/loose.pem"));
            for round in 0usize.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                fs::create_dir_all(&dir).unwrap();
                fs::write(dir.join("cert.pem"), &cert).unwrap();
                fs::write(&file, &cert.as_bytes()[..round % cert.len()]).unwrap();
                fs::remove_file(&file).unwrap();
                if round % 3 == 0 {
                    mkfifo(&file);
                    fs::remove_file(&file).unwrap();
                }
                fs::remove_dir_all(scene.path("changes/msp")).unwrap();
            }
        });
        for _ in 0..30 {
            let ran = scene.audit("", &[]);
            let stays = |s: &Value| s["path"].as_str().is_some_and(|p| p.ends_with("stays/tls"));
            assert!(matches!(ran.code, 0 | 1), "{ran:?}");
            assert!(ran.json()["subjects"].as_array().unwrap().iter().any(stays), "{ran:?}");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_may_not_be_read_is_told_and_the_rest_is_audited() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let scene = Scene::new();
    fs::set_permissions(scene.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    scene.tls_folder("tls", "a", &["a"]);
    let secret = scene.write("secret.pem", scene.server("b", &["b"]).0);
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(scene.write("closed/x.pem", "").parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = command(&["audit", "--output", "json", "--no-policy", scene.dir().to_str().unwrap()], &[]);
    let Ok(output) = command.uid(65534).gid(65534).current_dir("/").output() else {
        println!("skipped: the program is out of reach for nobody");
        return;
    };
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let unreadable: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["rule"] == "input-unreadable")
        .map(|f| f["message"].as_str().unwrap())
        .collect();
    assert!(unreadable.iter().any(|m| m.contains("secret.pem: permission denied")), "{report}");
    assert!(unreadable.iter().any(|m| m.contains("closed: permission denied")), "{report}");
    assert_eq!(report["subjects"].as_array().unwrap().len(), 1, "{report}");
}

#[test]
fn an_interrupt_ends_it_at_once_and_leaves_no_half_report() {
    let scene = Scene::new();
    let report = scene.path("report.json");
    let form = format!("json={}", report.display());
    let mut child = command(&["audit", "-", "--format", &form], &[]).stdin(Stdio::piped()).spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    // It reads its standard input, which does not end.
    child.stdin.as_mut().unwrap().write_all(scene.root().as_bytes()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = ended(child, Duration::from_secs(5));
    assert_eq!(output.status.signal(), Some(2));
    assert_eq!(fs::read_dir(scene.dir()).unwrap().count(), 0, "neither the report nor part of it");
}

#[test]
fn the_key_folder_of_a_ca_server_is_no_msp() {
    let scene = Scene::new();
    let (_, key) = scene.server("ca", &["ca"]);
    let key = scene.write("organizations/fabric-ca/org1/msp/keystore/0123_sk", key);
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    scene.write("organizations/fabric-ca/org1/ca-cert.pem", scene.root());
    scene.write("organizations/fabric-ca/org1/fabric-ca-server-config.yaml", "port: 7054\n");
    let ran = scene.audit("organizations", &[]);
    assert_eq!((ran.code, found(&ran)), (0, Vec::new()), "{ran:?}");
    let named = scene.audit("organizations/fabric-ca/org1/msp", &[]);
    assert_eq!(named.code, 1, "somebody wants to know about this very folder: {named:?}");
}

#[test]
fn a_healthy_tree_of_cryptogen_has_nothing_odd() {
    let Some(cryptogen) = std::env::var_os("CRYPTOGEN") else {
        println!("skipped: CRYPTOGEN names no binary");
        return;
    };
    let scene = Scene::new();
    let mut generate = Command::new(cryptogen);
    let made = generate.args(["generate", "--output", "organizations"]).current_dir(scene.dir()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let ran = scene.audit("organizations", &[]);
    let report = ran.json();
    // cryptogen does not lower the S of its roots, of which a note is made.
    let summary = &report["summary"];
    assert_eq!((ran.code, &summary["errors"], &summary["warnings"]), (0, &0.into(), &0.into()), "{ran:?}");
    let of = |kind: &str| report["subjects"].as_array().unwrap().iter().filter(|s| s["kind"] == kind).count();
    assert!(of("msp") > 5 && of("tls") > 1, "{report}");
}
