//! How the cost of an audit grows: each input once, and once ten times as large.
//!
//! `cargo bench --bench growth` prints seconds and the factor, which is about ten where the cost is linear, and the peak
//! memory of the process. Give the name of an input to measure it alone.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement, and no part of the crate"
)]

use std::path::Path;
use std::time::Instant;

use fabcert::internals::pem_encode;
use fabcert::{AuditRequest, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// A name, the size of the smaller input, and what writes an input of a size to a folder.
type Input = (&'static str, usize, fn(&Path, usize));

/// What is measured.
const INPUTS: [Input; 10] = [
    ("a Service for each of N workloads", 1000, own_services),
    ("a namespace for each of N workloads", 1000, own_namespaces),
    ("one gateway over N workloads", 1000, one_gateway),
    ("N Services, each over N workloads", 1000, all_over_all),
    ("the same, with a Certificate for each", 1000, all_over_all_with_certificates),
    ("N Services that nearly match", 1000, nearly_matching),
    ("N routes to one workload", 1000, routes),
    ("N aliases of one gateway over N workloads", 1000, aliases),
    ("N Services of one name, N dials of it", 1000, namesakes),
    ("a certificate of N SANs, N names", 5000, sans),
];

fn peer(name: &str, namespace: &str, label: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  template:\n    metadata: {{labels: \
         {{{label}}}}}\n    spec:\n      containers:\n        - name: peer\n          env: [{{name: CORE_PEER_LISTENADDRESS, value: \
         \"0.0.0.0:7051\"}}, {{name: CORE_PEER_TLS_CERT_FILE, value: /tls/tls.crt}}]\n          ports: [{{containerPort: 7051}}]\n          \
         volumeMounts: [{{name: t, mountPath: /tls}}]\n      volumes: [{{name: t, secret: {{secretName: {name}-tls}}}}]\n"
    )
}

fn service(name: &str, namespace: &str, label: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{selector: {{{label}}}, ports: [{{port: \
         7051}}]}}\n"
    )
}

fn certificate(name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: {name}-tls, namespace: {namespace}}}\nspec:\n  secretName: \
         {name}-tls\n  dnsNames:\n    - {name}\n"
    )
}

fn write(dir: &Path, objects: &[String]) {
    std::fs::write(dir.join("manifests.yaml"), objects.join("---\n")).unwrap();
}

/// The objects of each of N workloads.
fn each(dir: &Path, count: usize, objects: impl Fn(usize) -> Vec<String>) {
    write(dir, &(0..count).flat_map(objects).collect::<Vec<_>>());
}

fn own_services(dir: &Path, count: usize) {
    each(dir, count, |i| {
        let (name, label) = (format!("p{i}"), format!("app: p{i}"));
        vec![peer(&name, "fabric", &label), service(&name, "fabric", &label), certificate(&name, "fabric")]
    });
}

fn own_namespaces(dir: &Path, count: usize) {
    each(dir, count, |i| {
        let namespace = format!("n{i}");
        vec![peer("p", &namespace, "app: p"), service("p", &namespace, "app: p"), certificate("p", &namespace)]
    });
}

fn one_gateway(dir: &Path, count: usize) {
    let mut objects = vec![service("gw", "fabric", "org: o")];
    for i in 0..count {
        let (name, label) = (format!("p{i}"), format!("app: p{i}"));
        objects.push(peer(&name, "fabric", &format!("{label}, org: o")));
        objects.extend([service(&name, "fabric", &label), certificate(&name, "fabric")]);
    }
    write(dir, &objects);
}

fn all_over_all(dir: &Path, count: usize) {
    each(dir, count, |i| {
        vec![peer(&format!("p{i}"), "fabric", "app: all"), service(&format!("s{i}"), "fabric", "app: all")]
    });
}

fn all_over_all_with_certificates(dir: &Path, count: usize) {
    each(dir, count, |i| {
        let name = format!("p{i}");
        vec![
            peer(&name, "fabric", "app: all"),
            service(&format!("s{i}"), "fabric", "app: all"),
            certificate(&name, "fabric"),
        ]
    });
}

