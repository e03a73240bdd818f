//! One fault at a time in a healthy MSP folder, and the one finding that tells it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fabcert::audit::{Finding, Severity};
use fabcert::msp::ChannelRules;
use tempfile::TempDir;

use super::audit;
use crate::verdicts::unpack;

/// Recorded folders to take files from: each MSP is its own organisation.
struct Cases(TempDir);

impl Cases {
    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.0.path().join(path)).unwrap()
    }

    /// A copy of a case's MSP folder.
    fn copy(&self, id: &str) -> TempDir {
        let to = TempDir::new().unwrap();
        copy(&self.0.path().join(id), to.path());
        to
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// A healthy peer's MSP with a TLS CA, keys for their owner only.
fn healthy(cases: &Cases) -> TempDir {
    let folder = cases.copy("A01");
    let msp = folder.path().join("msp");
    fs::create_dir(msp.join("tlscacerts")).unwrap();
    fs::write(msp.join("tlscacerts/tls.pem"), cases.read("F08/msp/tlscacerts/t.pem")).unwrap();
    fs::set_permissions(only_file(&msp.join("keystore")), fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn only_file(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let file = files.next().unwrap();
    assert!(files.next().is_none());
    file
}

fn findings(folder: &Path) -> Vec<Finding> {
    // Of OpenSSL's signatures half have a high S, at random.
    audit(folder, ChannelRules::V3_0, &[]).findings().filter(|f| f.rule != "signature-high-s").collect()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
}

type Fault = Box<dyn Fn(&Path)>;

/// What is done to the MSP folder, and what is to be found: rule, level, file, line.
struct Case(&'static str, Fault, &'static str, Severity, &'static str, Option<usize>);

const E: Severity = Severity::Error;
const W: Severity = Severity::Warning;
const N: Severity = Severity::Note;

#[test]
fn a_healthy_folder_has_no_finding() {
    let cases = Cases(unpack("msp-cases.tar.gz"));
    let folder = healthy(&cases);
    assert_eq!(findings(folder.path()), []);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn one_fault_is_one_finding_in_the_file_where_it_is() {
    let cases = std::rc::Rc::new(Cases(unpack("msp-cases.tar.gz")));
    let write = |path: &'static str, from: &'static str| -> Fault {
        let content = cases.read(from);
        Box::new(move |msp: &Path| {
            fs::write(msp.join(path), &content).unwrap();
            fs::set_permissions(msp.join(path), fs::Permissions::from_mode(0o600)).unwrap();
        })
    };
    let rename = |from: &'static str, to: &'static str| -> Fault {
        Box::new(move |msp: &Path| fs::rename(msp.join(from), msp.join(to)).unwrap())
    };
    let remove =
        |path: &'static str| -> Fault { Box::new(move |msp: &Path| fs::remove_dir_all(msp.join(path)).unwrap()) };
    let edit_config = |from: &'static str, to: &'static str| -> Fault {
        Box::new(move |msp: &Path| edit(&msp.join("config.yaml"), from, to))
    };
    let put = |path: &'static str, content: &'static str| -> Fault {
        Box::new(move |msp: &Path| {
            fs::create_dir_all(msp.join(path).parent().unwrap()).unwrap();
            fs::write(msp.join(path), content).unwrap();
        })
    };
    let append = |path: &'static str, from: &'static str| -> Fault {
        let more = cases.read(from);
        Box::new(move |msp: &Path| {
            let text = fs::read(msp.join(path)).unwrap();
            fs::write(msp.join(path), [text, more.clone()].concat()).unwrap();
        })
    };
    let table = [
        Case("signcerts missing", remove("signcerts"), "msp-layout", E, "msp", None),
        Case("cacerts in capitals", rename("cacerts", "CACerts"), "msp-layout", E, "msp/CACerts", None),
        Case("tlscacerts in capitals", rename("tlscacerts", "TLSCACerts"), "msp-layout", W, "msp/TLSCACerts", None),
        Case("admincerts is a file", put("admincerts", "x"), "msp-layout", E, "msp/admincerts", None),
        Case(
            "a second signcert",
            write("signcerts/z.pem", "A02/msp/signcerts/cert.pem"),
            "signcerts-many",
            E,
            "msp/signcerts",
            None,
        ),
        Case(
            "signcerts without PEM",
            put("signcerts/cert.pem", "x"),
            "msp-folder-empty",
            E,
            "msp/signcerts/cert.pem",
            None,
        ),
        Case(
            "root in DER",
            write("cacerts/b.der", "A26c/msp/cacerts/ca.crt"),
            "msp-not-pem",
            W,
            "msp/cacerts/b.der",
            None,
        ),
        Case(
            "a README among certificates",
            put("cacerts/README", "hello"),
            "msp-not-pem",
            N,
            "msp/cacerts/README",
            None,
        ),
        Case(
            "two roots in a file",
            append("cacerts/ca.pem", "A02/msp/cacerts/ca.pem"),
            "msp-extra-block",
            W,
            "msp/cacerts/ca.pem",
            Some(13),
        ),
        Case("notes", put("notes.txt", "x"), "msp-stray-file", N, "msp/notes.txt", None),
        Case(
            "a certificate beside the folders",
            write("ca.pem", "A02/msp/cacerts/ca.pem"),
            "msp-stray-file",
            W,
            "msp/ca.pem",
            None,
        ),
        Case(
            "a key beside the folders",
            write("server.key", "A02/msp/keystore/key.pem"),
            "msp-key-outside-keystore",
            E,
            "msp/server.key",
            Some(1),
        ),
        Case(
            "a key among certificates",
            write("admincerts/a.pem", "A02/msp/keystore/key.pem"),
            "msp-key-outside-keystore",
            E,
            "msp/admincerts/a.pem",
            Some(1),
        ),
        Case(
            "a second key",
            write("keystore/b.pem", "A02/msp/keystore/key.pem"),
            "keystore-many",
            W,
            "msp/keystore",
            None,
        ),
        Case("no key", remove("keystore"), "key-missing", E, "msp", None),
        Case(
            "config.yaml is no YAML",
            edit_config("NodeOUs:", "NodeOUs: ["),
            "config-unusable",
            E,
            "msp/config.yaml",
            Some(3),
        ),
        Case(
            "Enable in quotes",
            edit_config("Enable: true", "Enable: \"true\""),
            "config-unusable",
            E,
            "msp/config.yaml",
            Some(2),
        ),
        Case(
            "an unknown key",
            edit_config("  Enable", "  Comment: x\n  Enable"),
            "config-misspelt",
            W,
            "msp/config.yaml",
            Some(2),
        ),
        Case(
            "a CA file that is not there",
            edit_config(
                "cacerts/ca.pem\n    OrganizationalUnitIdentifier: peer",
                "cacerts/x.pem\n    OrganizationalUnitIdentifier: peer",
            ),
            "nodeou-certificate-missing",
            W,
            "msp/config.yaml",
            Some(7),
        ),
        Case(
            "a CA that is none of this MSP",
            edit_config(
                "cacerts/ca.pem\n    OrganizationalUnitIdentifier: peer",
                "tlscacerts/tls.pem\n    OrganizationalUnitIdentifier: peer",
            ),
            "config-ou-ca",
            E,
            "msp/config.yaml",
            Some(7),
        ),
        Case(
            "no OU of the identity",
            edit_config("Identifier: peer", "Identifier: Peer"),
            "nodeou-missing",
            E,
            "msp/signcerts/cert.pem",
            Some(1),
        ),
        Case(
            "an OU identifier that it lacks",
            edit_config(
                "NodeOUs:",
                "OrganizationalUnitIdentifiers:\n  - Certificate: cacerts/ca.pem\n    OrganizationalUnitIdentifier: x\nNodeOUs:",
            ),
            "ou-identifier-unmet",
            E,
            "msp/signcerts/cert.pem",
            Some(1),
        ),
        Case(
            "no admin OU",
            edit_config("Identifier: admin", "Identifier: ''"),
            "admins-missing",
            E,
            "msp/config.yaml",
            None,
        ),
        Case(
            "an administrator of another CA",
            write("admincerts/a.pem", "C05b/msp/admincerts/a.pem"),
            "admin-invalid",
            E,
            "msp/admincerts/a.pem",
            Some(1),
        ),
        Case(
            "a list of another CA",
            write("crls/c.pem", "E01b/msp/crls/c.pem"),
            "crl-ignored",
            W,
            "msp/crls/c.pem",
            Some(1),
        ),
        Case(
            "no list at all",
            put("crls/c.pem", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
            "crl-unusable",
            E,
            "msp/crls/c.pem",
            None,
        ),
        Case("no TLS CA", remove("tlscacerts"), "msp-tlscacerts-missing", W, "msp", None),
        Case(
            "a TLS CA without key identifier",
            write("tlscacerts/t.pem", "F03/msp/tlscacerts/t.pem"),
            "ca-ski-missing",
            E,
            "msp/tlscacerts/t.pem",
            Some(1),
        ),
        Case(
            "an unrelated intermediate",
            write("intermediatecerts/i.pem", "B20b/msp/intermediatecerts/ica.pem"),
            "chain-broken",
            E,
            "msp/intermediatecerts/i.pem",
            Some(1),
        ),
        Case(
            "the root of another organisation",
            write("cacerts/ca.pem", "A02/msp/cacerts/ca.pem"),
            "chain-broken",
            E,
            "msp/signcerts/cert.pem",
            Some(1),
        ),
        Case(
            "a root that is no CA",
            write("cacerts/x.pem", "B01c/msp/cacerts/x.pem"),
            "ca-constraints",
            E,
            "msp/cacerts/x.pem",
            Some(1),
        ),
        Case(
            "a key that the world can read",
            Box::new(|msp: &Path| {
                fs::set_permissions(only_file(&msp.join("keystore")), fs::Permissions::from_mode(0o644)).unwrap();
            }),
            "key-mode",
            W,
            "msp/keystore/",
            Some(1),
        ),
    ];
    let mut wrong = Vec::new();
    for Case(what, fault, rule, severity, path, line) in &table {
        let folder = healthy(&cases);
        let msp = folder.path().join("msp");
        for dir in ["admincerts", "crls", "intermediatecerts"] {
            if path.contains(dir) && !what.contains("is a file") {
                fs::create_dir(msp.join(dir)).unwrap();
            }
        }
        fault(&msp);
        let found = findings(folder.path());
        let fits = |f: &Finding| {
            f.rule == *rule && f.severity == *severity && f.line == *line && f.path.to_string_lossy().starts_with(path)
        };
        if !matches!(found.as_slice(), [one] if fits(one)) {
            let found: Vec<String> = found
                .iter()
                .map(|f| format!("{} {:?} {} {:?}: {}", f.rule, f.severity, f.path.display(), f.line, f.message))
                .collect();
            wrong.push(format!("{what}: wanted {rule} {severity:?} {path} {line:?}, found {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_go_client_leaves_is_no_error_until_config_yaml_is_missed() {
    let cases = Cases(unpack("msp-cases.tar.gz"));
    let folder = healthy(&cases);
    let msp = folder.path().join("msp");
    fs::remove_file(msp.join("config.yaml")).unwrap();
    // A folder that somebody set up, without administrators.
    let found = findings(folder.path());
    assert!(found.iter().any(|f| f.rule == "admins-missing" && f.severity == E), "{found:#?}");
    // A folder that `fabric-ca-client enroll` has just written.
    fs::write(msp.join("IssuerPublicKey"), "x").unwrap();
    let found = findings(folder.path());
    assert_eq!(found.iter().map(|f| (f.rule, f.severity)).collect::<Vec<_>>(), [("nodeou-missing", W)]);
    assert!(found[0].message.contains("refusal 58"), "{}", found[0].message);
}

#[test]
fn an_msp_one_level_too_deep_is_said_once() {
    let cases = Cases(unpack("msp-cases.tar.gz"));
    let folder = healthy(&cases);
    let deep = TempDir::new().unwrap();
    fs::create_dir(deep.path().join("msp")).unwrap();
    fs::rename(folder.path().join("msp"), deep.path().join("msp/msp")).unwrap();
    let outer: Vec<Finding> = findings(&deep.path().join("msp"));
    let layout: Vec<&Finding> = outer.iter().filter(|f| f.rule == "msp-layout").collect();
    assert_eq!(layout.len(), 1, "{outer:#?}");
    assert!(layout[0].message.contains("refusal 7") && layout[0].message.contains("refusal 9"));
}

#[test]
fn a_tls_certificate_of_another_ca_than_the_msp_beside_it_names_is_found() {
    let (cases, tls) = (Cases(unpack("msp-cases.tar.gz")), Cases(unpack("tls-cases.tar.gz")));
    let folder = healthy(&cases);
    fs::create_dir(folder.path().join("tls")).unwrap();
    copy(&tls.0.path().join("T01"), &folder.path().join("tls"));
    fs::set_permissions(folder.path().join("tls/server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let rules = || findings(folder.path()).iter().map(|f| f.rule).collect::<Vec<_>>();
    assert_eq!(rules(), ["tls-not-from-tlscacerts"]);
    fs::write(folder.path().join("msp/tlscacerts/tls.pem"), tls.read("T01/ca.crt")).unwrap();
    assert_eq!(rules(), [""; 0]);
}
