//! The lines of public scripts.

use std::fs;

use super::scene::{Program, Scene, put};
use super::{Difference, check, differences};

const LINES: &str = include_str!("../../../testdata/go_client/lines.txt");

const DIFFERENT: [Difference; 2] = [
    Difference { line: "--csr.keyrequest.algo rsa", reason: "Fabric's MSP takes no RSA keys, so fabcert makes none" },
    Difference {
        line: "--csr.hosts \"\"",
        reason: "a TLS certificate without any name is of no use, so it gets the host name, with a warning",
    },
];

/// The line with the identity `id` in the place of its own; the secret is `pw`.
fn with_identity(line: &str, id: &str) -> String {
    let Some(start) = line.find("://").map(|at| at + 3) else { return line.to_owned() };
    let Some(end) = line.find("@@").filter(|end| *end > start) else { return line.to_owned() };
    format!("{}{id}:pw{}", &line[..start], &line[end..])
}

/// What a script has exported.
fn exported(names: &str, id: &str) -> Vec<(String, String)> {
    let value = |name: &str| match name {
        "FABRIC_CA_CLIENT_HOME" => "$DIR/home".to_owned(),
        "FABRIC_CA_CLIENT_TLS_CERTFILES" => "@CA@".to_owned(),
        "FABRIC_CA_CLIENT_MSPDIR" => "envmsp".to_owned(),
        "FABRIC_CA_CLIENT_CSR_HOSTS" => "a.example.com,b".to_owned(),
        "FABRIC_CA_CLIENT_URL" => format!("https://{id}:pw@@T@"),
        "FABRIC_CA_CLIENT_LOGLEVEL" => "info".to_owned(),
        "FABRIC_CA_CLIENT_DEBUG" => "false".to_owned(),
        "FABRIC_CA_CLIENT" => "x".to_owned(),
        other => panic!("the value of {other}"),
    };
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| (name.to_owned(), value(name))).collect()
}

/// The other variables of the scripts.
fn own(id: &str) -> Vec<(String, String)> {
    let url = format!("https://{id}:pw@@T@");
    [
        ("SUBJECT", "C=US,ST=NC,O=Acme,OU=x"),
        ("CSR_HOSTS", "a.example.com,b"),
        ("csr_hosts", "a.example.com,b"),
        ("HOSTS", "a.example.com,b"),
        ("PEER_HOST", "peer1"),
        ("OU_NAME", "unit"),
        ("CLUSTER_NAME", "cluster1"),
        ("MSP_DIR", "$DIR/mspd"),
        ("USER_MSP_DIR", "users"),
        ("tlsCert", "@CA@"),
        ("CA_URL", &url),
        ("ENROLLMENT_URL", &url),
        ("username", id),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

#[test]
fn public_lines_do_what_they_do_with_the_go_client() {
    let Some(scene) = Scene::start() else { return };
    let mut found = Vec::new();
    let lines = LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for (index, line) in lines.enumerate() {
        let (text, with) = line.split_once("    # with:").unwrap_or((line, ""));
        let plain = text.contains("@H@");
        let mut done = Vec::new();
        for program in Program::BOTH {
            let id = format!("line{index}{}", program.suffix());
            let attrs = "abac.creator=true,email=a@example.com";
            let mut register = vec!["register", "--id.name", &id, "--id.secret", "pw", "--id.type", "client"];
            register.extend(["--id.affiliation", "org1", "--id.attrs", attrs]);
            scene.by_registrar(plain, &register);
            let dir = scene.folder(&format!("line{index}"), program);
            let anchor = scene.anchor().to_owned();
            put(&dir.join("home/tls-root-cert/tls-ca-cert.pem"), &anchor);
            put(&dir.join("ca-cert.pem"), &anchor);
            fs::create_dir_all(dir.join("home")).unwrap();
            let text = with_identity(text, &id);
            let expand = |value: String| value.replace("$DIR", dir.to_str().unwrap());
            let variables = exported(with, &id).into_iter().chain(own(&id));
            let variables: Vec<_> = variables.map(|(name, value)| (name, expand(value))).collect();
            let mut one = scene.run(&text, &variables, &dir, program);
            if one.code == 0 {
                // How many certificates the CA has of the identity.
                let listed = scene.by_registrar(plain, &["certificate", "list", "--id", &id]);
                one.stdout.push(listed.matches("Serial Number").count().to_string());
            }
            done.push(one);
        }
        found.push((text.to_owned(), differences(&done[0], &done[1])));
    }
    assert!(found.len() > 40, "{}", found.len());
    check(&found, &DIFFERENT);
}

#[test]
fn an_identity_takes_the_place_of_that_of_the_line() {
    assert_eq!(with_identity("enroll -u https://a:b@@T@ -M x", "c"), "enroll -u https://c:pw@@T@ -M x");
    assert_eq!(with_identity("enroll -u $URL", "c"), "enroll -u $URL");
}