fn nearly_matching(dir: &Path, count: usize) {
    each(dir, count, |i| {
        vec![
            peer(&format!("p{i}"), "fabric", &format!("app: p{i}")),
            service(&format!("s{i}"), "fabric", &format!("app: q{i}")),
        ]
    });
}

fn routes(dir: &Path, count: usize) {
    let mut objects = vec![peer("p", "fabric", "app: p"), service("p", "fabric", "app: p"), certificate("p", "fabric")];
    objects.extend((0..count).map(|i| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i{i}\n  namespace: fabric\n  annotations: \
             {{nginx.ingress.kubernetes.io/ssl-passthrough: \"true\"}}\nspec: {{rules: [{{host: h{i}.example.com, http: {{paths: [{{backend: \
             {{service: {{name: p, port: {{number: 7051}}}}}}}}]}}}}]}}\n"
        )
    }));
    write(dir, &objects);
}

fn aliases(dir: &Path, count: usize) {
    let mut objects = vec![service("gw", "fabric", "org: o")];
    for i in 0..count {
        let name = format!("p{i}");
        objects.extend([peer(&name, "fabric", "org: o"), certificate(&name, "fabric")]);
        objects.push(format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: a{i}, namespace: apps}}\nspec: {{type: ExternalName, externalName: \
             gw.fabric.svc.cluster.local}}\n"
        ));
    }
    write(dir, &objects);
}

/// Each with pods of its own, and all without a namespace.
fn namesakes(dir: &Path, count: usize) {
    each(dir, count, |i| {
        let (name, label) = (format!("p{i}"), format!("app: p{i}"));
        let dial = format!("env: [{{name: CORE_PEER_GOSSIP_BOOTSTRAP, value: \"gw:{}\"}}, ", 7051 + i);
        let objects =
            [peer(&name, "x", &label).replace("env: [", &dial), service("gw", "x", &label), certificate(&name, "x")];
        objects.map(|object| object.replace(", namespace: x", "")).to_vec()
    });
}

/// A TLS folder, and a policy that expects every name.
fn sans(dir: &Path, count: usize) {
    let names: Vec<String> = (0..count).map(|i| format!("peer{i}.fabric.example.com")).collect();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names.clone()).unwrap().signed_by(&key, &root).unwrap();
    let tls = dir.join("tls");
    std::fs::create_dir(&tls).unwrap();
    std::fs::write(tls.join("server.crt"), pem_encode("CERTIFICATE", leaf.der())).unwrap();
    std::fs::write(tls.join("server.key"), pem_encode("PRIVATE KEY", key.serialized_der())).unwrap();
    std::fs::write(tls.join("ca.crt"), pem_encode("CERTIFICATE", root.der())).unwrap();
    let listed: Vec<String> = names.iter().map(|name| format!("      - {name}\n")).collect();
    let policy = format!("version: 1\nexpect:\n  - path: tls\n    names:\n{}", listed.concat());
    std::fs::write(dir.join("fabcert.yaml"), policy).unwrap();
}

fn audit(dir: &Path) -> f64 {
    let now = Timestamp::parse_rfc3339("2026-11-24T00:00:00Z").unwrap();
    let policy = dir.join("fabcert.yaml");
    let request: AuditRequest = fabcert::audit([dir], now).jobs(1);
    let request = if policy.exists() { request.policy_file(policy) } else { request.base(dir) };
    let begin = Instant::now();
    let report = request.run().unwrap();
    std::hint::black_box(report.findings().count());
    begin.elapsed().as_secs_f64()
}

fn main() {
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    for (name, size, generate) in INPUTS.into_iter().filter(|(name, ..)| wanted.as_ref().is_none_or(|w| w == name)) {
        let [small, large] = [size, 10 * size].map(|size| {
            let dir = tempfile::tempdir().unwrap();
            generate(dir.path(), size);
            audit(dir.path())
        });
        println!(
            "{name:38}  N = {size:5}: {small:7.3} s, ten times as many: {large:7.3} s, factor {:5.1}",
            large / small
        );
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("not known").trim();
    println!("peak memory of all runs                {peak}");
}
