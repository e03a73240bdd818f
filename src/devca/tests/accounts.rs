//! Secrets, limits, the lock, registration and changes to identities.

use serde_json::{Value, json};

use super::client::{Member, basic, csr, enroll, new_key, post_enroll, send};
use super::{NOW, plain, start, start_with_peer};
use crate::devca::{DevCaConfig, Endpoint, IdentitySpec};

const WRONG: (u16, i64) = (401, 20);
const LOCKED: (u16, i64) = (401, 73);

#[test]
fn ten_wrong_secrets_lock_until_a_registrar_sets_a_new_one() {
    let ca = start_with_peer();
    for _ in 0..9 {
        assert_eq!(enroll(&ca, "peer0", "nope", json!({})).verdict(), WRONG);
    }
    assert_eq!(enroll(&ca, "peer0", "peer0pw", json!({})).status, 201);
    assert_eq!(ca.wrong_secrets("rootca", "peer0"), Some(0));
    for _ in 0..10 {
        assert_eq!(enroll(&ca, "peer0", "nope", json!({})).verdict(), WRONG);
    }
    let reply = enroll(&ca, "peer0", "peer0pw", json!({}));
    assert_eq!(reply.verdict(), LOCKED);
    assert_eq!(reply.message(), "Incorrect password entered 10 times, max incorrect password limit of 10 reached");
    let admin = Member::enroll(&ca, "admin", "adminpw");
    let path = "/api/v1/identities/peer0";
    assert_eq!(admin.send(&ca, "PUT", path, &json!({"type": "peer"})).status, 200);
    assert_eq!(enroll(&ca, "peer0", "peer0pw", json!({})).verdict(), LOCKED);
    let reply = admin.send(&ca, "PUT", path, &json!({"secret": "second"}));
    assert_eq!((reply.status, &reply.json()["result"]["secret"]), (200, &json!("second")));
    assert_eq!(enroll(&ca, "peer0", "second", json!({})).status, 201);
}

#[test]
fn a_bad_csr_with_a_correct_secret_counts_no_enrolment() {
    let ca = start(plain().with_identity(IdentitySpec::new("one", "onepw", "client").limited_to(1)));
    let bad = json!({"certificate_request": "x"});
    assert_eq!(post_enroll(&ca, "one", "nope", &bad).verdict(), WRONG);
    assert_eq!(post_enroll(&ca, "one", "onepw", &bad).verdict(), (400, 31));
    assert_eq!(ca.enrollments("rootca", "one"), Some(0));
    assert_eq!(enroll(&ca, "one", "onepw", json!({})).status, 201);
    assert_eq!(enroll(&ca, "one", "onepw", json!({})).verdict(), WRONG);
    assert_eq!(ca.enrollments("rootca", "one"), Some(1));
    assert_eq!(ca.wrong_secrets("rootca", "one"), Some(0));
}

#[test]
fn every_authentication_failure_of_basic_looks_the_same() {
    let mut config = plain();
    config.max_enrollments = 0;
    let closed = start(config);
    assert_eq!(enroll(&closed, "admin", "adminpw", json!({})).verdict(), WRONG);

    let ca = start_with_peer();
    ca.revoke("peer0").unwrap();
    assert_eq!(enroll(&ca, "peer0", "peer0pw", json!({})).verdict(), WRONG);
    assert_eq!(enroll(&ca, "nobody", "pw", json!({})).verdict(), WRONG);
    for header in ["Bearer x", "Basic !", "Basic bm9jb2xvbg=="] {
        assert_eq!(send(&ca, "POST", "/enroll", &[("Authorization", header)], b"{}").verdict(), WRONG, "{header}");
    }
    assert_eq!(send(&ca, "POST", "/enroll", &[("Authorization", "")], b"{}").verdict(), (401, 2));
}

#[test]
fn the_ca_is_looked_up_before_and_the_body_read_after_the_secret() {
    let ca = start_with_peer();
    let auth = basic("peer0", "nope");
    let post = |target: &str, body: &[u8]| send(&ca, "POST", target, &[("Authorization", &auth)], body).verdict();
    assert_eq!(post("/enroll?ca=other", b"{}"), (404, 19));
    assert_eq!(post("/enroll", b"{"), (400, 5));
    assert_eq!(post("/enroll", b""), WRONG);
    let good = basic("peer0", "peer0pw");
    assert_eq!(send(&ca, "POST", "/enroll", &[("Authorization", &good)], b"").verdict(), (400, 4));
}

#[test]
fn a_registered_identity_enrols_with_its_secret() {
    let ca = start_with_peer();
    let admin = Member::enroll(&ca, "admin", "adminpw");
    let reply = admin.send(&ca, "POST", "/register", &json!({"id": "a b", "type": "client", "affiliation": "org1"}));
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("Location"), Some("/api/v1/identities/a%20b"));
    let secret = reply.json()["result"]["secret"].as_str().unwrap().to_owned();
    assert!(secret.len() == 12 && secret.bytes().all(|b| b.is_ascii_alphabetic()), "{secret}");
    assert_eq!(enroll(&ca, "a b", &secret, json!({})).status, 201);
    assert_eq!(admin.send(&ca, "GET", "/identities/a%20b", &Value::Null).status, 200);
    assert_eq!(ca.count_answered(Endpoint::Register, 201), 1);
}

