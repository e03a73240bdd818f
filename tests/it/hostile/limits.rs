//! Limits of the system: an error with its cause, and never a panic.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use fabcert::internals::pem_encode;

use crate::audit::scene::{Scene, server};
use crate::command::{Ran, command, fabcert};

const GUARD: Duration = Duration::from_secs(60);

/// Runs fabcert under limits that `ulimit` sets, as the user `nobody` where `uid` says so: root has no limit of processes.
fn limited(scene: &Scene, limits: &str, args: &[&str], as_nobody: bool) -> Ran {
    let mut bash = Command::new("bash");
    let binary = command(&[], &[]).get_program().to_owned();
    bash.env_clear().args(["-c", &format!("{limits}; exec \"$0\" \"$@\"")]).arg(binary).args(args);
    if as_nobody {
        bash.uid(65534).gid(65534);
    }
    super::ended(bash.current_dir(scene.dir()).stdin(Stdio::null()), GUARD)
}

fn is_no_panic(ran: &Ran) -> bool {
    !ran.stderr.contains("panicked") && ![101, 134, -1].contains(&ran.code)
}

#[test]
fn an_audit_without_threads_of_its_own_gives_the_same_report() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let scene = Scene::new();
    fs::set_permissions(scene.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    scene.write("in/a.pem", scene.server("a", &["a"]).0);
    let args = ["audit", "in", "--no-policy", "--jobs", "4", "--output", "json", "--expect-san", "b"];
    let whole = limited(&scene, "true", &args, true);
    if whole.code != 1 {
        println!("skipped: the program is out of reach for nobody: {whole:?}");
        return;
    }
    for processes in [1, 2, 3, 4] {
        let ran = limited(&scene, &format!("ulimit -u {processes}"), &args, true);
        assert_eq!((ran.code, &ran.stdout), (1, &whole.stdout), "{processes}: {ran:?}");
    }
}

#[test]
fn every_limit_of_descriptors_ends_with_an_error_or_a_report() {
    let scene = Scene::new();
    scene.tls_folder("tls", "a", &["a"]);
    for descriptors in 4..16 {
        let limits = format!("ulimit -n {descriptors}");
        let live = limited(&scene, &limits, &["audit", "--connect", "127.0.0.1:1", "--tls-ca", "tls/ca.crt"], false);
        let disk = limited(&scene, &limits, &["audit", "tls", "--no-policy", "--jobs", "8"], false);
        for ran in [live, disk] {
            let wanted = [0, 1, 5, 6, 127].contains(&ran.code);
            assert!(wanted && is_no_panic(&ran), "{descriptors}: {ran:?}");
        }
    }
}

