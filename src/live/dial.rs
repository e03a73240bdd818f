//! Dials TLS endpoints and returns the certificates that they serve.

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
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Endpoint;

/// A client certificate for mutual TLS.
#[derive(Debug)]
pub struct ClientPair {
    /// The chain, the client's own certificate first; DER.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the client's certificate.
    pub key: PrivateKeyDer<'static>,
}

impl ClientPair {
    /// Checks that the key belongs to the certificate and that both are usable.
    ///
    /// # Errors
    /// Returns the reason if not.
    pub fn check(&self) -> Result<(), String> {
        client_config(Some(self)).map(drop)
    }
}

/// Options for dialling.
#[derive(Debug)]
pub struct DialOptions {
    /// The server name (SNI); the host if `None`. Not sent for an address.
    pub server_name: Option<String>,
    /// Connections for each address: a load balancer may lead each to another member.
    pub samples: usize,
    /// Limit for each connection, including its handshake.
    pub timeout: Duration,
    /// The client certificate, if any.
    pub client: Option<Arc<ClientPair>>,
}

/// One connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// The dialled address; `None` if the name did not resolve.
    pub address: Option<SocketAddr>,
    /// The served certificates, the server's own first (DER), or the reason for the failure.
    pub served: Result<Vec<Vec<u8>>, String>,
    /// The negotiated TLS version: `TLS 1.3`.
    pub version: Option<&'static str>,
}

/// Timeouts in a row after which an address is skipped. A dead member behind a load balancer causes single timeouts,
/// not this many in a row.
const SILENT_ENOUGH: usize = 5;

/// Dials every address of an endpoint, [`DialOptions::samples`] times each, in sequence.
pub async fn dial(endpoint: &Endpoint, options: &DialOptions) -> Vec<Sample> {
    let failed = |reason: String| vec![Sample { address: None, served: Err(reason), version: None }];
    let config = match client_config(options.client.as_deref()) {
        Ok(config) => config,
        Err(reason) => return failed(reason),
    };
    let lookup = timeout(options.timeout, tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port))).await;
    let mut addresses: Vec<SocketAddr> = match lookup {
        Err(_) => return failed(format!("name resolution of {} timed out", endpoint.host)),
        Ok(Err(e)) => return failed(format!("cannot resolve {}: {e}", endpoint.host)),
        Ok(Ok(found)) => found.collect(),
    };
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return failed(format!("{} has no address", endpoint.host));
    }
    let name = options.server_name.as_ref().unwrap_or(&endpoint.host);
    let Ok(server_name) = ServerName::try_from(name.clone()) else {
        return failed(format!("invalid server name \"{name}\""));
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
                    if connected.load(Ordering::Relaxed) { "connected, but no TLS response" } else { "no connection" };
                Err(format!("{stage} within {limit}"))
            });
            let chain: Vec<Vec<u8>> = seen.lock().map(|chain| chain.clone()).unwrap_or_default();
            let (served, version) = match done {
                Ok(version) => (Ok(chain), version),
                // The server sent its certificates before it closed the connection, for example for lack of a client
                // certificate.
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

/// The number of endpoints that are dialled at the same time.
const AT_ONCE: usize = 16;

/// Dials many endpoints, several at the same time; the samples are in the order of the endpoints.
pub(crate) async fn dial_all(endpoints: Vec<(Endpoint, DialOptions)>) -> Vec<Vec<Sample>> {
    let unfinished = || Sample { address: None, served: Err("dialling it was interrupted".to_owned()), version: None };
    let mut all: Vec<Vec<Sample>> = endpoints.iter().map(|_| vec![unfinished()]).collect();
    let mut waiting = endpoints.into_iter().enumerate();
    // Dropping the set ends the connections.
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((index, (endpoint, options))) = waiting.next()
        {
            running.spawn(async move { (index, dial(&endpoint, &options).await) });
        }
        match running.join_next().await {
            Some(Ok((index, samples))) => all[index] = samples,
            Some(Err(_)) => {}
            None => return all,
        }
    }
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

/// Explains a failed handshake, followed by the error of rustls.
fn trouble(e: &std::io::Error) -> String {
    use rustls::{AlertDescription as Alert, Error as Tls};
    let cause = match e.get_ref().and_then(|inner| inner.downcast_ref::<Tls>()) {
        Some(Tls::AlertReceived(Alert::ProtocolVersion) | Tls::PeerIncompatible(_)) => {
            "the server does not support TLS 1.2 or later, which Fabric requires"
        }
        Some(Tls::AlertReceived(Alert::UnrecognisedName)) => "the server does not accept this server name",
        Some(Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } | Tls::InappropriateHandshakeMessage { .. }) => {
            "the server does not speak TLS"
        }
        _ if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
            "the server closed the connection during the handshake"
        }
        _ => "the TLS handshake failed",
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
            .map_err(|e| format!("unusable client certificate: {e}"))?,
    };
    // Fabric's servers use gRPC and require this protocol.
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Accepts and stores every chain: certificates are inspected, not trusted. The handshake signature is verified, so the
/// server has the key of its certificate.
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