#[test]
fn registration_is_refused_as_by_the_real_server() {
    let ca = start_with_peer();
    let admin = Member::enroll(&ca, "admin", "adminpw");
    let peer = Member::enroll(&ca, "peer0", "peer0pw");
    let register = |who: &Member, body: Value| who.send(&ca, "POST", "/register", &body).verdict();
    assert_eq!(register(&peer, json!({"id": "x"})), (403, 71));
    assert_eq!(register(&admin, json!({"id": "x", "affiliation": "nowhere"})), (403, 71));
    assert_eq!(register(&admin, json!({"id": "x", "attrs": [{"name": "hf.Own", "value": "1"}]})), (403, 71));
    assert_eq!(register(&admin, json!({"id": "x", "attrs": [{"name": "hf.Type", "value": "1"}]})), (403, 71));
    assert_eq!(register(&admin, json!({"id": "x", "attrs": [{"name": "hf.Revoker", "value": "yes"}]})), (403, 71));
    assert_eq!(register(&admin, json!({"id": "x", "max_enrollments": -2})), (400, 82));
    assert_eq!(register(&admin, json!({"id": "x", "secret": "s".repeat(73)})), (500, 0));
    assert_eq!(register(&admin, json!({"id": "x", "max_enrollments": "1"})), (400, 5));
    assert_eq!(register(&admin, json!({"id": "x", "attrs": [{"name": "hf.Revoker", "value": "true"}]})), (201, -1));
    // The body is read before authentication.
    assert_eq!(send(&ca, "POST", "/register", &[], b"").verdict(), (400, 4));
    assert_eq!(send(&ca, "POST", "/register", &[], b"{}").verdict(), (401, 2));
}

