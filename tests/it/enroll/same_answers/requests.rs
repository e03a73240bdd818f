//! The requests that are sent to both servers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use serde_json::{Value, json};

use super::{ADMIN, Login, Request, basic, csr};

/// All requests with their names, in the order in which they are sent.
pub(super) fn all(key: &KeyPair) -> Vec<(String, Request)> {
    let mut requests = Requests { all: Vec::new(), key };
    requests.paths();
    requests.logins();
    requests.bodies();
    requests.requests();
    requests.reenrolments();
    requests.registrations();
    requests.registrars();
    requests.lock();
    requests.all
}

struct Requests<'a> {
    all: Vec<(String, Request)>,
    /// The public key of every CSR.
    key: &'a KeyPair,
}

fn peer() -> Login {
    basic("org1-peer1", "peerpw")
}

impl Requests<'_> {
    fn add(&mut self, name: &str, method: &'static str, target: &str, login: Login, body: String) {
        self.all.push((name.to_owned(), Request { method, target: target.to_owned(), login, body }));
    }

    /// An enrolment that succeeds.
    fn good(&self) -> Value {
        json!({ "certificate_request": csr("org1-peer1", self.key), "hosts": ["org1-peer1"] })
    }

    /// The same enrolment with one member set.
    fn with(&self, name: &str, value: Value) -> String {
        let mut body = self.good();
        body[name] = value;
        body.to_string()
    }

    /// Paths and methods, and `cainfo`.
    fn paths(&mut self) {
        for (method, target) in [
            ("GET", "/cainfo"),
            ("POST", "/cainfo"),
            ("HEAD", "/cainfo"),
            ("PUT", "/cainfo"),
            ("DELETE", "/cainfo"),
            ("OPTIONS", "/cainfo"),
            ("GET", "/api/v1/cainfo"),
            ("GET", "/cainfo?ca=ca2"),
            ("GET", "/cainfo?ca=none"),
            ("GET", "/cainfo/"),
            ("GET", "//cainfo"),
            ("GET", "/./cainfo"),
            ("GET", "/x/../cainfo"),
            ("GET", "/CAINFO"),
            ("GET", "/"),
            ("GET", "/healthz"),
            ("GET", "/metrics"),
            ("GET", "/version"),
            ("GET", "/enroll"),
            ("GET", "/reenroll"),
            ("GET", "/register"),
            ("PUT", "/identities"),
            ("POST", "/identities/x"),
            ("POST", "/certificates"),
            ("GET", "/revoke"),
            ("GET", "/gencrl"),
            ("GET", "/idemix/credential"),
            ("GET", "/api/v2/cainfo"),
        ] {
            self.add(&format!("{method} {target}"), method, target, Login::Nobody, String::new());
        }
        for (name, body) in [
            ("a CA name", r#"{"caname":"ca2"}"#),
            ("no such CA", r#"{"caname":"none"}"#),
            ("no JSON", "x"),
            ("a list", "[]"),
        ] {
            self.add(&format!("POST /cainfo with {name}"), "POST", "/cainfo", Login::Nobody, body.to_owned());
        }
    }

    /// Registers a peer and authenticates in many ways.
    fn logins(&mut self) {
        let colour = json!({"name": "colour", "value": "blue", "ecert": true});
        let registration = json!({
            "id": "org1-peer1", "secret": "peerpw", "type": "peer", "affiliation": "org1", "max_enrollments": -1, "attrs": [colour],
        });
        self.add("register a peer", "POST", "/register", Login::Token, registration.to_string());
        let good = self.good();
        for (name, login) in [
            ("nobody", Login::Nobody),
            ("a wrong secret", basic("org1-peer1", "wrong")),
            ("an unknown id", basic("nobody", "x")),
            ("no base64", Login::Header("Basic !!".into())),
            ("no colon", Login::Header(format!("Basic {}", BASE64.encode("x")))),
            ("another scheme", Login::Header("Bearer x".into())),
            ("a lower-case scheme", Login::Header(format!("basic {}", BASE64.encode("org1-peer1:peerpw")))),
            ("a token", Login::Token),
            ("the right secret", peer()),
        ] {
            self.add(&format!("enroll by {name}"), "POST", "/enroll", login, good.to_string());
        }
    }

    /// Bodies of an enrolment: invalid JSON, invalid CSRs, unknown profiles and CAs.
    fn bodies(&mut self) {
        let good = self.good();
        for (name, body) in [
            ("an empty body", String::new()),
            ("no CSR", "{}".into()),
            ("null", "null".into()),
            ("a list", "[]".into()),
            ("a text", "\"x\"".into()),
            ("cut JSON", "{\"certificate_request\":".into()),
            ("bytes behind the JSON", format!("{good} x")),
            ("a BOM", format!("\u{feff}{good}")),
            ("a CSR that is a number", self.with("certificate_request", json!(1))),
            ("a CSR that is not PEM", self.with("certificate_request", json!("x"))),
            (
                "a CSR that is not DER",
                self.with(
                    "certificate_request",
                    json!("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
                ),
            ),
            ("a CSR of another id", self.with("certificate_request", json!(csr("org1-peer2", self.key)))),
            ("an unknown member", self.with("nonsense", json!(true))),
            ("an unknown profile", self.with("profile", json!("none"))),
            ("the profile tls", self.with("profile", json!("tls"))),
            ("the profile ca", self.with("profile", json!("ca"))),
            ("a CA name", self.with("caname", json!("org1-ca"))),
            ("another CA's name", self.with("caname", json!("ca2"))),
            ("no such CA", self.with("caname", json!("none"))),
        ] {
            self.add(&format!("enroll with {name}"), "POST", "/enroll", peer(), body);
        }
    }

    /// The members of an enrolment request.
    fn requests(&mut self) {
        for (name, body) in [
            ("no hosts", self.with("hosts", json!([]))),
            ("hosts null", self.with("hosts", json!(null))),
            ("hosts that are a text", self.with("hosts", json!("a,b"))),
            (
                "hosts of every type",
                self.with("hosts", json!(["a.example", "10.0.0.1", "::1", "a@b.example", "https://a/b"])),
            ),
            (
                "hosts that are not names",
                self.with("hosts", json!(["a b", "", "*.a", "a:7054", "10.0.0.1:1", "a/b", "x y@z", "a_b"])),
            ),
            ("a host beyond ASCII", self.with("hosts", json!(["ä.example"]))),
            ("an attribute that it has", self.with("attr_reqs", json!([{"name": "colour"}]))),
            ("an attribute that it has not", self.with("attr_reqs", json!([{"name": "none"}]))),
            ("an optional one that it has not", self.with("attr_reqs", json!([{"name": "none", "optional": true}]))),
            ("no attributes", self.with("attr_reqs", json!([]))),
            ("a start", self.with("notbefore", json!("2020-01-01T00:00:00Z"))),
            ("a start that is not a time", self.with("notbefore", json!("tomorrow"))),
            ("an end before the start", self.with("notafter", json!("2001-01-01T00:00:00Z"))),
            ("a subject", self.with("subject", json!({"CN": "x", "names": [{"O": "x"}]}))),
            ("a label", self.with("label", json!("x"))),
            ("a serial number", self.with("serial", json!(7))),
            ("extensions", self.with("extensions", json!([]))),
            ("a long host", self.with("hosts", json!(["a".repeat(300)]))),
        ] {
            self.add(&format!("enroll with {name}"), "POST", "/enroll", peer(), body);
        }
        let p384 = KeyPair::generate(KeyAlgorithm::P384).unwrap();
        self.add(
            "enroll with a P-384 key",
            "POST",
            "/enroll",
            peer(),
            self.with("certificate_request", json!(csr("org1-peer1", &p384))),
        );
    }

    /// Enrolments by token.
    fn reenrolments(&mut self) {
        let reenroll = json!({ "certificate_request": csr(ADMIN.0, self.key), "hosts": ["x"] }).to_string();
        for (name, login, body) in [
            ("nobody", Login::Nobody, reenroll.clone()),
            ("a secret", basic(ADMIN.0, ADMIN.1), reenroll.clone()),
            ("no token", Login::Header("x".into()), reenroll.clone()),
            ("a bad token", Login::Header("x.y".into()), reenroll.clone()),
            ("a token", Login::Token, reenroll),
            ("a token and no body", Login::Token, String::new()),
            ("a token for another id", Login::Token, json!({ "certificate_request": csr("x", self.key) }).to_string()),
        ] {
            self.add(&format!("reenroll by {name}"), "POST", "/reenroll", login, body);
        }
    }

    /// The members of a registration.
    fn registrations(&mut self) {
        for (name, body) in [
            ("nothing", Value::Null),
            ("no id", json!({})),
            ("an id alone", json!({"id": "r1", "secret": "s"})),
            ("an id once more", json!({"id": "r1", "secret": "s"})),
            ("a type", json!({"id": "r2", "secret": "s", "type": "peer", "affiliation": "org1"})),
            ("an unknown type", json!({"id": "r3", "secret": "s", "type": "something"})),
            ("an unknown affiliation", json!({"id": "r4", "secret": "s", "affiliation": "nowhere"})),
            ("the root affiliation", json!({"id": "r5", "secret": "s", "affiliation": "."})),
            ("an attribute", json!({"id": "r6", "secret": "s", "attrs": [{"name": "a", "value": "b", "ecert": true}]})),
            ("a reserved attribute", json!({"id": "r7", "secret": "s", "attrs": [{"name": "hf.Type", "value": "x"}]})),
            ("an unknown reserved one", json!({"id": "r8", "secret": "s", "attrs": [{"name": "hf.x", "value": "x"}]})),
            ("an invalid boolean", json!({"id": "r9", "secret": "s", "attrs": [{"name": "hf.Revoker", "value": "x"}]})),
            ("a limit", json!({"id": "r10", "secret": "s", "max_enrollments": 2})),
            ("a limit below -1", json!({"id": "r11", "secret": "s", "max_enrollments": -2})),
            ("a long secret", json!({"id": "r12", "secret": "s".repeat(73)})),
            ("a CA name", json!({"id": "r13", "secret": "s", "caname": "org1-ca"})),
        ] {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            self.add(&format!("register with {name}"), "POST", "/register", Login::Token, body);
        }
        self.add(
            "register by a secret",
            "POST",
            "/register",
            basic(ADMIN.0, ADMIN.1),
            json!({"id": "r14"}).to_string(),
        );
    }

    /// The other requests of a registrar.
    fn registrars(&mut self) {
        for (method, target, body) in [
            ("GET", "/identities", ""),
            ("GET", "/identities/r2", ""),
            ("GET", "/identities/none", ""),
            ("PUT", "/identities/r2", r#"{"secret":"t"}"#),
            ("PUT", "/identities/r2", r#"{"affiliation":"nowhere"}"#),
            ("PUT", "/identities/r2", "{}"),
            ("PUT", "/identities/none", r#"{"secret":"t"}"#),
            ("DELETE", "/identities/r2", ""),
            ("POST", "/identities", r#"{"id":"i1","secret":"s"}"#),
            ("GET", "/certificates?id=none", ""),
            ("GET", "/certificates?id=org1-peer1&revoked_start=x", ""),
            ("DELETE", "/certificates", ""),
            ("GET", "/affiliations", ""),
            ("GET", "/affiliations/org1", ""),
            ("POST", "/affiliations", r#"{"name":"org3"}"#),
            ("DELETE", "/affiliations/org2", ""),
            ("POST", "/revoke", r#"{"id":"r1"}"#),
            ("POST", "/gencrl", "{}"),
            ("POST", "/gencrl", ""),
            ("POST", "/revoke", ""),
            ("POST", "/revoke", "{}"),
            ("POST", "/revoke", r#"{"id":"nobody"}"#),
            ("POST", "/revoke", r#"{"serial":"ab","aki":"cd"}"#),
            ("GET", "/affiliations/none", ""),
            ("POST", "/affiliations", r#"{"name":"org1"}"#),
            ("POST", "/affiliations", r#"{"name":"org5.a"}"#),
            ("POST", "/affiliations?force=true", r#"{"name":"org5.a"}"#),
            ("PUT", "/affiliations/org5.a", r#"{"name":"org5.b"}"#),
            ("PUT", "/affiliations/none", r#"{"name":"org6"}"#),
            ("POST", "/idemix/credential", "{}"),
            ("POST", "/idemix/cri", "{}"),
        ] {
            self.add(
                &format!("{method} {target}{}{body}", if body.is_empty() { "" } else { " " }),
                method,
                target,
                Login::Token,
                body.to_owned(),
            );
        }
    }

    /// Wrong secrets until the identity is locked; these requests come last.
    fn lock(&mut self) {
        let good = self.good();
        for i in 1..=11 {
            self.add(&format!("wrong secret {i}"), "POST", "/enroll", basic("org1-peer1", "wrong"), good.to_string());
        }
        self.add("the right secret of a locked identity", "POST", "/enroll", peer(), good.to_string());
    }
}
