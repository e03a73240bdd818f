//! A tree of certificates whose faults are known.

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// A TLS certificate without the gateway's name, behind lines of text.
pub(super) const SERVER: &str = "peer1/tls/server.crt";
/// The same in a file of its own, whose name means something to every form.
pub(super) const HOSTILE: &str = "a <b> & 'c' \"d\" | e::f %41, {g}\\h.pem";

/// The folder and the CA of it.
pub(super) struct Tree {
    pub(super) dir: TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "ca.org1.example.com");
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2036, 1, 1));
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let tree = Self { dir: tempfile::tempdir().unwrap(), ca };
        for folder in ["peer1/tls", "peer1/msp/cacerts", "peer1/msp/signcerts"] {
            std::fs::create_dir_all(tree.dir.path().join(folder)).unwrap();
        }
        let key = KeyPair::generate().unwrap();
        let mut asked = leaf(1);
        asked.use_authority_key_identifier_extension = false;
        let csr = pem("CERTIFICATE REQUEST", asked.serialize_request(&key).unwrap().der());
        tree.write("asked.csr", &csr);
        tree.write("peer1/tls/ca.crt", &pem("CERTIFICATE", tree.ca.der()));
        tree.write("peer1/msp/cacerts/ca.pem", &pem("CERTIFICATE", tree.ca.der()));
        tree.renew();
        tree
    }

    /// Issues every certificate anew: other keys, serials and dates, the same subject and names.
    pub(super) fn renew(&self) {
        let (server, key) = self.issue(2);
        self.write(SERVER, &format!("the peer's certificate\nof this year\n\n{server}"));
        self.write("peer1/tls/server.key", &key);
        self.write("peer1/msp/signcerts/cert.pem", &self.issue(3).0);
        self.write(HOSTILE, &format!("\n{}", self.issue(4).0));
    }

    fn issue(&self, day: u8) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let cert = leaf(day).signed_by(&key, &self.ca).unwrap();
        (pem("CERTIFICATE", cert.der()), pem("PRIVATE KEY", &key.serialize_der()))
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }
}

fn leaf(day: u8) -> CertificateParams {
    let mut params = CertificateParams::new(["org1-peer1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "org1-peer1");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (date_time_ymd(2026, 11, day), date_time_ymd(2030, 1, 1));
    params
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
