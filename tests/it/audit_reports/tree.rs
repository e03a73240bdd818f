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

/// A common name with what breaks out of XML, JSON, labels, tables and commands, and what none of them has a form for.
pub(super) const ODD: &str =
    "a\u{1}\u{8}\u{1b}[2J\u{7f}\u{85}\u{2028}\u{fffe}\u{1f512} <b>&amp; ]]> 'c' \"d\"\r\n| `e` %41 ::error::,\\n";

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

    /// Issues every certificate again: other keys, serials and dates, the same subject and names.
    pub(super) fn renew(&self) {
        let (server, key) = self.issue(2);
        self.write(SERVER, &format!("the peer's certificate\nof this year\n\n{server}"));
        self.write("peer1/tls/server.key", &key);
        self.write("peer1/msp/signcerts/cert.pem", &self.issue(3).0);
        self.write(HOSTILE, &format!("\n{}", self.issue(4).0));
    }

    /// A folder of its own with certificates of this CA of which there is nothing to say.
    pub(super) fn faultless(&self) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.pem", "b.pem"] {
            std::fs::write(dir.path().join(name), self.issue(2).0).unwrap();
        }
        dir
    }

    /// Adds certificates whose paths and subjects mean something to some form, or have no form in it: every ASCII letter
    /// but `/`, the same bytes that are no UTF-8 in two ways, the longest name that a file can have in folders of such.
    pub(super) fn add_odd(&self) {
        use std::os::unix::ffi::OsStrExt as _;
        let every: String = (1..=127u8).map(char::from).filter(|c| *c != '/').collect();
        let long = "n".repeat(250);
        let mut paths = vec![std::path::PathBuf::from(format!("{every}.pem")), format!("{ODD}.pem").into()];
        paths.extend([&b"odd-\xff.pem"[..], b"odd-\xfe.pem"].map(|bytes| std::ffi::OsStr::from_bytes(bytes).into()));
        paths.push([long.as_str(); 8].iter().collect::<std::path::PathBuf>().join("x.pem"));
        for path in paths {
            let key = KeyPair::generate().unwrap();
            let cert = named(ODD, 5).signed_by(&key, &self.ca).unwrap();
            let path = self.dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, pem("CERTIFICATE", cert.der())).unwrap();
        }
    }

    fn issue(&self, day: u8) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let cert = leaf(day).signed_by(&key, &self.ca).unwrap();
        (pem("CERTIFICATE", cert.der()), pem("PRIVATE KEY", &key.serialize_der()))
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }
}

fn leaf(day: u8) -> CertificateParams {
    named("org1-peer1", day)
}

fn named(common_name: &str, day: u8) -> CertificateParams {
    let mut params = CertificateParams::new(["org1-peer1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
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
