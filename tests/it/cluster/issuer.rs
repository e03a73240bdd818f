//! `fabcert issuer` behind cert-manager's own controllers, at a real API server and a real Fabric CA.

use std::fs;
use std::process::Child;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fabcert::Timestamp;
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use fabcert::pki::name::server_name;
use fabcert::pki::x509::{Cert, Csr, CsrSpec, SubjectFields};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::api_server::Namespace;
use super::cert_manager::{self, create_certificate, is_true, requests, wait_for};
use crate::command::fabcert;
use crate::real::{CaUnderTest, RealCa, Registration, oracle};

/// A running `fabcert issuer` for one namespace, and its CA.
pub(super) struct Issuer<'a> {
    pub(super) namespace: &'a Namespace,
    process: Child,
}

impl Drop for Issuer<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The path of objects of a group in the namespace.
pub(super) fn path(namespace: &Namespace, group: &str, plural: &str) -> String {
    format!("/apis/{group}/namespaces/{}/{plural}", namespace.name())
}

/// Teaches the API server the kinds, once.
pub(super) fn define_kinds(namespace: &Namespace) {
    static DEFINED: OnceLock<()> = OnceLock::new();
    DEFINED.get_or_init(|| {
        let ran = fabcert(&["issuer", "crds"], None);
        assert_eq!(ran.code, 0, "{ran:?}");
        for definition in ran.stdout.split("---\n").filter(|text| !text.is_empty()) {
            let name = definition.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap();
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
            namespace.apply(&path, definition.to_owned());
        }
        wait_for("the kinds of fabcert", || {
            let kinds = namespace.object("/apis/fabcert.dev/v1alpha1")?;
            (kinds["resources"].as_array()?.len() >= 4).then_some(())
        });
    });
}

/// The spec of an issuer at the CA, for these identities: ids with their types, whose secret is `pw`.
pub(super) fn spec(namespace: &Namespace, ca: &dyn CaUnderTest, identities: &[(&str, Option<&str>)]) -> Value {
    let pem = fs::read_to_string(ca.tls_anchor()).unwrap();
    let identity = |(id, kind): &(&str, Option<&str>)| {
        namespace.post_secret(&json!({"metadata": {"name": format!("{id}-secret")}, "stringData": {"secret": "pw"}}));
        let mut identity = json!({"id": id, "secretRef": {"name": format!("{id}-secret")}});
        if let Some(kind) = kind {
            identity["type"] = (*kind).into();
        }
        identity
    };
    let identities: Vec<Value> = identities.iter().map(identity).collect();
    let mut spec = json!({"url": ca.url(), "tlsCa": {"pem": pem}, "identities": identities});
    ca.ca_name().iter().for_each(|name| spec["caName"] = (*name).into());
    spec
}

/// Creates the issuer `org1`, and starts `fabcert issuer`.
pub(super) fn start<'a>(namespace: &'a Namespace, spec: &Value) -> Issuer<'a> {
    create(namespace, spec);
    run(namespace)
}

/// Creates the issuer `org1`.
fn create(namespace: &Namespace, spec: &Value) {
    define_kinds(namespace);
    let issuer = json!({"apiVersion": "fabcert.dev/v1alpha1", "kind": "FabricCAIssuer",
        "metadata": {"name": "org1"}, "spec": spec});
    namespace.post(&path(namespace, "fabcert.dev/v1alpha1", "fabriccaissuers"), &issuer);
}

/// Starts `fabcert issuer`.
pub(super) fn run(namespace: &Namespace) -> Issuer<'_> {
    run_with(namespace, &[], "issuer.log")
}

/// Starts it with more arguments; its log goes to the file `log`.
fn run_with<'a>(namespace: &'a Namespace, more: &[&str], log: &str) -> Issuer<'a> {
    let args = [&["issuer", "--k8s-namespace", namespace.name(), "-v"][..], more].concat();
    let process = namespace.command(&args, "", log).spawn().unwrap();
    Issuer { namespace, process }
}

impl Issuer<'_> {
    /// The issuer, once it has this status.
    pub(super) fn is_ready(&self) {
        let path = path(self.namespace, "fabcert.dev/v1alpha1", "fabriccaissuers/org1");
        wait_for("the issuer is ready", || is_true(&self.namespace.object(&path)?, "Ready").then_some(()));
    }

    /// Ends it as the kubelet does; returns its exit code.
    pub(super) fn end(mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.process.wait().unwrap().code()
    }
}

