//! How long a folder of 2,000 manifests takes: 400 organisations of two peers behind a gateway Service, five files each,
//! read, put together and checked by every rule.
//!
//! `cargo bench --bench manifests` prints seconds for one and two threads and the peak memory of the process.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement, and no part of the crate"
)]

use std::path::Path;
use std::time::Instant;

use fabcert::Timestamp;

const ORGANISATIONS: usize = 400;
const ROUNDS: usize = 5;

fn peer(org: &str, peer: &str, other: &str) -> String {
    format!(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: {peer}-tls, namespace: {org}}}\nspec:\n  dnsNames:\n    - {peer}\n    - \
         gw\n    - {peer}.{org}.svc.cluster.local\n    - gw.${{DOMAIN}}\n  secretName: {peer}-tls\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: \
         {{name: {peer}-env, namespace: {org}}}\ndata:\n  CORE_PEER_ADDRESS: {peer}:7051\n  CORE_PEER_LISTENADDRESS: 0.0.0.0:7051\n  \
         CORE_PEER_GOSSIP_BOOTSTRAP: {other}:7051\n  CORE_PEER_GOSSIP_EXTERNALENDPOINT: {peer}.{org}.svc.cluster.local:7051\n  \
         CORE_PEER_TLS_CERT_FILE: /tls/tls.crt\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {peer}, namespace: {org}}}\nspec:\n  \
         template:\n    metadata: {{labels: {{app: {peer}, org: {org}}}}}\n    spec:\n      containers:\n        - name: peer\n          envFrom: \
         [{{configMapRef: {{name: {peer}-env}}}}]\n          ports: [{{containerPort: 7051}}]\n          volumeMounts: [{{name: t, mountPath: /tls}}]\n      \
         volumes: [{{name: t, secret: {{secretName: {peer}-tls}}}}]\n"
    )
}

fn service(org: &str, name: &str, selector: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {org}}}\nspec: {{selector: {{{selector}}}, ports: [{{port: 7051}}]}}\n"
    )
}

fn generate(dir: &Path) {
    for i in 0..ORGANISATIONS {
        let org = format!("org{i}");
        let folder = dir.join(&org);
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in [
            ("peer1.yaml", peer(&org, "peer1", "peer2")),
            ("peer2.yaml", peer(&org, "peer2", "peer1")),
            ("services.yaml", service(&org, "peer1", "app: peer1") + "---\n" + &service(&org, "peer2", "app: peer2")),
            ("gateway.yaml", service(&org, "gw", &format!("org: {org}"))),
            (
                "ingress.yaml",
                format!(
                    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: gw\n  namespace: {org}\n  annotations: \
                     {{nginx.ingress.kubernetes.io/ssl-passthrough: \"true\"}}\nspec: {{rules: [{{host: \"gw.${{DOMAIN}}\", http: {{paths: [{{backend: \
                     {{service: {{name: gw, port: {{number: 7051}}}}}}}}]}}}}]}}\n"
                ),
            ),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
}

fn audit(dir: &Path, jobs: usize) -> f64 {
    let now = Timestamp::parse_rfc3339("2026-11-24T00:00:00Z").unwrap();
    let request = fabcert::audit([dir], now).variable("DOMAIN", "example.com").base(dir).jobs(jobs);
    let begin = Instant::now();
    let report = request.run().unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!((report.summary.subjects, report.summary.errors), (5 * ORGANISATIONS, 0));
    seconds
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    generate(dir.path());
    let files = 5 * ORGANISATIONS;
    for jobs in [1, 2] {
        let best = (0..ROUNDS).map(|_| audit(dir.path(), jobs)).fold(f64::MAX, f64::min);
        println!("{files} manifests, {jobs} thread(s)  {best:6.3} s");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("not known").trim();
    println!("peak memory, both runs       {peak}");
}
