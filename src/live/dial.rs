//! Dialling: TCP, the TLS handshake, and the certificates that came.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Endpoint;

/// A client certificate for mutual TLS.
#[derive(Debug)]
pub struct ClientPair {
    /// The chain, the client's own first; DER.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

impl ClientPair {
    /// Whether the key is that of the certificate, and both can be used.
    ///
    /// # Errors
    /// When not, with the reason.
    pub fn check(&self) -> Result<(), String> {
        client_config(Some(self)).map(drop)
    }
}

/// How to dial.
#[derive(Debug)]
pub struct DialOptions {
    /// Name that is sent as server name; the host when left out. No server name is sent for an address.
    pub server_name: Option<String>,
    /// Connections for each address: a balancer behind one address may lead each to another member.
    pub samples: usize,
    /// Time for each connection with its handshake.
    pub timeout: Duration,
    /// Client certificate.
    pub client: Option<Arc<ClientPair>>,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The address that was dialled; `None` when the name did not resolve.
    pub address: Option<SocketAddr>,
    /// What was served, the server's own certificate first (DER), or why nothing was.
    pub served: Result<Vec<Vec<u8>>, String>,
    /// TLS version, when one was agreed: `TLS 1.3`.
    pub version: Option<&'static str>,
}

/// An address that was silent so often in a row is left alone. A balancer leads to a dead member now and then, and hardly so
/// often one after the other.
const SILENT_ENOUGH: usize = 5;

/// Dials every address of an endpoint, [`DialOptions::samples`] times each, one after the other.
pub async fn dial(endpoint: &Endpoint, options: &DialOptions) -> Vec<Sample> {
    let failed = |reason: String| vec![Sample { address: None, served: Err(reason), version: None }];
    let config = match client_config(options.client.as_deref()) {
        Ok(config) => config,
        Err(reason) => return failed(reason),
    };
    let lookup = timeout(options.timeout, tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port))).await;
    let mut addresses: Vec<SocketAddr> = match lookup {
        Err(_) => return failed(format!("{} did not resolve in time", endpoint.host)),
        Ok(Err(e)) => return failed(format!("{} does not resolve: {e}", endpoint.host)),
        Ok(Ok(found)) => found.collect(),
    };
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return failed(format!("{} has no address", endpoint.host));
    }
    let name = options.server_name.as_ref().unwrap_or(&endpoint.host);
    let Ok(server_name) = ServerName::try_from(name.clone()) else {
        return failed(format!("\"{name}\" is no server name"));
    };
    let mut samples = Vec::new();
    let limit = humantime::format_duration(options.timeout);
    for address in addresses {
        let mut silent = 0;
        for _ in 0..options.samples.max(1) {
            let seen = Arc::new(Mutex::default());
            let connected = AtomicBool::new(false);
            let one = connect(address, &config, &server_name, &seen, &connected);
            let answered = timeout(options.timeout, one).await;
            silent = if answered.is_ok() { 0 } else { silent + 1 };
            let done = answered.unwrap_or_else(|_| {
                let stage =
                    if connected.load(Ordering::Relaxed) { "connected, but no TLS answer" } else { "no connection" };
                Err(format!("{stage} within {limit}"))
            });
            let chain: Vec<Vec<u8>> = seen.lock().map(|chain| chain.clone()).unwrap_or_default();
            let (served, version) = match done {
                Ok(version) => (Ok(chain), version),
                // The certificates came before the server broke off, for want of a client certificate perhaps.
                Err(_) if !chain.is_empty() => (Ok(chain), None),
                Err(reason) => (Err(reason), None),
            };
            samples.push(Sample { address: Some(address), served, version });
            if silent == SILENT_ENOUGH {
                break;
            }
        }
    }
    samples
}

async fn connect(
    address: SocketAddr,
    config: &ClientConfig,
    server_name: &ServerName<'static>,
    seen: &Arc<Mutex<Vec<Vec<u8>>>>,
    connected: &AtomicBool,
) -> Result<Option<&'static str>, String> {
    let mut config = config.clone();
    config.dangerous().set_certificate_verifier(Arc::new(Keep { provider: provider(), seen: Arc::clone(seen) }));
    let tcp = TcpStream::connect(address).await.map_err(|e| format!("no connection: {e}"))?;
    connected.store(true, Ordering::Relaxed);
    let stream =
        TlsConnector::from(Arc::new(config)).connect(server_name.clone(), tcp).await.map_err(|e| trouble(&e))?;
    Ok(match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => Some("TLS 1.3"),
        Some(rustls::ProtocolVersion::TLSv1_2) => Some("TLS 1.2"),
        _ => None,
    })
}

/// Why a handshake failed, in words of the field; what rustls says behind it.
fn trouble(e: &std::io::Error) -> String {
    use rustls::{AlertDescription as Alert, Error as Tls};
    let cause = match e.get_ref().and_then(|inner| inner.downcast_ref::<Tls>()) {
        Some(Tls::AlertReceived(Alert::ProtocolVersion) | Tls::PeerIncompatible(_)) => {
            "it offers no TLS 1.2 or newer, which Fabric and its clients need"
        }
        Some(Tls::AlertReceived(Alert::UnrecognisedName)) => "it knows no server of this name",
        Some(Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } | Tls::InappropriateHandshakeMessage { .. }) => {
            "what answers there speaks no TLS"
        }
        _ if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
            "it closed the connection during the handshake"
        }
        _ => "no TLS",
    };
    format!("{cause} ({e})")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn client_config(client: Option<&ClientPair>) -> Result<ClientConfig, String> {
    let nothing = Arc::new(Keep { provider: provider(), seen: Arc::default() });
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(nothing);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(pair) => builder
            .with_client_auth_cert(pair.chain.clone(), pair.key.clone_key())
            .map_err(|e| format!("the client certificate cannot be used: {e}"))?,
    };
    // Fabric's servers speak gRPC and are dialled with this.
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Takes every chain and keeps it: what is served is looked at, never trusted. The handshake's own signature is verified,
/// so that what was kept is what the server has the key of.
#[derive(Debug)]
struct Keep {
    provider: Arc<CryptoProvider>,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl ServerCertVerifier for Keep {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Ok(mut seen) = self.seen.lock() {
            *seen = std::iter::once(end_entity).chain(intermediates).map(|c| c.to_vec()).collect();
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
