//! The commands of `fabcert ca` for registrars, on the real Fabric CA and on the dev CA with the same code.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

#[cfg(feature = "dev-ca")]
use fabcert::devca::{Endpoint, Fault, FaultRule};
use fabcert::pki::x509::Cert;

use crate::command::{Ran, command, fabcert};
#[cfg(feature = "dev-ca")]
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::{ADMIN, CaUnderTest, RealCa};

const ID: &str = "org1-peer7";

/// A CA with its enrolled registrar.
struct Office<'a> {
    ca: &'a dyn CaUnderTest,
    dir: tempfile::TempDir,
}

impl<'a> Office<'a> {
    fn new(ca: &'a dyn CaUnderTest) -> Self {
        let office = Self { ca, dir: tempfile::tempdir().unwrap() };
        let ran = office.enroll(ADMIN.0, ADMIN.1, "admin");
        assert_eq!(ran.code, 0, "{ran:?}");
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn connected(&self, command: &[&str], more: &[&str], secret: Option<&str>) -> Ran {
        let (url, anchor) = (self.ca.url(), text(self.ca.tls_anchor()));
        let name: Vec<&str> = self.ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]).collect();
        fabcert(&[command, &["--url", &url, "--tls-ca", &anchor], &name, more].concat(), secret)
    }

    /// Enrols `id` into the folder of this name.
    fn enroll(&self, id: &str, secret: &str, folder: &str) -> Ran {
        let msp = text(&self.path(folder));
        self.connected(&["enroll"], &["--id", id, "--msp-dir", &msp], Some(secret))
    }

    /// Runs `fabcert ca COMMAND` as the registrar.
    fn ca(&self, command: &[&str], more: &[&str]) -> Ran {
        let registrar = text(&self.path("admin"));
        self.connected(&[&["ca"], command].concat(), &[more, &["--registrar", &registrar]].concat(), None)
    }

    fn json(&self, command: &[&str], more: &[&str]) -> serde_json::Value {
        let ran = self.ca(command, &[more, &["--output", "json"]].concat());
        assert_eq!(ran.code, 0, "{command:?} {more:?}: {ran:?}");
        ran.json()
    }

    fn secret(&self, file: &str) -> String {
        let path = self.path(file);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::read_to_string(path).unwrap().trim_end().to_owned()
    }
}

fn leaf(msp: &Path) -> Cert {
    let file = std::fs::read_dir(msp.join("signcerts")).unwrap().next().unwrap().unwrap().path();
    Cert::all_from_pem(&std::fs::read(file).unwrap()).unwrap().remove(0)
}

fn a_registration_converges(ca: &dyn CaUnderTest) {
    let office = Office::new(ca);
    let (file, other) = (text(&office.path("secret")), text(&office.path("other")));
    let wanted = ["--affiliation", "org1.department1", "--attr", "colour=red:ecert", "--max-enrollments", "3"];
    let register = |kind: &str, more: &[&str]| {
        office.ca(&["register", ID], &[&["--type", kind, "--output", "json"], &wanted[..], more].concat())
    };
    let first = register("peer", &["--secret-out", &file]);
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!((first.json()["action"].as_str(), first.json()["secret"].as_str()), (Some("registered"), None));
    assert_eq!(first.json()["identity"]["max_enrollments"], 3);
    let secret = office.secret("secret");
    assert!(!first.stdout.contains(&secret) && !first.stderr.contains(&secret));
    let enrolled = office.enroll(ID, &secret, "peer");
    assert_eq!(enrolled.code, 0, "{enrolled:?}");
    assert_eq!(leaf(&office.path("peer")).attributes().unwrap().get("colour"), Some("red"));

    let sent = ca.count("register");
    let again = register("peer", &["--secret-out", &other]);
    assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}");
    assert!(!office.path("other").exists(), "the secret of a registered identity is not known");
    let differs = register("orderer", &[]);
    assert_eq!((differs.code, differs.json()["action"].as_str()), (1, Some("differs")), "{differs:?}");
    assert_eq!(differs.json()["differences"], serde_json::json!(["type is peer, not orderer"]));
    assert_eq!(register("orderer", &["--if-exists", "fail"]).code, 7);
    assert_eq!(ca.count("register"), sent, "a second run sends reads only");

    let more = office.json(&["register", ID], &["--if-exists", "update", "--max-enrollments", "5"]);
    assert_eq!((&more["identity"]["type"], &more["identity"]["max_enrollments"]), (&"peer".into(), &5.into()));
    assert_eq!(office.ca(&["register", ID], &["--max-enrollments", "0"]).code, 2);
    let updated = register("orderer", &["--if-exists", "update"]);
    assert_eq!((updated.code, updated.json()["action"].as_str()), (0, Some("updated")), "{updated:?}");
    assert_eq!(office.json(&["identity", "show", ID], &[])["identity"]["type"], "orderer");
}