pub(super) fn reference() -> Value {
    json!({"group": "fabcert.dev", "kind": "FabricCAIssuer", "name": "org1"})
}

/// A key and a CSR.
pub(super) fn csr(id: &str, names: &[&str]) -> String {
    csr_of(&KeyPair::generate(KeyAlgorithm::P256).unwrap(), id, names)
}

pub(super) fn csr_of(key: &KeyPair, id: &str, names: &[&str]) -> String {
    let sans: Vec<_> = names.iter().map(|name| server_name(name)).collect();
    let spec = CsrSpec { enrollment_id: id, sans: &sans, subject: &SubjectFields::default() };
    Csr::build(&spec, key).unwrap().to_pem()
}

/// Creates a request by hand, as cert-manager would, whose approver approves it.
pub(super) fn request(namespace: &Namespace, name: &str, csr: &str, change: &Value) {
    let mut spec = json!({"issuerRef": reference(), "request": STANDARD.encode(csr),
        "usages": ["digital signature", "server auth", "client auth"]});
    for (key, value) in change.as_object().unwrap() {
        spec[key] = value.clone();
    }
    let body = json!({"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
        "metadata": {"name": name}, "spec": spec});
    let all = path(namespace, "cert-manager.io/v1", "certificaterequests");
    namespace.post(&all, &body);
}

/// Gives a request this condition alone.
pub(super) fn condition(namespace: &Namespace, name: &str, kind: &str) {
    let condition = json!({"type": kind, "status": "True", "reason": "Test", "message": "by the test"});
    let path = path(namespace, "cert-manager.io/v1", &format!("certificaterequests/{name}/status"));
    namespace.merge(&path, &json!({"status": {"conditions": [condition]}}));
}

/// The condition `Ready` of a request, once it has one of these reasons.
pub(super) fn ready(namespace: &Namespace, name: &str, reasons: &[&str]) -> Value {
    let path = path(namespace, "cert-manager.io/v1", &format!("certificaterequests/{name}"));
    wait_for(&format!("{name} is {reasons:?}"), || {
        let request = namespace.object(&path)?;
        let conditions = request["status"]["conditions"].as_array()?.clone();
        conditions.into_iter().find(|c| c["type"] == "Ready" && reasons.iter().any(|reason| c["reason"] == *reason))
    })
}

/// The content of a Secret's key.
pub(super) fn content(secret: &Value, key: &str) -> Vec<u8> {
    STANDARD.decode(secret["data"][key].as_str().unwrap_or_else(|| panic!("no {key} in {secret}"))).unwrap()
}

/// The Secret of a Certificate, once it has this revision.
fn issued(namespace: &Namespace, name: &str, revision: u64) -> Value {
    let path = path(namespace, "cert-manager.io/v1", &format!("certificates/{name}"));
    wait_for(&format!("revision {revision} of {name}"), || {
        let certificate = namespace.object(&path)?;
        let is_there = certificate["status"]["revision"] == revision && is_true(&certificate, "Ready");
        is_there.then(|| namespace.secret(&format!("{name}-tls")))?
    })
}

/// Has cert-manager renew a Certificate, as `cmctl renew` does.
fn renew(namespace: &Namespace, name: &str) {
    let path = path(namespace, "cert-manager.io/v1", &format!("certificates/{name}"));
    let mut conditions = namespace.object(&path).unwrap()["status"]["conditions"].as_array().unwrap().clone();
    conditions.retain(|condition| condition["type"] != "Issuing");
    conditions.push(json!({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "renew"}));
    namespace.merge(&format!("{path}/status"), &json!({"status": {"conditions": conditions}}));
}

