//! How fast the audit is: 5,000 TLS folders (server certificate, key, root: 10,000 certificates) with all rules on,
//! beside the bare floor of reading, parsing and verifying one signature a certificate.
//!
//! `cargo bench --bench audit` prints certificates a second for the floor and for one and two threads. Give a folder to
//! keep the certificates for other tools: `cargo bench --bench audit -- /tmp/certs`.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement, and no part of the crate"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fabcert::Timestamp;
use fabcert::internals::pem_encode;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use x509_parser::pem::parse_x509_pem;

const FOLDERS: usize = 5_000;
const ROUNDS: usize = 5;

fn generate(dir: &Path) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let root_pem = pem_encode("CERTIFICATE", root.der());
    for i in 0..FOLDERS {
        let node = format!("peer{i}");
        let names = ["org1-peer-gateway-svc".to_owned(), node.clone(), format!("{node}.fabric.svc.cluster.local")];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, &node);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &root).unwrap();
        let folder = dir.join(format!("{node}/tls"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("server.crt"), pem_encode("CERTIFICATE", cert.der())).unwrap();
        std::fs::write(folder.join("server.key"), pem_encode("PRIVATE KEY", key.serialized_der())).unwrap();
        std::fs::write(folder.join("ca.crt"), &root_pem).unwrap();
    }
}

/// Reads every file, parses every certificate, verifies one signature for each: by the crates below fabcert, which remember
/// nothing.
fn floor(dir: &Path) -> Duration {
    let begin = Instant::now();
    for i in 0..FOLDERS {
        let folder = dir.join(format!("peer{i}/tls"));
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let (leaf, root) = (read("server.crt"), read("ca.crt"));
        let (leaf, root) = (parse_x509_pem(&leaf).unwrap().1, parse_x509_pem(&root).unwrap().1);
        let (leaf, root) = (leaf.parse_x509().unwrap(), root.parse_x509().unwrap());
        std::hint::black_box(read("server.key"));
        leaf.verify_signature(Some(root.public_key())).unwrap();
        root.verify_signature(None).unwrap();
    }
    begin.elapsed()
}

fn audit(dir: &Path, jobs: usize) -> Duration {
    let now = Timestamp::parse_rfc3339("2026-11-23T00:00:00Z").unwrap();
    let request = fabcert::audit([dir], now).gateway_service("org1-peer-gateway-svc").base(dir).jobs(jobs);
    let begin = Instant::now();
    let report = request.run().unwrap();
    assert_eq!((report.summary.certificates, report.summary.errors), (2 * FOLDERS, 0));
    begin.elapsed()
}

fn main() {
    let kept = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let temporary = tempfile::tempdir().unwrap();
    let dir = kept.map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    generate(&dir);
    let best = |run: &dyn Fn() -> Duration| (0..ROUNDS).map(|_| run()).min().unwrap();
    let certificates = f64::from(u32::try_from(2 * FOLDERS).unwrap());
    let rate = |time: Duration| certificates / time.as_secs_f64();
    let bare = rate(best(&|| floor(&dir)));
    println!("floor (read, parse, verify)  {bare:9.0} certificates/s, one core");
    for jobs in [1, 2] {
        let found = rate(best(&|| audit(&dir, jobs)));
        println!("audit, {jobs} thread(s)           {found:9.0} certificates/s, {:.2} of the floor", found / bare);
    }
}
