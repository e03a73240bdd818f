//! Errors of the command line: what is missing is listed at once, words of other tools are answered, values are described.

mod values;

use std::path::Path;

use crate::command::{Ran, command, fabcert, fabcert_in, tree};

fn json_lines(stderr: &str) -> Vec<serde_json::Value> {
    stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The run is a usage error whose text holds all of `texts`.
fn is_usage_error(ran: &Ran, texts: &[&str]) {
    assert_eq!(ran.code, 2, "{ran:?}");
    for text in texts {
        assert!(ran.stderr.contains(text), "{text} is not in {}", ran.stderr);
    }
}

#[test]
fn everything_that_is_missing_is_listed_at_once() {
    let enroll =
        ["--url <URL>", "--id <ID>", "--secret-file <PATH>", "--tls-ca <PATH>", "--msp-dir <DIR>", "--tls-dir"];
    let (csr, install) = (["--id <ID>", "--msp-dir <DIR>"], ["--id <ID>", "--msp-dir <DIR>", "--cert", "--chain"]);
    let render = ["--org <NAME>", "--namespace <NS>", "--ca-url <URL>", "--fabcert-image <IMAGE>"];
    let rollback = ["--msp-dir <DIR> or --tls-dir <DIR>"];
    let commands: [(&str, &[&str]); 5] =
        [("enroll", &enroll), ("csr", &csr), ("install", &install), ("render", &render), ("rollback", &rollback)];
    for (command, flags) in commands {
        let ran = fabcert(&[command], None);
        is_usage_error(&ran, flags);
        for flag in flags.iter().filter_map(|text| text.split(' ').next()) {
            let variable = format!("FABCERT_{}", flag.trim_start_matches("--").replace('-', "_").to_uppercase());
            is_usage_error(&ran, &[&variable]);
        }
        assert!(ran.stderr.contains("for example --"), "{ran:?}");
    }
    let tls = fabcert(&["enroll", "--tls-dir", "t"], None);
    is_usage_error(&tls, &["--url <URL>", "--san <NAME> or --hostname <HOST> or --gateway-service <SVC>"]);
    let json = fabcert(&["enroll", "--output", "json"], None).json();
    assert_eq!(json["error"]["message"].as_str().unwrap().lines().count(), 6, "{json}");
}

#[test]
fn what_is_given_by_a_variable_or_in_the_url_is_not_missing() {
    let ran = fabcert_in(&["enroll"], &[("FABCERT_URL", "https://peer1:pw@ca"), ("FABCERT_MSP_DIR", "m")]);
    is_usage_error(&ran, &["--tls-ca <PATH>"]);
    for given in ["--url <URL>", "--id <ID>", "--secret-file", "--msp-dir"] {
        assert!(!ran.stderr.contains(given), "{given}: {ran:?}");
    }
}

#[test]
fn words_of_fabrics_tools_are_answered() {
    let answers = [
        ("register", "fabcert ca register"),
        ("rotate", "fabcert reenroll"),
        ("enrol", "fabcert enroll"),
        ("revoke", "fabcert ca revoke"),
        ("gencrl", "fabcert ca crl"),
        ("gencsr", "fabcert csr"),
        ("getcacert", "fabcert ca info"),
        ("getcainfo", "fabcert ca info"),
        ("identity", "fabcert ca identity"),
        ("affiliation", "affiliation"),
        ("certificate", "certificate"),
        ("server", "fabcert dev-ca"),
        ("init", "fabcert dev-ca"),
        ("start", "fabcert dev-ca"),
        ("verify", "fabcert audit"),
        ("ENROL", "fabcert enroll"),
        ("audti", "did you mean fabcert audit"),
        ("nothing-like-it", "fabcert --help"),
    ];
    for (word, answer) in answers {
        let ran = fabcert(&[word, "--id.name", "peer1", "-u", "https://ca"], None);
        is_usage_error(&ran, &[&format!("\"{word}\" is not a command"), answer]);
        assert!(!ran.stderr.contains("render"), "{ran:?}");
    }
}

#[test]
fn version_is_a_command_too() {
    let (command, flag) = (fabcert(&["version"], None), fabcert(&["--version"], None));
    assert_eq!((command.code, command.stdout), (0, flag.stdout));
    let json = fabcert(&["version", "--output", "json"], None).json();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_value_error_names_flag_kind_and_example() {
    let cases: [(&[&str], &[&str]); 11] = [
        (&["enroll", "--group", "no-such-group"], &["--group <GROUP>", "/etc/group", "1000"]),
        (&["enroll", "--group", "nosuchgroup"], &["expected a numeric group id such as 1000", "in /etc/group, which"]),
        (&["enroll", "--key-mode", "expected"], &["expected an octal mode such as 0600"]),
        (&["audit", ".", "--at", "time"], &["expected a time such as"]),
        (&["enroll", "--wait", "soon"], &["--wait <DURATION>", "a duration such as 30s"]),
        (&["enroll", "--timeout=x"], &["--timeout <DURATION>", "a duration such as 30s"]),
        (&["enroll", "--role", "pear"], &["--role <ROLE>", "expected one of peer, orderer", "did you mean peer?"]),
        (&["audit", ".", "--samples", "0"], &["--samples <N>", "a whole number in the range 1 to 1000"]),
        (&["audit", ".", "--jobs", "x"], &["--jobs <N>", "a whole number"]),
        (&["audit", ".", "--at", "monday"], &["--at <TIME>", "2026-11-23T05:00:00Z"]),
        (&["render", "--peers", "0"], &["--peers <N>", "a whole number"]),
    ];
    for (args, texts) in cases {
        let ran = fabcert(args, None);
        is_usage_error(&ran, texts);
        assert!(!ran.stderr.contains("invalid digit"), "{ran:?}");
    }
    for (args, help) in [
        (&["ca", "info"][..], "fabcert ca info --help"),
        (&["ca", "info", "--no-such"], "fabcert ca info --help"),
        (&["ca", "info", "--timeout", "x"], "fabcert ca info --help"),
        (&["ca", "info", "--fingerprint", "x"], "--fingerprint <SHA256>"),
    ] {
        is_usage_error(&fabcert(args, None), &[help]);
    }
    let by_nested = fabcert_in(&["ca", "info"], &[("FABCERT_TIMEOUT", "soon")]);
    is_usage_error(&by_nested, &["FABCERT_TIMEOUT (--timeout <DURATION>)"]);
    let by_variable = fabcert_in(&["enroll"], &[("FABCERT_WAIT", "soon")]);
    is_usage_error(&by_variable, &["FABCERT_WAIT", "a duration such as 30s"]);
}

#[test]
fn a_group_is_taken_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let (msp, csr) = (dir.path().join("msp"), dir.path().join("a.csr"));
    let ran = fabcert(
        &["csr", "--id", "a", "--msp-dir", msp.to_str().unwrap(), "--group", "root", "--out", csr.to_str().unwrap()],
        None,
    );
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn an_error_about_a_file_names_its_flag_or_variable() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (none, msp, junk) = (path("none"), path("msp"), path("junk"));
    std::fs::write(&junk, "junk\n").unwrap();
    let enroll = ["enroll", "--url", "https://a@127.0.0.1:1", "--msp-dir", &msp];
    let secret = fabcert(&[&enroll[..], &["--tls-ca", &junk, "--secret-file", &none]].concat(), None);
    assert_ne!(secret.code, 0);
    assert!(secret.stderr.contains(&junk) && secret.stderr.contains("--tls-ca"), "{secret:?}");
    for flag in ["--tls-ca", "--key-file"] {
        let anchor = if flag == "--tls-ca" { vec![] } else { vec!["--tls-ca", junk.as_str()] };
        let ran = fabcert(&[&enroll[..], &anchor, &[flag, &none]].concat(), Some("pw"));
        assert!(ran.stderr.contains(&format!("{none} (given with {flag})")), "{flag}: {ran:?}");
    }
    let variable = fabcert_in(&enroll, &[("FABCERT_TLS_CA", &none), ("FABCERT_SECRET", "pw")]);
    assert!(variable.stderr.contains("(given with FABCERT_TLS_CA)"), "{variable:?}");
    let go = fabcert_in(&enroll, &[("FABRIC_CA_CLIENT_TLS_CERTFILES", &none), ("FABCERT_SECRET", "pw")]);
    assert!(go.stderr.contains("(given with FABRIC_CA_CLIENT_TLS_CERTFILES)"), "{go:?}");
    let install = ["install", "--id", "a", "--tls-dir", &msp];
    let cert = fabcert(&[&install[..], &["--cert", &none, "--chain", &junk]].concat(), None);
    assert!(cert.stderr.contains("(given with --cert)"), "{cert:?}");
    let chain = fabcert(&[&install[..], &["--cert", &junk, "--chain", &none]].concat(), None);
    assert!(chain.stderr.contains("(given with --chain)"), "{chain:?}");
    let audit = fabcert(&["audit", &junk, "--baseline", &none], None);
    assert!(audit.stderr.contains("--baseline"), "{audit:?}");
}

#[test]
fn endless_standard_input_is_refused() {
    let enroll =
        ["enroll", "--url", "http://a@127.0.0.1:1", "--plaintext", "--msp-dir", "/proc/none", "--secret-file", "-"];
    for args in [&["names", "-"][..], &["audit", "-"], &["inspect", "-"], &enroll] {
        let mut run = command(args, &[]);
        let output = run.stdin(std::fs::File::open("/dev/zero").unwrap()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{args:?}: {stderr}");
        assert!(stderr.contains("standard input holds more than"), "{args:?}: {stderr}");
        assert_eq!(stderr.contains("give it in parts"), args != enroll, "{args:?}: {stderr}");
    }
}

#[test]
fn a_secret_of_more_than_64_kib_is_refused_from_every_source() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (msp, large, full) = (path("p/msp"), path("large"), path("full"));
    std::fs::write(&large, "x".repeat(64 * 1024 + 1)).unwrap();
    std::fs::write(&full, "x".repeat(64 * 1024)).unwrap();
    let enroll = ["enroll", "--url", "http://a@127.0.0.1:1", "--plaintext", "--msp-dir", &msp];
    let with = |file: &str, variable: &[(&str, &str)], stdin: &str| {
        let file = if file.is_empty() { vec![] } else { vec!["--secret-file", file] };
        let mut run = command(&[&enroll[..], &file].concat(), variable);
        let output = run.stdin(std::fs::File::open(stdin).unwrap()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let text = "x".repeat(64 * 1024 + 1);
    for (file, variable, stdin) in [
        (large.as_str(), &[][..], "/dev/null"),
        ("-", &[], &large),
        ("", &[("FABCERT_SECRET", text.as_str())], "/dev/null"),
    ] {
        let (code, stderr) = with(file, variable, stdin);
        assert_eq!(code, Some(4), "{file}: {stderr}");
        assert!(stderr.contains("holds more than 64 KiB; expected the secret alone"), "{file}: {stderr}");
        assert!(stderr.contains("nothing was sent"), "{file}: {stderr}");
    }
    for (file, stdin) in [(full.as_str(), "/dev/null"), ("-", &full)] {
        let (code, stderr) = with(file, &[], stdin);
        assert_eq!(code, Some(6), "{file}: {stderr}");
    }
}

#[test]
fn a_csr_file_is_not_overwritten_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (msp, out) = (path("msp"), path("a.csr"));
    let csr = |more: &[&str]| fabcert(&[&["csr", "--id", "a", "--msp-dir", &msp, "--out", &out], more].concat(), None);
    std::fs::write(&out, "keep me\n").unwrap();
    let refused = csr(&[]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stderr.contains(&out) && refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "keep me\n");
    assert_eq!(csr(&["--force"]).code, 0);
    let first = std::fs::read_to_string(&out).unwrap();
    assert!(first.contains("CERTIFICATE REQUEST"), "{first}");
    let again = csr(&[]);
    assert_eq!(again.code, 0, "a second run asks for the same: {again:?}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), first, "the CSR may be on its way to the CA");
    let kept = || {
        let mut files = tree(dir.path());
        files.remove(".msp.fabcert/lock").unwrap();
        files
    };
    let before = kept();
    assert!(before.keys().any(|path| path.ends_with("pending.json")), "{:?}", before.keys());
    assert_eq!(csr(&["--san", "other"]).code, 4, "another request");
    for unwritable in [path("none/a.csr"), path(".")] {
        let ran = fabcert(&["csr", "--id", "a", "--msp-dir", &msp, "--san", "other", "--out", &unwritable], None);
        assert_eq!(ran.code, 5, "{ran:?}");
    }
    assert!(kept() == before, "the answer to the first CSR can still be installed");
    let links = tempfile::tempdir().unwrap();
    let (file, link) = (path("file"), links.path().join("link").to_str().unwrap().to_owned());
    std::fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(path("file/a.csr"), &link).unwrap();
    let before = tree(dir.path());
    for unwritable in [format!("{file}/a.csr"), "/proc/a.csr".to_owned(), link] {
        let ran = fabcert(&["csr", "--id", "b", "--msp-dir", &path("b"), "--out", &unwritable], None);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.stderr.contains(&unwritable), "{ran:?}");
        assert!(tree(dir.path()) == before, "{unwritable}: no key is left");
    }
    let to_a_device = fabcert(&["csr", "--id", "a", "--msp-dir", &msp, "--out", "/dev/null"], None);
    assert_eq!(to_a_device.code, 0, "{to_a_device:?}");
}

#[cfg(feature = "dev-ca")]
#[test]
fn a_dev_ca_overwrites_only_an_earlier_anchor() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("notes.txt");
    std::fs::write(&out, "keep me\n").unwrap();
    let ran = fabcert(&["dev-ca", "--listen", "127.0.0.1:0", "--anchor-out", out.to_str().unwrap()], None);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "keep me\n");
}