fn identities_are_changed_and_locked_ones_get_a_new_secret(ca: &dyn CaUnderTest) {
    let office = Office::new(ca);
    let printed = office.json(&["register", ID], &["--type", "peer"]);
    let first = printed["secret"].as_str().unwrap();
    assert_eq!(office.enroll(ID, first, "first").code, 0);
    for n in 0..11 {
        // The memory of refusals is in the folder, so that each try has a new one.
        assert_eq!(office.enroll(ID, &format!("wrong{n}"), &format!("wrong{n}/msp")).code, 7);
    }
    let locked = office.enroll(ID, first, "locked");
    assert!(locked.code == 7 && locked.stderr.contains("code 73"), "{locked:?}");
    let file = text(&office.path("new"));
    for command in ["rotate-secret", "unlock"] {
        let changed = office.json(&["identity", command, ID], &["--secret-out", &file]);
        assert_eq!((changed["identity"]["id"].as_str(), changed["secret"].as_str()), (Some(ID), None));
        assert_eq!(office.enroll(ID, &office.secret("new"), command).code, 0);
        std::fs::remove_file(&file).unwrap();
    }

    std::fs::write(&file, "first-secret\n").unwrap();
    let kept = office.ca(&["identity", "rotate-secret", ID], &["--secret-out", &file]);
    assert!(kept.code == 4 && kept.stderr.contains("not a new one"), "{kept:?}");
    std::fs::remove_file(&file).unwrap();

    let changed = office.json(
        &["identity", "modify", ID],
        &["--max-enrollments", "0", "--affiliation", "org1.department1", "--attr", "colour=blue"],
    );
    let attrs = changed["identity"]["attrs"].as_array().unwrap();
    assert_eq!(changed["identity"]["max_enrollments"], 0);
    assert!(attrs.contains(&serde_json::json!({"name": "colour", "value": "blue"})), "{attrs:?}");
    let removed = office.json(&["identity", "modify", ID], &["--attr", "colour=", "--affiliation", "."]);
    assert_eq!(removed["identity"]["affiliation"], "");
    assert!(!removed.to_string().contains("colour"), "{removed}");
    assert_eq!(office.ca(&["identity", "modify", ID], &[]).code, 2);

    let list = office.json(&["identity", "list"], &[]);
    let ids: Vec<_> = list["identities"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&ID) && ids.contains(&ADMIN.0) && ids.is_sorted(), "{ids:?}");
    let csv = office.ca(&["identity", "list"], &["--csv"]).stdout;
    assert!(csv.starts_with("id,type,affiliation,max_enrollments,attrs\n"), "{csv}");
    assert!(csv.contains(&format!("\n{ID},peer,,0,\n")), "{csv}");

    assert_eq!(office.ca(&["identity", "show", "nobody"], &[]).code, 1);
    let missing = office.ca(&["identity", "rotate-secret", "nobody"], &["--secret-out", &file]);
    assert_eq!(missing.code, 7, "{missing:?}");
    assert!(!office.path("new").exists(), "no CA knows that secret");
    let refused = office.ca(&["identity", "remove", ID], &[]);
    assert!(refused.code == 7 && refused.stderr.contains("cfg.identities.allowremove"), "{refused:?}");
    let slash = office.ca(&["identity", "show", "a/b"], &[]);
    assert!(slash.code == 4 && slash.stderr.contains("slash"), "{slash:?}");
}

