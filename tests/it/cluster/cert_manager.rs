//! cert-manager's own controllers at the API server of the tests.

use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::json;

use super::api_server::{Namespace, start_program};
use crate::real::tools::{Tool, find};

const WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Starts the controllers and the approver, once for all tests; they act in every namespace. After a failed request they wait a
/// second where cert-manager waits an hour. `None` where the program is missing.
pub(super) fn start(namespace: &Namespace) -> Option<()> {
    static RUNNING: OnceLock<Option<tempfile::TempDir>> = OnceLock::new();
    let running = RUNNING.get_or_init(|| {
        let program = find(Tool::CertManager)?;
        for file in fs::read_dir(program.with_file_name("cert-manager-crds")).unwrap() {
            let definition = fs::read_to_string(file.unwrap().path()).unwrap();
            let name = definition.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap();
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
            namespace.apply(&path, definition);
        }
        wait_for("the kinds of cert-manager", || {
            let kinds = namespace.object("/apis/cert-manager.io/v1")?;
            (kinds["resources"].as_array()?.len() > 2).then_some(())
        });
        let dir = tempfile::tempdir().unwrap();
        let kubeconfig = dir.path().join("kubeconfig");
        fs::copy(namespace.kubeconfig("admin-token"), &kubeconfig).unwrap();
        let args = [format!("--kubeconfig={}", kubeconfig.display()), "--backoff=1s".to_owned()];
        start_program(&program, args.into(), dir.path());
        Some(dir)
    });
    running.as_ref().map(|_| ())
}

/// Waits until `found` gives something.
pub(super) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {WITHIN:?}");
        std::thread::sleep(POLL);
    }
}

/// The requests that cert-manager made for the Certificate `name`, the latest last.
pub(super) fn requests(namespace: &Namespace, name: &str) -> Vec<serde_json::Value> {
    let path = format!("/apis/cert-manager.io/v1/namespaces/{}/certificaterequests", namespace.name());
    let list = namespace.object(&path).unwrap();
    let is_of = |request: &&serde_json::Value| {
        request["metadata"]["annotations"]["cert-manager.io/certificate-name"].as_str() == Some(name)
    };
    let revision = |request: &serde_json::Value| -> u64 {
        let text = request["metadata"]["annotations"]["cert-manager.io/certificate-revision"].as_str();
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    let mut requests: Vec<_> = list["items"].as_array().unwrap().iter().filter(is_of).cloned().collect();
    requests.sort_by_key(revision);
    requests
}

/// Whether a condition of an object is true.
pub(super) fn is_true(object: &serde_json::Value, condition: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|c| c["type"] == condition && c["status"] == "True"))
}

/// Creates a Certificate for a peer, whose Secret is `<name>-tls`; `spec` is merged into its own.
pub(super) fn create_certificate(
    namespace: &Namespace,
    name: &str,
    issuer: &serde_json::Value,
    spec: &serde_json::Value,
) {
    let mut all = json!({
        "secretName": format!("{name}-tls"),
        "commonName": name,
        "dnsNames": [name, "org1-peer-gateway-svc"],
        "privateKey": {"algorithm": "ECDSA", "size": 256},
        "usages": ["digital signature", "server auth", "client auth"],
        "issuerRef": issuer,
    });
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    let body = json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": name},
        "spec": all,
    });
    namespace.post(&format!("/apis/cert-manager.io/v1/namespaces/{}/certificates", namespace.name()), &body);
}

#[test]
fn a_certificate_becomes_a_request_that_is_approved() {
    let Some(namespace) = Namespace::create("cm-approved") else { return };
    let Some(()) = start(&namespace) else { return };
    let issuer = json!({"group": "nobody.example", "kind": "Nobody", "name": "nobody"});
    create_certificate(&namespace, "peer1", &issuer, &json!({}));
    let request = wait_for("an approved request", || {
        requests(&namespace, "peer1").pop().filter(|request| is_true(request, "Approved"))
    });
    assert_eq!(request["spec"]["issuerRef"], issuer);
    assert!(!is_true(&request, "Ready"), "no issuer answers");
}
