//! TLS for the connections of a test: a separate issuer, and a minimal client.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};

pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// An issuer of TLS certificates.
pub(crate) struct TransportCa {
    folder: PathBuf,
    anchor: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Files of one TLS certificate, PEM each.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl TransportCa {
    /// Creates an issuer with its files in the new folder `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder in our own temporary folder");
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, "transport of this test");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a self-signed certificate");
        let anchor = folder.join("anchor.pem");
        fs::write(&anchor, pem("CERTIFICATE", issuer.der())).expect("a file in our own temporary folder");
        Self { folder: folder.to_path_buf(), anchor, issuer }
    }

    /// PEM file with this issuer's certificate.
    pub(crate) fn anchor(&self) -> &Path {
        &self.anchor
    }

    /// Issues a certificate for `hosts` (DNS names and IP addresses), valid for servers and clients; its files are
    /// called `name`.
    pub(crate) fn issue(&self, name: &str, hosts: &[&str]) -> Issued {
        let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("usable names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Issued::write(&self.folder, name, certificate.der(), &key)
    }
}

impl std::fmt::Debug for TransportCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransportCa").field("anchor", &self.anchor).finish_non_exhaustive()
    }
}

impl Issued {
    /// The certificate that ingress-nginx serves for an unknown name (`getFakeHostSSLCert` in
    /// `internal/net/ssl/ssl.go`): self-signed by a made-up company, for `ingress.local` only.
    pub(crate) fn ingress_default(folder: &Path) -> Self {
        let mut params = CertificateParams::new(["ingress.local".to_owned()]).expect("a usable name");
        params.distinguished_name.push(DnType::OrganizationName, "Acme Co");
        params.distinguished_name.push(DnType::CommonName, "Kubernetes Ingress Controller Fake Certificate");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self::write(folder, "ingress", certificate.der(), &key)
    }

    fn write(folder: &Path, name: &str, certificate: &[u8], key: &KeyPair) -> Self {
        let issued = Self { cert: folder.join(format!("{name}.crt")), key: folder.join(format!("{name}.key")) };
        fs::write(&issued.cert, pem("CERTIFICATE", certificate)).expect("a file in our own temporary folder");
        fs::write(&issued.key, pem("PRIVATE KEY", key.serialized_der())).expect("a file in our own temporary folder");
        issued
    }

    /// The server configuration with this certificate.
    pub(super) fn server_config(&self) -> Arc<ServerConfig> {
        let chain = CertificateDer::pem_file_iter(&self.cert).expect("a PEM file").collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_file(&self.key).expect("a PEM key");
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain.expect("certificates"), key)
            .expect("a key that fits its certificate");
        Arc::new(config)
    }
}

/// One PEM block, lines of 64 characters (RFC 7468 section 2).
fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A TLS connection to `localhost:port`.
pub(super) fn connect(port: u16, anchor: &Path) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(anchor).map_err(|e| e.to_string())? {
        roots.add(certificate.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(|e| e.to_string())?;
    let tls = ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
    let tcp = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
    tcp.set_read_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
    tcp.set_write_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
    Ok(StreamOwned::new(tls, tcp))
}

/// Sends `GET path` to `localhost:port`; returns the whole answer, head included.
pub(crate) fn get(port: u16, anchor: &Path, path: &str) -> Result<String, String> {
    exchange(port, anchor, &format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"))
}

/// Sends `POST path` with a JSON body and basic authentication to `localhost:port`; returns the body of the answer.
pub(crate) fn post(port: u16, anchor: &Path, path: &str, login: (&str, &str), body: &str) -> Result<String, String> {
    let basic = BASE64.encode(format!("{}:{}", login.0, login.1));
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: localhost:{port}\r\nAuthorization: Basic {basic}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(port, anchor, &request)?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).ok_or(answer)
}

/// Sends the request unchanged to `localhost:port`; returns the whole answer, head included. The request must ask for
/// the connection to be closed.
pub(crate) fn exchange(port: u16, anchor: &Path, request: &str) -> Result<String, String> {
    let mut stream = connect(port, anchor)?;
    stream.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&read_to_end(&mut stream)?).into_owned())
}

/// Reads until the other side closes, with or without a TLS `close_notify`.
pub(super) fn read_to_end(stream: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => Ok(answer),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(answer),
        Err(e) => Err(e.to_string()),
    }
}