#[test]
fn a_file_beyond_the_size_limit_is_an_error_and_leaves_nothing() {
    let scene = Scene::new();
    scene.tls_folder("tls", "a", &["a"]);
    for args in [
        &["audit", "tls", "--no-policy", "--format", "sarif=report"][..],
        &["audit", "tls", "--no-policy", "--expect-san", "b", "--write-baseline", "report"],
        &["man", "report"],
    ] {
        let ran = limited(&scene, "ulimit -f 0", args, false);
        assert_eq!((ran.code, ran.stderr.contains("File too large")), (5, true), "{ran:?}");
        let left = fs::read_dir(scene.dir()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name != "tls" && name != "report").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn full_and_closed_streams_are_no_panics() {
    let scene = Scene::new();
    scene.tls_folder("tls", "a", &["a"]);
    let binary = command(&[], &[]).get_program().to_owned();
    for line in [
        "audit tls --no-policy",
        "rules",
        "--help",
        "audit --help",
        "completions bash",
        "man",
        "nonsense",
        "audit gone",
    ] {
        for (streams, codes) in [
            (">/dev/full", &[2, 4, 5][..]),
            (">&-", &[0, 2, 4, 5]),
            ("2>&-", &[0, 2, 4]),
            (">&- 2>&-", &[0, 2, 4, 5]),
            ("2>/dev/full", &[0, 2, 4, 5]),
            ("| true; exit ${PIPESTATUS[0]}", &[0, 2, 4]),
        ] {
            let mut bash = Command::new("bash");
            let script = format!("\"$0\" {line} {streams}");
            bash.env_clear().args(["-c", &script]).arg(&binary).current_dir(scene.dir());
            let ran = super::ended(&mut bash, GUARD);
            assert!(codes.contains(&ran.code) && is_no_panic(&ran), "{line} {streams}: {ran:?}");
            let is_full = streams == ">/dev/full" && ran.code == 5;
            assert!(!is_full || ran.stderr.contains("No space left"), "{line}: {ran:?}");
        }
    }
}

#[test]
fn folders_nested_thousands_deep_are_audited() {
    let scene = Scene::new();
    scene.write("msp/signcerts/a.pem", scene.server("a", &["a"]).0);
    super::nest(&scene.path("msp"), 4_000);
    for args in [&["audit", "msp", "--no-policy"][..], &["inspect", "msp"]] {
        let ran = super::ended(command(args, &[]).current_dir(scene.dir()), GUARD);
        assert!([0, 1].contains(&ran.code) && is_no_panic(&ran), "{args:?}: {ran:?}");
    }
    // std's own removal keeps a descriptor open for each level.
    let removed = Command::new("rm").arg("-rf").arg(scene.path("msp")).status().unwrap();
    assert!(removed.success());
}

#[test]
fn a_foreign_folder_of_a_thousand_levels_is_carried_over_by_an_install() {
    let scene = Scene::new();
    let msp = scene.path("msp").display().to_string();
    let own = rcgen::KeyPair::generate().unwrap();
    let key = scene.write("key.pem", pem_encode("PRIVATE KEY", own.serialized_der())).display().to_string();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let made = fabcert(&["csr", "--id", "a", "--msp-dir", &msp, "--key-file", &key], None);
    assert_eq!(made.code, 0, "{made:?}");
    fs::create_dir_all(scene.path("msp/other")).unwrap();
    super::nest(&scene.path("msp/other"), 1_200);
    let mut params = server("a", &[]);
    params.extended_key_usages.clear();
    params.distinguished_name.push(rcgen::DnType::OrganizationalUnitName, "client");
    let signed = pem_encode("CERTIFICATE", &scene.sign(&params, &own));
    let (cert, chain) = (scene.write("cert.pem", signed), scene.write("chain.pem", scene.root()));
    let args = [
        "install",
        "--id",
        "a",
        "--msp-dir",
        &msp,
        "--cert",
        cert.to_str().unwrap(),
        "--chain",
        chain.to_str().unwrap(),
    ];
    let ran = super::ended(&mut command(&args, &[]), GUARD);
    assert_eq!(ran.code, 0, "{ran:?}");
    let deep = scene.path("msp/other").join("d/".repeat(1_200));
    assert!(deep.is_dir() && scene.path("msp/signcerts").is_dir());
    // The second install removes the set before the previous one.
    let again = fabcert(&["rollback", "--msp-dir", &msp], None);
    assert!(is_no_panic(&again), "{again:?}");
    let removed = Command::new("rm").arg("-rf").args([scene.path("msp"), scene.path(".msp.fabcert")]).status().unwrap();
    assert!(removed.success());
}

#[test]
fn more_entries_behind_links_than_the_limit_are_an_error() {
    let scene = Scene::new();
    scene.tls_folder("in/tls", "a", &["a"]);
    fs::create_dir_all(scene.path("out/below")).unwrap();
    (1..10_000).for_each(|i| drop(scene.write(&format!("out/{i}"), "")));
    std::os::unix::fs::symlink("../out", scene.path("in/out")).unwrap();
    let skipped = |ran: &Ran| {
        let report = ran.json();
        let all = report["findings"].as_array().unwrap().iter().filter(|f| f["rule"] == "input-skipped");
        all.map(|f| f["severity"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let most = scene.audit("in", &[]);
    assert_eq!((most.code, skipped(&most)), (0, vec![]), "{most:?}");
    scene.write("out/below/b", "");
    let more = scene.audit("in", &[]);
    assert_eq!((more.code, skipped(&more)), (1, vec!["error".to_owned()]), "{more:?}");
    assert!(more.stdout.contains("--exclude"), "{more:?}");
    let excluded = scene.audit("in", &["--exclude", "**/out"]);
    assert_eq!((excluded.code, skipped(&excluded)), (0, vec![]), "{excluded:?}");
    fs::remove_dir_all(scene.path("in/tls")).unwrap();
    assert_eq!(scene.audit("in", &[]).code, 1, "an audit of nothing else");
}
