//! Values that cannot be used: the message names the flag or the variable, and the same mistake has the same exit code in every
//! command.

use fabcert::pki::key::{KeyAlgorithm, KeyPair};

use crate::command::{Ran, fabcert, fabcert_in};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/names/example.yaml");
const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/certs/go-client-ecert.pem");

const ENROLL: [&str; 9] = [
    "enroll",
    "--plaintext",
    "--url",
    "http://127.0.0.1:1",
    "--id",
    "a",
    "--msp-dir",
    "/proc/fabcert",
    "--secret-file",
];
const RENDER: [&str; 9] =
    ["render", "--org", "o", "--namespace", "n", "--fabcert-image", "i", "--ca-url", "https://ca"];

fn with(start: &[&str], more: &[&str]) -> Ran {
    fabcert(&[start, more].concat(), None)
}

fn names(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word} is not in {}", ran.stderr);
    }
}

#[test]
fn the_same_mistake_has_the_same_code_in_every_command() {
    let enroll = [&ENROLL[..], &[CERTIFICATE]].concat();
    let names_of = ["names", MANIFEST, "--set", "DOMAIN=example.com"];
    let audit = ["audit", CERTIFICATE];
    for start in
        [&enroll[..], &names_of, &audit, &["render", "--org", "o", "--ca-url", "https://ca", "--fabcert-image", "i"]]
    {
        names(&with(start, &["--namespace", "A_"]), 4, &["A_", "--namespace"]);
    }
    for start in [&enroll[..], &names_of, &audit, &RENDER] {
        names(&with(start, &["--cluster-domain", "a..b"]), 4, &["a..b", "--cluster-domain"]);
    }
    for (start, flag) in [(&["enroll", "--id", "a", "--msp-dir", "m"][..], "--url"), (&["ca", "info"], "--url")] {
        names(&with(start, &["--tls-ca", CERTIFICATE, flag, "http://ca"]), 2, &["--url: http://ca"]);
    }
    names(&with(&RENDER[..7], &["--ca-url", "http://ca"]), 2, &["--ca-url"]);
    for (start, id) in [
        (&["enroll", "--url", "https://ca", "--tls-ca", CERTIFICATE, "--msp-dir", "m"][..], "--id="),
        (&["enroll", "--tls-ca", CERTIFICATE, "--msp-dir", "m"], "--url=https://@ca"),
        (&["csr", "--msp-dir", "m"], "--id="),
        (&["install", "--msp-dir", "m", "--cert", CERTIFICATE, "--chain", CERTIFICATE], "--id="),
    ] {
        names(&with(start, &[id]), 2, &["--id <ID>"]);
    }
    for start in [&["rollback"][..], &enroll[..6]] {
        for tls in ["/proc/fabcert", "/proc/fabcert/tls"] {
            let more = ["--tls-dir", tls];
            let msp = if start.len() == 1 {
                &["--msp-dir", "/proc/fabcert"][..]
            } else {
                &["--msp-dir=/proc/fabcert", "--san=x"]
            };
            names(&with(start, &[msp, &more].concat()), 2, &["must be two folders"]);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let msp = dir.path().join("msp").to_str().unwrap().to_owned();
    for proxy in ["foo://proxy:1", "socks5://proxy:1", "", "http://proxy:99999"] {
        for start in [&["enroll", "--id", "a", "--secret-file", CERTIFICATE, "--msp-dir", &msp][..], &["ca", "info"]] {
            let ran = with(start, &["--url", "https://127.0.0.1:1", "--tls-ca", CERTIFICATE, "--proxy", proxy]);
            names(&ran, 2, &["--proxy"]);
        }
    }
}

#[test]
fn an_error_of_a_name_or_a_url_names_the_flag_or_the_variable() {
    let enroll = [&ENROLL[..], &[CERTIFICATE]].concat();
    for (start, flag, value) in [
        (&enroll[..], "--san", "a..b"),
        (&enroll, "--san", ""),
        (&enroll, "--hostname", "a/b"),
        (&enroll, "--gateway-service", "a/b"),
        (&enroll, "--drop-san", "a b"),
        (&enroll, "--csr-names", "foo"),
        (&enroll, "--san", "id:s3cr3t@h"),
        (&["audit", CERTIFICATE], "--expect-san", "a..b"),
        (&["audit", CERTIFICATE], "--hostname", "a..b"),
        (&["audit", CERTIFICATE], "--gateway-service", ""),
        (&["audit", CERTIFICATE], "--connect", "foo"),
        (&["audit", CERTIFICATE, "--connect", "127.0.0.1:1"], "--server-name", "a..b"),
        (&["audit", CERTIFICATE], "--deny", "no-such-rule"),
        (&["audit", CERTIFICATE], "--format", "no-such-form"),
    ] {
        let ran = with(start, &[&format!("{flag}={value}")]);
        assert!([2, 4].contains(&ran.code), "{ran:?}");
        assert!(ran.stderr.contains(flag), "{flag} is not in {}", ran.stderr);
        assert!(!ran.stderr.contains("s3cr3t"), "{ran:?}");
        let variable = format!("FABCERT_{}", flag.trim_start_matches("--").replace('-', "_").to_uppercase());
        if !value.is_empty() {
            let ran = fabcert_in(start, &[(&variable, value)]);
            assert!(ran.stderr.contains(&variable), "{variable} is not in {}", ran.stderr);
        }
    }
    for (start, flag) in [
        (&["enroll", "--id", "a", "--tls-ca", CERTIFICATE, "--msp-dir", "m"][..], "--url"),
        (
            &["enroll", "--url", "https://ca", "--id", "a", "--tls-ca", CERTIFICATE, "--tls-dir", "t", "--san", "x"],
            "--tls-url",
        ),
        (&["ca", "info"], "--url"),
        (&RENDER[..7], "--ca-url"),
    ] {
        for url in ["foo", "ftp://ca", "https://ca:x", "http://ca"] {
            names(&with(start, &[flag, url]), 2, &[flag]);
            let variable = format!("FABCERT_{}", flag.trim_start_matches("--").replace('-', "_").to_uppercase());
            names(&fabcert_in(start, &[(&variable, url)]), 2, &[flag, &variable]);
        }
    }
}

#[test]
fn help_names_no_flag_that_the_command_does_not_have() {
    let ran = with(&["ca", "info"], &["--url", "https://127.0.0.1:1", "--tls-ca", CERTIFICATE]);
    names(&ran, 6, &["check host and port"]);
    assert!(!ran.stderr.contains("--wait"), "{ran:?}");
}

#[test]
fn an_error_of_a_file_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (junk, key, der, msp) = (path("junk"), path("key.pem"), path("der"), path("msp"));
    std::fs::write(&junk, "junk\n").unwrap();
    std::fs::write(&der, [0x30, 3, 2, 1, 1]).unwrap();
    std::fs::write(&key, KeyPair::generate(KeyAlgorithm::P256).unwrap().to_pkcs8_pem().as_bytes()).unwrap();
    let enroll = [&ENROLL[..5], &["a", "--msp-dir", &msp, "--secret-file", &junk]].concat();
    for (cert, private, named) in [
        (CERTIFICATE, junk.as_str(), &[&junk][..]),
        (&junk, &key, &[&junk]),
        (CERTIFICATE, &key, &[&key, &CERTIFICATE.to_owned()]),
    ] {
        let ran = with(&enroll, &["--tls-client-cert", cert, "--tls-client-key", private]);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(named.iter().all(|path| ran.stderr.contains(path.as_str())), "{named:?}: {ran:?}");
    }
    let csr = with(&["csr", "--id", "a", "--msp-dir", &msp], &[]);
    assert_eq!(csr.code, 0, "{csr:?}");
    let chain = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/certs/two-intermediates-cas.pem");
    for (cert, chain, code) in
        [(chain, CERTIFICATE, 8), (&junk, CERTIFICATE, 8), (&der, CERTIFICATE, 4), (CERTIFICATE, &der, 4)]
    {
        let ran = with(&["install", "--id", "a", "--msp-dir", &msp], &["--cert", cert, "--chain", chain]);
        names(&ran, code, &[&format!("{cert} (--cert)"), &format!("{chain} (--chain)")]);
    }
}

#[test]
fn a_second_source_of_the_secret_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret").to_str().unwrap().to_owned();
    std::fs::write(&file, "peerpw\n").unwrap();
    let enroll = ["enroll", "--plaintext", "--id", "a", "--msp-dir", "/proc/fabcert"];
    let with_file = ["--url", "http://127.0.0.1:1", "--secret-file", &file];
    let ran = fabcert_in(&[&enroll[..], &with_file].concat(), &[("FABCERT_SECRET", "other")]);
    assert!(ran.stderr.contains("the secret is taken from --secret-file; FABCERT_SECRET is not used"), "{ran:?}");
    let in_url = ["--url", "http://a:third@127.0.0.1:1"];
    let ran = fabcert_in(&[&enroll[..], &in_url].concat(), &[("FABCERT_SECRET", "other")]);
    assert!(
        ran.stderr.contains("the secret is taken from FABCERT_SECRET; the secret in the URL is not used"),
        "{ran:?}"
    );
    let alone = fabcert_in(&[&enroll[..], &with_file].concat(), &[]);
    assert!(!alone.stderr.contains("is not used"), "{alone:?}");
    for ran in [ran, alone] {
        assert!(!ran.stderr.contains("third") && !ran.stderr.contains("peerpw"), "{ran:?}");
    }
}