/// A peer whose enrolments are used up with the first one gets eleven certificates for eleven keys.
#[test]
fn a_certificate_becomes_a_secret_and_is_renewed_ten_times() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().intermediates(1).start(), Namespace::create("cm-issued"))
    else {
        return;
    };
    let Some(()) = cert_manager::start(&namespace) else { return };
    ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer("peer1", "pw") });
    let enrolled = ca.count("enroll");
    let issuer = start(&namespace, &spec(&namespace, &ca, &[("peer1", Some("peer"))]));
    issuer.is_ready();
    create_certificate(&namespace, "peer1", &reference(), &json!({}));
    let secret = issued(&namespace, "peer1", 1);
    let mut keys = vec![content(&secret, "tls.key")];
    for revision in 2..=11 {
        renew(&namespace, "peer1");
        keys.push(content(&issued(&namespace, "peer1", revision), "tls.key"));
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 11, "cert-manager makes a new key for each");
    assert_eq!((ca.count("enroll") - enrolled, ca.count("reenroll")), (1, 11));

    let secret = namespace.secret("peer1-tls").unwrap();
    let files = ["tls.crt", "tls.key", "ca.crt"].map(|key| {
        fs::write(namespace.path(key), content(&secret, key)).unwrap();
        namespace.path(key)
    });
    let served = oracle::serves_under(&files[0], &files[1], &files[2], "org1-peer-gateway-svc");
    assert!(served.is_some_and(|verdict| verdict.accept));

    let chain = namespace.object(&format!("/api/v1/namespaces/{}/configmaps/org1-chain", namespace.name())).unwrap();
    let root = Cert::all_from_pem(chain["data"]["root.pem"].as_str().unwrap().as_bytes()).unwrap();
    assert!(root[0].is_self_signed() && chain["data"]["intermediate-1.pem"].is_string());
    let events = namespace.object(&format!("/api/v1/namespaces/{}/events", namespace.name())).unwrap();
    let is_ours = |event: &&Value| event["source"]["component"] == "fabcert-issuer" && event["reason"] == "Issued";
    assert_eq!(events["items"].as_array().unwrap().iter().filter(is_ours).count(), 11);
    assert_eq!(issuer.end(), Some(143));
    let log = fs::read_to_string(namespace.path("issuer.log")).unwrap();
    assert!(!log.contains("PRIVATE KEY") && !log.contains("\"pw\""), "{log}");
}

/// The CA dates certificates back to its own start where no start is requested; cert-manager then renews at once, for ever.
#[test]
fn a_ca_that_is_three_years_old_gives_one_request() {
    let old = RealCa::builder().root_age(Duration::from_secs(3 * 365 * 86_400)).start();
    let (Some(ca), Some(namespace)) = (old, Namespace::create("cm-old")) else { return };
    let Some(()) = cert_manager::start(&namespace) else { return };
    ca.register(&Registration::peer("peer1", "pw"));
    let _issuer = start(&namespace, &spec(&namespace, &ca, &[("peer1", None)]));
    create_certificate(&namespace, "peer1", &reference(), &json!({"duration": "720h"}));
    issued(&namespace, "peer1", 1);
    let certificate = namespace.object(&path(&namespace, "cert-manager.io/v1", "certificates/peer1")).unwrap();
    let renewal = Timestamp::parse_rfc3339(certificate["status"]["renewalTime"].as_str().unwrap()).unwrap();
    let left = renewal.seconds_since(crate::enroll::faults::now());
    assert!(left > 100 * 86_400, "renewed in {left} s");
    // Whatever cert-manager would begin at once is begun by the time that another Certificate is issued.
    create_certificate(&namespace, "peer2", &reference(), &json!({"commonName": "peer1"}));
    issued(&namespace, "peer2", 1);
    let all = requests(&namespace, "peer1");
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(is_true(&all[0], "DurationIgnored"), "{all:?}");
    assert_eq!(ca.count("reenroll"), 2);
}

