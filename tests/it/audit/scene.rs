//! A folder with certificates made on the spot.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use fabcert::internals::pem_encode;

use crate::command::{Ran, fabcert};

/// A CA and the folder that it issues into.
pub(crate) struct Scene {
    dir: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let issuer = CertifiedIssuer::self_signed(ca("tls-root"), KeyPair::generate().unwrap()).unwrap();
        Self { dir: tempfile::tempdir().unwrap(), issuer }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A server's certificate and key, PEM.
    pub(crate) fn server(&self, common_name: &str, names: &[&str]) -> (String, String) {
        self.issue(&server(common_name, names))
    }

    /// A certificate and its key, PEM.
    pub(crate) fn issue(&self, params: &CertificateParams) -> (String, String) {
        issue(params, &self.issuer)
    }

    /// A certificate for a key of the test's own, DER.
    pub(crate) fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Vec<u8> {
        params.signed_by(key, &self.issuer).unwrap().der().to_vec()
    }

    /// The root, PEM.
    pub(crate) fn root(&self) -> String {
        pem_encode("CERTIFICATE", self.issuer.der())
    }

    /// A TLS folder of a node; its certificate.
    pub(crate) fn tls_folder(&self, path: &str, node: &str, names: &[&str]) -> String {
        let (cert, key) = self.server(node, names);
        self.lay_tls(path, &cert, &key, &self.root());
        cert
    }

    /// A TLS folder of these.
    pub(crate) fn lay_tls(&self, path: &str, cert: &str, key: &str, anchors: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        self.write(&format!("{path}/server.crt"), cert);
        self.write(&format!("{path}/ca.crt"), anchors);
        let key = self.write(&format!("{path}/server.key"), key);
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Runs the audit over a path of this scene.
    pub(crate) fn audit(&self, path: &str, more: &[&str]) -> Ran {
        let path = self.path(path).display().to_string();
        fabcert(&[&["audit", "--output", "json", "--no-policy", &path], more].concat(), None)
    }
}

/// What a healthy CA's certificate holds.
pub(crate) fn ca(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// What a healthy TLS certificate of a node holds.
pub(crate) fn server(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// A certificate of a CA and the key, PEM.
pub(crate) fn issue(params: &CertificateParams, ca: &CertifiedIssuer<'_, KeyPair>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let cert = params.signed_by(&key, ca).unwrap();
    (pem_encode("CERTIFICATE", cert.der()), pem_encode("PRIVATE KEY", key.serialized_der()))
}

/// `rule path-ending` of each finding, sorted.
pub(crate) fn found(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let mut found: Vec<String> = report["findings"]
        .as_array()
        .unwrap_or_else(|| panic!("{ran:?}"))
        .iter()
        .map(|f| {
            let path = f["path"].as_str().unwrap();
            format!("{} {}", f["rule"].as_str().unwrap(), path.rsplit('/').next().unwrap())
        })
        .collect();
    found.sort();
    found
}