#[test]
fn an_identity_is_changed_member_by_member() {
    let ca = start_with_peer();
    let admin = Member::enroll(&ca, "admin", "adminpw");
    let put = |body: Value| admin.send(&ca, "PUT", "/identities/peer0", &body);
    let changed = put(json!({"attrs": [{"name": "a", "value": "1"}], "max_enrollments": 3, "affiliation": "."})).json();
    assert_eq!(changed["result"]["max_enrollments"], 3);
    assert_eq!(changed["result"]["affiliation"], "");
    let names = |reply: &Value| -> Vec<String> {
        let attrs = reply["result"]["attrs"].as_array().unwrap();
        attrs.iter().map(|a| a["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names(&changed).contains(&"a".to_owned()));
    assert!(!names(&put(json!({"attrs": [{"name": "a", "value": ""}]})).json()).contains(&"a".to_owned()));
    assert_eq!(put(json!({"max_enrollments": -2})).json()["result"].get("max_enrollments"), None, "0 is omitted");
    assert_eq!(put(json!({"affiliation": "nowhere"})).verdict(), (400, 58));
    assert_eq!(put(json!({"secret": "s".repeat(73)})).verdict(), (500, 0));
    assert_eq!(put(json!({"attrs": [{"name": "hf.Type", "value": "x"}]})).verdict(), (403, 71));
}

#[test]
fn the_list_of_identities_answers_201_after_the_first_addition() {
    let ca = start_with_peer();
    let admin = Member::enroll(&ca, "admin", "adminpw");
    let list = || admin.send(&ca, "GET", "/identities", &Value::Null).status;
    assert_eq!(list(), 200);
    assert_eq!(admin.send(&ca, "POST", "/identities", &json!({"id": ""})).verdict(), (400, 52));
    assert_eq!(list(), 201);
    let added = admin.send(&ca, "POST", "/identities", &json!({"id": "n", "secret": "s", "type": "client"}));
    assert_eq!((added.status, added.header("Location")), (201, Some("/api/v1/identities/n")));
    assert_eq!(added.json()["result"]["secret"], "s");
}

#[test]
fn a_registrar_acts_only_below_its_affiliation() {
    let registrar = IdentitySpec::new("reg", "regpw", "client")
        .at("org1")
        .with_attribute("hf.Registrar.Roles", "peer,client", false)
        .with_attribute("hf.Registrar.Attributes", "app.*", false);
    let ca = start(plain().with_identity(registrar));
    let registrar = Member::enroll(&ca, "reg", "regpw");
    let register = |body: Value| registrar.send(&ca, "POST", "/register", &body).verdict();
    assert_eq!(register(json!({"id": "a", "type": "peer", "affiliation": "org1.department1"})), (201, -1));
    assert_eq!(register(json!({"id": "b", "type": "peer", "affiliation": "org2"})), (403, 71));
    assert_eq!(register(json!({"id": "b", "type": "orderer"})), (403, 71));
    assert_eq!(register(json!({"id": "b", "attrs": [{"name": "app.x", "value": "1"}]})), (201, -1));
    assert_eq!(register(json!({"id": "c", "attrs": [{"name": "own", "value": "1"}]})), (403, 71));
    assert_eq!(registrar.send(&ca, "GET", "/identities/admin", &Value::Null).verdict(), (403, 71));
    assert_eq!(registrar.send(&ca, "GET", "/identities/nobody", &Value::Null).verdict(), (404, 63));
}

#[test]
fn identities_and_certificates_are_listed_only_to_a_registrar() {
    let ca = start_with_peer();
    let admin = Member::enroll(&ca, "admin", "adminpw");
    let peer = Member::enroll(&ca, "peer0", "peer0pw");
    let ids = admin.send(&ca, "GET", "/identities", &Value::Null).json();
    let ids: Vec<&str> =
        ids["result"]["identities"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["admin", "peer0"]);
    let certs = admin.send(&ca, "GET", "/certificates?id=peer0", &Value::Null).json();
    assert_eq!(certs["result"]["certs"], json!([{"PEM": peer.pem}]));
    assert_eq!(peer.send(&ca, "GET", "/identities", &Value::Null).verdict(), (403, 71));
    assert_eq!(peer.send(&ca, "GET", "/certificates", &Value::Null).verdict(), (403, 71));
    assert_eq!(admin.send(&ca, "DELETE", "/identities/peer0", &Value::Null).verdict(), (403, 56));
}

#[test]
fn cas_on_one_port_have_their_own_identities_and_tokens() {
    let mut config = plain();
    config.ca_names = vec!["ca1".to_owned(), "ca2".to_owned()];
    let ca = start(config);
    let first = Member::enroll(&ca, "admin", "adminpw");
    let register = |target: &str, body: &Value| first.send(&ca, "POST", target, body).verdict();
    assert_eq!(register("/register", &json!({"id": "x", "secret": "xpw"})), (201, -1));
    assert_eq!(register("/register?ca=ca2", &json!({"id": "y"})), WRONG);
    assert_eq!(register("/register", &json!({"id": "y", "CANAME": "ca2"})), WRONG);
    assert_eq!(register("/register?ca=ca1", &json!({"id": "y", "caname": "ca2"})), (201, -1));
    assert_eq!(register("/register?ca=", &json!({"id": "z"})), (201, -1));
    assert_eq!(register("/register?ca=CA1", &json!({"id": "y"})), (404, 19));
    assert_eq!(enroll(&ca, "x", "xpw", json!({"caname": "ca2"})).verdict(), WRONG);
    assert_ne!(ca.chain_pem_of("ca1"), ca.chain_pem_of("ca2"));
}

#[test]
fn the_state_file_keeps_keys_counts_locks_and_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let config = || -> DevCaConfig {
        let mut config = plain().with_identity(IdentitySpec::new("peer0", "peer0pw", "peer").limited_to(2));
        config.state = Some(path.clone());
        config.intermediates = 1;
        config
    };
    let (chain, member) = {
        let ca = start(config());
        assert_eq!(enroll(&ca, "peer0", "nope", json!({})).verdict(), WRONG);
        let member = Member::enroll(&ca, "peer0", "peer0pw");
        assert_eq!(enroll(&ca, "admin", "nope", json!({})).verdict(), WRONG);
        (ca.chain_pem(), member)
    };
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("peer0pw") && !text.contains("adminpw"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let ca = start(config());
    assert_eq!(ca.chain_pem(), chain);
    assert_eq!(ca.wrong_secrets("rootca", "admin"), Some(1));
    assert_eq!(member.reenroll(&ca, "peer0").status, 201);
    assert_eq!(enroll(&ca, "peer0", "peer0pw", json!({})).status, 201);
    assert_eq!(enroll(&ca, "peer0", "peer0pw", json!({})).verdict(), WRONG);
    assert_eq!(ca.issued("peer0").len(), 3);
}

#[test]
fn a_file_that_is_not_a_state_file_is_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.json");
    let mut file = std::fs::File::create(&path).unwrap();
    std::io::Write::write_all(&mut file, b"{\"mine\":1}").unwrap();
    let mut config = DevCaConfig::new(|| NOW);
    config.state = Some(path.clone());
    let error = crate::devca::DevCa::spawn_thread(config).unwrap_err();
    assert!(error.to_string().contains("other.json"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"{\"mine\":1}");
}

#[test]
fn a_csr_for_another_id_is_refused() {
    let ca = start_with_peer();
    let body = json!({"certificate_request": csr("Peer0", &[], &new_key())});
    assert_eq!(post_enroll(&ca, "peer0", "peer0pw", &body).verdict(), (403, 77));
    let body = json!({"certificate_request": csr("peer0", &[], &new_key()), "subject": {"CN": ""}});
    assert_eq!(post_enroll(&ca, "peer0", "peer0pw", &body).verdict(), (403, 77));
}