/// Nobody has registered the id: the registrar does, once, with a secret that nobody learns.
#[test]
fn a_registrar_registers_what_is_allowed() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("cm-registrar")) else { return };
    let Some(()) = cert_manager::start(&namespace) else { return };
    let (url, anchor) = (ca.url(), ca.tls_anchor().display().to_string());
    let msp = namespace.path("registrar").display().to_string();
    let mut args =
        vec!["enroll", "--url", &url, "--tls-ca", &anchor, "--id", "admin", "--msp-dir", &msp, "--no-node-ous"];
    args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
    let ran = fabcert(&args, Some("adminpw"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let read = |folder: &str| {
        let file = fs::read_dir(namespace.path("registrar").join(folder)).unwrap().next().unwrap().unwrap();
        fs::read_to_string(file.path()).unwrap()
    };
    namespace.post_secret(&json!({"metadata": {"name": "registrar"},
        "stringData": {"tls.crt": read("signcerts"), "tls.key": read("keystore")}}));
    ca.register(&Registration::peer("peer0", "somebody-elses"));
    let mut spec = spec(&namespace, &ca, &[]);
    spec["registrar"] = json!({"secretRef": {"name": "registrar"}, "affiliation": "org1"});
    spec["allow"] = json!([{"ids": ["peer*"], "types": ["peer"]}]);
    let before = (ca.count("register"), ca.count("enroll"));
    let issuer = start(&namespace, &spec);
    issuer.is_ready();
    request(&namespace, "new", &csr("peer7", &["peer7"]), &json!({}));
    ready(&namespace, "new", &["Issued"]);
    request(&namespace, "again", &csr("peer7", &["peer7"]), &json!({}));
    ready(&namespace, "again", &["Issued"]);
    assert_eq!((ca.count("register"), ca.count("enroll")), (before.0 + 1, before.1 + 1));
    request(&namespace, "known", &csr("peer0", &["a"]), &json!({}));
    let message = ready(&namespace, "known", &["Failed"])["message"].to_string();
    assert!(message.contains("give its enrolment secret"), "{message}");
    request(&namespace, "boss", &csr("admin", &["a"]), &json!({}));
    assert!(ready(&namespace, "boss", &["Failed"])["message"].to_string().contains("no rule of spec.allow"));
    assert_eq!(ca.count("enroll"), before.1 + 1, "nobody's secret was tried");
}

/// Two replicas: one acts, and the other one takes over when the first is killed.
#[test]
fn one_of_two_processes_acts() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("cm-replicas")) else { return };
    let Some(()) = cert_manager::start(&namespace) else { return };
    ca.register(&Registration::peer("peer1", "pw"));
    create(&namespace, &spec(&namespace, &ca, &[("peer1", None)]));
    let holds = |log: &str| {
        let text = fs::read_to_string(namespace.path(log)).unwrap_or_default();
        text.contains("took the Lease").then_some(())
    };
    let first = run_with(&namespace, &["--leader-elect"], "first.log");
    wait_for("the first holds the Lease", || holds("first.log"));
    let _second = run_with(&namespace, &["--leader-elect"], "second.log");
    request(&namespace, "one", &csr("peer1", &["peer1"]), &json!({}));
    ready(&namespace, "one", &["Issued"]);
    assert_eq!(holds("second.log"), None);
    drop(first);
    request(&namespace, "two", &csr("peer1", &["peer1"]), &json!({}));
    ready(&namespace, "two", &["Issued"]);
    assert_eq!(holds("second.log"), Some(()));
    assert_eq!(ca.count("reenroll"), 2, "each request was signed once");
}

#[test]
fn the_api_server_refuses_an_issuer_without_what_it_needs() {
    let Some(namespace) = Namespace::create("cm-kinds") else { return };
    define_kinds(&namespace);
    let create = |spec: Value| {
        let issuer = json!({"apiVersion": "fabcert.dev/v1alpha1", "kind": "FabricCAIssuer",
            "metadata": {"generateName": "org1-"}, "spec": spec});
        namespace.try_post(&path(&namespace, "fabcert.dev/v1alpha1", "fabriccaissuers"), &issuer)
    };
    let url = "https://org1-ca";
    for (spec, part) in [
        (json!({"tlsCa": {"pem": "x"}}), "spec.url: Required value"),
        (json!({"url": url}), "spec.tlsCa: Required value"),
        (json!({"url": "http://org1-ca", "tlsCa": {"pem": "x"}}), "spec.url"),
        (json!({"url": "https://a:pw@org1-ca", "tlsCa": {"pem": "x"}}), "spec.url"),
        (json!({"url": url, "tlsCa": {"pem": "x"}, "identities": [{"id": "a"}]}), "secretRef: Required value"),
    ] {
        let (status, text) = create(spec);
        assert!(status == 422 && text.contains(part), "{status} {text}");
    }
    assert_eq!(create(json!({"url": url, "tlsCa": {"pem": "x"}})).0, 201);
}

#[test]
fn the_help_of_the_command_is_frozen() {
    let ran = fabcert(&["issuer", "--help"], None);
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!("help_issuer", ran.stdout);
}