fn affiliations_are_added_with_their_parents(ca: &dyn CaUnderTest) {
    let office = Office::new(ca);
    let names = || {
        let list = office.json(&["affiliation", "list"], &[]);
        list["affiliations"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(names().contains(&"org1.department1".to_owned()), "{:?}", names());
    assert_eq!(office.json(&["affiliation", "add", "org7.a.b"], &[])["action"], "added");
    assert_eq!(office.json(&["affiliation", "add", "org7.a.b"], &[])["action"], "unchanged");
    for name in ["org7", "org7.a", "org7.a.b"] {
        assert!(names().contains(&name.to_owned()), "{:?}", names());
    }
    let missing = office.ca(&["register", ID], &["--affiliation", "org8.x"]);
    assert_eq!(missing.code, 7, "{missing:?}");
    let made = office.json(&["register", ID], &["--affiliation", "org8.x", "--create-affiliation"]);
    assert_eq!(made["identity"]["affiliation"], "org8.x");

    let taken = office.ca(&["affiliation", "modify", "org7"], &["--new-name", "org8"]);
    assert_eq!(taken.code, 4, "{taken:?}");
    let used = office.ca(&["affiliation", "modify", "org8"], &["--new-name", "org9"]);
    assert_eq!(used.code, 7, "{used:?}");
    office.json(&["affiliation", "modify", "org8"], &["--new-name", "org9", "--move-identities"]);
    assert_eq!(office.json(&["identity", "show", ID], &[])["identity"]["affiliation"], "org9.x");
    let refused = office.ca(&["affiliation", "remove", "org7"], &[]);
    assert!(refused.code == 7 && refused.stderr.contains("cfg.affiliations.allowremove"), "{refused:?}");
}

fn a_revoked_certificate_is_listed_and_in_the_crl(ca: &dyn CaUnderTest) {
    let office = Office::new(ca);
    let secret = office.json(&["register", ID], &["--type", "client"])["secret"].as_str().unwrap().to_owned();
    for folder in ["one", "two"] {
        assert_eq!(office.enroll(ID, &secret, folder).code, 0);
    }
    let serials = ["one", "two"].map(|folder| leaf(&office.path(folder)).serial_hex());
    let listed = |more: &[&str]| {
        let list = office.json(&["certificate", "list"], &[&[ID], more].concat());
        let rows = list["certificates"].as_array().unwrap().clone();
        rows.iter().map(|row| row["serial"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut all = listed(&[]);
    all.sort_unstable();
    let mut expected = serials.clone();
    expected.sort_unstable();
    assert_eq!(all, expected);
    assert_eq!(listed(&["--serial", &serials[0]]), [serials[0].clone()]);
    assert_eq!(listed(&["--newest"]).len(), 1);
    assert!(listed(&["--expiring", "30d"]).is_empty());
    assert_eq!(listed(&["--expiring", "10000d"]).len(), 2);

    let cert = std::fs::read_dir(office.path("one/signcerts")).unwrap().next().unwrap().unwrap().path();
    let revoke = || office.json(&["revoke"], &["--certificate", &text(&cert), "--reason", "superseded"]);
    let revoked = revoke();
    assert_eq!(
        (&revoked["action"], &revoked["certificates"][0]["serial"]),
        (&"revoked".into(), &serials[0].as_str().into())
    );
    assert!(revoked["open"].to_string().contains("channel"), "{revoked}");
    assert_eq!(revoke()["action"], "unchanged");
    assert_eq!(listed(&["--not-revoked"]), [serials[1].clone()]);
    assert_eq!(listed(&["--revoked-from", "2020-01-01T00:00:00Z"]), [serials[0].clone()]);

    let out = office.path("crls/ca.pem");
    let crl = office.json(&["crl"], &["--out", &text(&out)]);
    assert_eq!(crl["serials"], serde_json::json!([serials[0]]));
    let pem = std::fs::read_to_string(&out).unwrap();
    assert_eq!(pem.matches("-----BEGIN X509 CRL-----").count(), 1);
    std::fs::write(office.path("anchor.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    let other = office.ca(&["crl"], &["--out", &text(&office.path("anchor.pem"))]);
    assert!(other.code == 4 && other.stderr.contains("holds no CRL"), "{other:?}");
    assert_eq!(listed(&["--serial", &format!("00{}", serials[0])]), [serials[0].clone()]);
    assert_eq!(office.ca(&["certificate", "list"], &["--serial", "00"]).code, 2);
    assert_eq!(office.ca(&["crl"], &[]).stdout.matches("-----BEGIN X509 CRL-----").count(), 1);

    let disabled = office.json(&["revoke", ID], &["--reason", "cessationofoperation"]);
    assert_eq!(disabled["certificates"][0]["serial"], serials[1].as_str());
    assert_eq!(office.json(&["revoke", ID], &[])["certificates"], serde_json::json!([]));
    assert_eq!(office.enroll(ID, &secret, "three").code, 7);
    assert_eq!(office.ca(&["revoke"], &[]).code, 2);
}

/// The names of the files of a folder that were written last.
fn newest(folder: &Path, count: usize) -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.metadata().unwrap().modified().unwrap(), entry.file_name().into_string().unwrap()))
        .filter(|(_, name)| name.strip_prefix("user").is_some_and(|n| n.parse::<usize>().is_ok()))
        .collect();
    files.sort_unstable();
    files.into_iter().rev().take(count).map(|(_, name)| name).collect()
}

/// A run that is killed again and again registers each identity once, and every secret is in its file.
fn a_list_is_registered_in_spite_of_kills(ca: &dyn CaUnderTest, count: usize) {
    const KILLS: usize = 5;
    let office = Office::new(ca);
    let list = office.path("users.csv");
    let line = |n| format!("user{n},client,org1.department1,level={n}:ecert\n");
    let lines: String = (0..count).map(line).collect();
    std::fs::write(&list, format!("id,type,affiliation,attrs\n{lines}")).unwrap();
    let (url, anchor, registrar) = (ca.url(), text(ca.tls_anchor()), text(&office.path("admin")));
    let (list, secrets) = (text(&list), text(&office.path("secrets")));
    let name: Vec<&str> = ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]).collect();
    let args = ["ca", "register", "--from", &list, "--secrets", &secrets, "--url", &url, "--tls-ca", &anchor];
    let args = [&args[..], &["--registrar", &registrar, "--output", "json"], &name].concat();
    let registered = || ca.count_status("register", 201);
    // The identities whose secrets were written last before a kill.
    let mut in_flight = BTreeSet::new();
    for round in 1..=KILLS {
        let mut child = command(&args, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while registered() < round * count / (KILLS + 1) {
            assert!(child.try_wait().unwrap().is_none(), "it was to be killed");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        in_flight.extend(newest(&office.path("secrets"), 4));
    }
    // 6, a CA that did not answer in time, is to be tried again.
    let whole = (0..3).map(|_| fabcert(&args, None)).find(|ran| ran.code != 6).expect("a CA that answers");
    assert_eq!(whole.code, 0, "{whole:?}");
    assert_eq!(registered(), count, "each once");
    let sent = ca.answered().len();
    let again = fabcert(&args, None);
    let all = again.json()["identities"].as_array().unwrap().clone();
    assert!(all.len() == count && all.iter().all(|row| row["action"] == "unchanged"), "{again:?}");
    assert_eq!(ca.answered().len() - sent, 1, "one list");
    in_flight.extend([0, count - 1].map(|n| format!("user{n}")));
    for id in &in_flight {
        assert_eq!(office.enroll(id, &office.secret(&format!("secrets/{id}")), id).code, 0, "{id}");
    }
    let without: Vec<_> = (0..count).filter(|n| office.secret(&format!("secrets/user{n}")).is_empty()).collect();
    assert!(without.is_empty(), "no secret of {without:?}");

    std::fs::write(&list, "id,type\nuser1,peer\n").unwrap();
    let differs = fabcert(&args, None);
    assert!(differs.code == 1 && differs.stdout.contains("type is client, not peer"), "{differs:?}");
    std::fs::write(&list, "id,affiliation\nlast1,nowhere\nlast2,org1\n").unwrap();
    let failed = fabcert(&args, None);
    let actions: Vec<_> = failed.json()["identities"].as_array().unwrap().iter().map(|r| r["action"].clone()).collect();
    assert_eq!((failed.code, actions), (7, vec!["failed".into(), "registered".into()]), "{failed:?}");
    assert!(!office.path("secrets/last1").exists(), "no CA knows that secret");
    std::fs::write(&list, "id,colour\n").unwrap();
    let wrong = fabcert(&args, None);
    assert!(wrong.code == 4 && wrong.stderr.contains("line 1: unknown column"), "{wrong:?}");
}

/// A registrar that cannot sign is an error before a request.
fn a_registrar_that_cannot_sign_sends_nothing(ca: &dyn CaUnderTest) {
    let office = Office::new(ca);
    let sent = ca.answered().len();
    let empty = text(&office.path("nothing"));
    let ran = office.connected(&["ca", "identity", "list"], &["--registrar", &empty], None);
    assert!(ran.code == 4 && ran.stderr.contains("holds no certificate"), "{ran:?}");
    std::fs::remove_dir_all(office.path("admin/keystore")).unwrap();
    let ran = office.ca(&["identity", "list"], &[]);
    assert!(ran.code == 4 && ran.stderr.contains("key of its certificate"), "{ran:?}");
    assert_eq!(ca.answered().len(), sent);
}

/// The same test on both CAs.
macro_rules! on_both {
    ($($check:ident: $real:ident, $dev:ident;)*) => {$(
        #[test]
        fn $real() {
            let Some(ca) = RealCa::builder().start() else { return };
            $check(&ca);
        }

        #[cfg(feature = "dev-ca")]
        #[test]
        fn $dev() {
            $check(&DevCaUnderTest::start(|_| {}, None));
        }
    )*};
}

on_both! {
    a_registration_converges: registrations_converge_on_the_real_ca, registrations_converge_on_the_dev_ca;
    identities_are_changed_and_locked_ones_get_a_new_secret: identities_of_the_real_ca_are_changed, identities_of_the_dev_ca_are_changed;
    affiliations_are_added_with_their_parents: affiliations_of_the_real_ca, affiliations_of_the_dev_ca;
    a_revoked_certificate_is_listed_and_in_the_crl: certificates_of_the_real_ca_are_revoked, certificates_of_the_dev_ca_are_revoked;
    a_registrar_that_cannot_sign_sends_nothing: a_registrar_without_its_key_at_the_real_ca, a_registrar_without_its_key_at_the_dev_ca;
}

/// The real CA takes a minute or two for 500: `FABCERT_TEST_LIST=500`.
#[test]
fn lists_are_registered_at_the_real_ca() {
    let Some(ca) = RealCa::builder().start() else { return };
    let count = std::env::var("FABCERT_TEST_LIST").map_or(150, |count| count.parse().unwrap());
    a_list_is_registered_in_spite_of_kills(&ca, count);
}

#[cfg(feature = "dev-ca")]
#[test]
fn lists_are_registered_at_the_dev_ca() {
    a_list_is_registered_in_spite_of_kills(&DevCaUnderTest::start(|_| {}, None), 500);
}

/// The CA registers and its answer is lost, as where the request of a run that was killed is under way still: the identity has the
/// secret of the file.
#[cfg(feature = "dev-ca")]
#[test]
fn a_registration_with_a_kept_secret_whose_answer_is_lost_is_looked_at() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let office = Office::new(&ca);
    let secret = office.path("kept");
    std::fs::write(&secret, "a-kept-secret\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    ca.running.add_fault(FaultRule::new(Fault::CutBody).on(Endpoint::Register));
    let done = office.json(&["register", ID], &["--secret-out", &text(&secret)]);
    assert_eq!(done["action"], "unchanged", "{done}");
    assert_eq!(office.enroll(ID, &office.secret("kept"), ID).code, 0);
    // Where it would be an error that the identity exists, nobody knows whose it is.
    let other = office.path("other");
    std::fs::copy(&secret, &other).unwrap();
    let ran = office.ca(&["register", "org1-peer8"], &["--secret-out", &text(&other), "--if-exists", "fail"]);
    assert_eq!(ran.code, 6, "{ran:?}");
}