/// The pages name the flags, and most binaries lack them.
#[cfg(not(feature = "kubernetes"))]
#[test]
fn a_flag_about_clusters_names_the_missing_feature() {
    for args in [&["enroll", "--k8s-secret", "peer1"][..], &["renew", "--kubeconfig=x"]] {
        let ran = fabcert(args, None);
        let needs = "needs the feature kubernetes, which this binary is built without";
        assert!(ran.code == 2 && ran.stderr.contains(needs) && !ran.stderr.contains("similar"), "{ran:?}");
    }
    let ran = fabcert_in(&["enroll"], &[("FABCERT_K8S_SECRET", "peer1")]);
    assert!(ran.code == 2 && ran.stderr.contains("FABCERT_K8S_SECRET; it needs the feature kubernetes"), "{ran:?}");
}

#[test]
fn with_a_json_log_every_line_on_standard_error_is_json() {
    let none = Path::new("/no/such/file").to_str().unwrap();
    let lines: [&[&str]; 9] = [
        &["enroll"],
        &["enroll", "--no-such-flag"],
        &["enroll", "--wait", "soon"],
        &["register"],
        &[],
        &["audit"],
        &["inspect", none],
        &["install", "--id", "a", "--tls-dir", "t", "--cert", none, "--chain", none],
        &["enroll", "--url", "http://a:b@127.0.0.1:1", "--plaintext", "--msp-dir", "/proc/fabcert"],
    ];
    for args in lines {
        for form in [&["--log-format", "json"][..], &["--log-format=json"]] {
            let ran = fabcert(&[form, args].concat(), None);
            assert_ne!(ran.code, 0, "{ran:?}");
            let events = json_lines(&ran.stderr);
            let last = &events.last().unwrap_or_else(|| panic!("{args:?} says nothing"))["fields"];
            assert_eq!(last["exit_code"], ran.code, "{ran:?}");
        }
        let ran = fabcert_in(args, &[("FABCERT_LOG_FORMAT", "json")]);
        assert!(!json_lines(&ran.stderr).is_empty());
    }
}

#[test]
fn more_log_does_not_change_the_form_of_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let msp = dir.path().join("msp");
    let args = ["enroll", "--url", "http://a:b@127.0.0.1:1", "--plaintext", "--msp-dir", msp.to_str().unwrap()];
    let quiet = fabcert(&args, None).stderr;
    assert!(quiet.lines().any(|line| line.starts_with("warning: ")), "{quiet}");
    for more in ["-v", "-vv"] {
        let verbose = fabcert(&[&args[..], &[more]].concat(), None).stderr;
        for line in quiet.lines() {
            assert!(verbose.lines().any(|other| other == line), "{line} is not in {verbose}");
        }
    }
    let silent = fabcert(&[&args[..], &["-q"]].concat(), None).stderr;
    assert!(silent.starts_with("error: "), "{silent}");
}
