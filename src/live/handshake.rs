//! One connection: the handshake, and what it proved.

use std::io::{Error as IoError, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::possession::{SCHEMES, Version, check};
use super::{ClientPair, Sample};

/// The pause before a connection is tried again for which the process has no file descriptor.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(50);

/// The longest wait for the refusal of a client certificate after the handshake.
const REFUSAL_WAIT: Duration = Duration::from_secs(1);

/// What all connections to an endpoint have in common.
#[derive(Clone, Debug)]
pub(super) struct Client {
    server_name: ServerName<'static>,
    certificate: Option<Arc<CertifiedKey>>,
}

/// When the dialling ends, and how long that is after its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) after: Duration,
}

impl Deadline {
    /// The end of a time limit that starts now.
    pub(super) fn of(limit: Duration) -> Self {
        let now = Instant::now();
        // A limit beyond the range of the clock is a year.
        let at = now.checked_add(limit).unwrap_or_else(|| now + Duration::from_secs(365 * 86_400));
        Self { at, after: limit }
    }

    pub(super) fn has_passed(self) -> bool {
        Instant::now() >= self.at
    }

    /// `within 5s`.
    pub(super) fn words(self) -> String {
        format!("within {}", humantime::format_duration(self.after))
    }
}

impl Client {
    pub(super) fn new(server_name: &str, pair: Option<&ClientPair>) -> Result<Self, String> {
        let name = ServerName::try_from(server_name.to_owned());
        let server_name = name.map_err(|_| format!("invalid server name \"{server_name}\""))?;
        Ok(Self { server_name, certificate: pair.map(certified).transpose()? })
    }

    /// Connects once, and does the handshake; both end at the deadline.
    pub(super) async fn connect(&self, address: SocketAddr, deadline: Deadline) -> Sample {
        let watch = Arc::new(Watch { certificate: self.certificate.clone(), ..Watch::default() });
        let failed = |reason: String| Sample::failed(Some(address), reason);
        let tcp = match timeout_at(deadline.at, tcp(address)).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(e)) => return failed(format!("no connection: {e}")),
            Err(_) => return failed(format!("no connection {}", deadline.words())),
        };
        let config = match config(&watch) {
            Ok(config) => config,
            Err(reason) => return failed(reason),
        };
        let handshake = TlsConnector::from(Arc::new(config)).connect(self.server_name.clone(), tcp);
        let (end, version) = match timeout_at(deadline.at, handshake).await {
            Ok(Ok(mut stream)) => {
                let version = version(stream.get_ref().1.protocol_version());
                // Under TLS 1.3 the handshake is complete for the client before the server has looked at its certificate.
                let is_open = watch.asked.load(Ordering::Relaxed) && version == Some("TLS 1.3");
                (if is_open { refusal(&mut stream, deadline).await } else { None }, version)
            }
            Ok(Err(e)) => (Some(End::of(&e)), None),
            Err(_) => (
                Some(End {
                    is_refusal: false,
                    reason: format!("the TLS handshake was not complete {}", deadline.words()),
                }),
                None,
            ),
        };
        watch.sample(address, end, version)
    }
}

/// How a server that asked for a client certificate ends the connection, if it does so soon. Servers of gRPC speak first,
/// so those that accept the client are not waited for.
async fn refusal(stream: &mut TlsStream<TcpStream>, deadline: Deadline) -> Option<End> {
    let until = deadline.at.min(Instant::now() + REFUSAL_WAIT);
    match timeout_at(until, stream.read(&mut [0])).await {
        Ok(Ok(0)) => {
            Some(End { is_refusal: true, reason: "the server closed the connection after the handshake".to_owned() })
        }
        Ok(Err(e)) => Some(End::of(&e)),
        Ok(Ok(_)) | Err(_) => None,
    }
}

async fn tcp(address: SocketAddr) -> Result<TcpStream, IoError> {
    loop {
        match TcpStream::connect(address).await {
            // EMFILE and ENFILE: other connections end soon.
            Err(e) if matches!(e.raw_os_error(), Some(23 | 24)) => sleep(DESCRIPTOR_PAUSE).await,
            done => return done,
        }
    }
}

const fn version(version: Option<rustls::ProtocolVersion>) -> Option<&'static str> {
    match version {
        Some(rustls::ProtocolVersion::TLSv1_3) => Some("TLS 1.3"),
        Some(rustls::ProtocolVersion::TLSv1_2) => Some("TLS 1.2"),
        _ => None,
    }
}

/// A handshake that did not complete.
struct End {
    /// Whether the server ended it: an alert, or a closed connection.
    is_refusal: bool,
    reason: String,
}

impl End {
    fn of(e: &IoError) -> Self {
        use rustls::{AlertDescription as Alert, Error as Tls};
        let is_closed =
            matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
        let tls = e.get_ref().and_then(|inner| inner.downcast_ref::<Tls>());
        let cause = match tls {
            Some(Tls::AlertReceived(Alert::ProtocolVersion) | Tls::PeerIncompatible(_)) => {
                "the server does not support TLS 1.2 or later, which Fabric requires"
            }
            Some(Tls::AlertReceived(Alert::UnrecognisedName)) => "the server does not accept this server name",
            Some(
                Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } | Tls::InappropriateHandshakeMessage { .. },
            ) => "the server does not speak TLS",
            _ if is_closed => "the server closed the connection during the handshake",
            _ => "the TLS handshake failed",
        };
        Self { is_refusal: is_closed || matches!(tls, Some(Tls::AlertReceived(_))), reason: format!("{cause} ({e})") }
    }
}

/// What the client saw of a handshake. Certificates are inspected, not trusted, and only kept if the server proved that it
/// holds the key of the first.
#[derive(Debug, Default)]
struct Watch {
    seen: Mutex<Seen>,
    /// Whether the server asked for a client certificate.
    asked: AtomicBool,
    certificate: Option<Arc<CertifiedKey>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The certificates that the server sent; DER.
    chain: Vec<Vec<u8>>,
    /// The outcome of the check of its signature; `None` if it sent none.
    proof: Option<Result<(), String>>,
}

impl Watch {
    /// The result of a handshake; `end` is its failure.
    fn sample(&self, address: SocketAddr, end: Option<End>, version: Option<&'static str>) -> Sample {
        let Seen { chain, proof } = self.seen.lock().map(|mut seen| std::mem::take(&mut *seen)).unwrap_or_default();
        let mut sample =
            Sample { address: Some(address), served: Ok(chain), version, broken_off: None, wants_client: false };
        match (proof, end) {
            (Some(Err(reason)), _) => sample.served = Err(reason),
            (Some(Ok(())), None) => {}
            (Some(Ok(())), Some(end)) if end.is_refusal && self.asked.load(Ordering::Relaxed) => {
                sample.wants_client = self.certificate.is_none();
                if self.certificate.is_some() {
                    sample.broken_off = Some(format!("the server refused the client certificate: {}", end.reason));
                }
            }
            (Some(Ok(())), Some(end)) => {
                sample.broken_off = Some(format!("the handshake broke off after the certificate: {}", end.reason));
            }
            (None, Some(end)) if sample.served.as_ref().is_ok_and(|chain| !chain.is_empty()) => {
                let why = "the server sent a certificate, but did not prove that it holds the key";
                sample.served = Err(format!("{why}: {}", end.reason));
            }
            (None, Some(end)) => sample.served = Err(end.reason),
            (None, None) => sample.served = Err("the server sent no certificate".to_owned()),
        }
        sample
    }

    fn verify(
        &self,
        message: &[u8],
        certificate: &[u8],
        signed: &DigitallySignedStruct,
        version: Version,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let proof = check(certificate, message, (signed.scheme, signed.signature()), version);
        let is_proven = proof.is_ok();
        if let Ok(mut seen) = self.seen.lock() {
            seen.proof = Some(proof);
        }
        if is_proven {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(CertificateError::BadSignature))
        }
    }
}

impl ServerCertVerifier for Watch {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Ok(mut seen) = self.seen.lock() {
            seen.chain = std::iter::once(end_entity).chain(intermediates).map(|c| c.to_vec()).collect();
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, cert, signed, Version::Tls12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, cert, signed, Version::Tls13)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

impl ResolvesClientCert for Watch {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certificate.clone()
    }

    fn has_certs(&self) -> bool {
        self.certificate.is_some()
    }
}

/// The client certificate with a key that can sign.
pub(super) fn certified(pair: &ClientPair) -> Result<Arc<CertifiedKey>, String> {
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(pair.chain.clone(), pair.key.clone_key(), &provider)
        .map(Arc::new)
        .map_err(|e| format!("unusable client certificate: {e}"))
}

fn config(watch: &Arc<Watch>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Watch>::clone(watch))
        .with_client_cert_resolver(Arc::<Watch>::clone(watch));
    // Fabric's servers use gRPC and require this protocol.
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session sends no certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, Error as Tls};
    use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;

    const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7051);

    /// What a watch that saw this makes of a handshake that ended so.
    fn sample(proof: Option<Result<(), String>>, end: Option<bool>, asked: bool, with_certificate: bool) -> Sample {
        let certificate = with_certificate.then(|| {
            let made = rcgen::generate_simple_self_signed(["client".to_owned()]).expect("a certificate");
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
            certified(&ClientPair { chain: vec![made.cert.der().clone()], key }).expect("a pair")
        });
        let watch = Watch {
            seen: Mutex::new(Seen { chain: vec![vec![1]], proof }),
            asked: AtomicBool::new(asked),
            certificate,
        };
        watch.sample(ADDRESS, end.map(|is_refusal| End { is_refusal, reason: "END".to_owned() }), None)
    }

    #[test]
    fn certificate_counts_only_with_a_proof() {
        assert_eq!(sample(Some(Ok(())), None, false, false).served, Ok(vec![vec![1]]));
        let refused = sample(Some(Err("another key".to_owned())), Some(true), true, false);
        assert_eq!(refused.served, Err("another key".to_owned()));
        let unproven = sample(None, Some(true), false, false).served.expect_err("no proof");
        assert!(unproven.contains("did not prove that it holds the key") && unproven.contains("END"), "{unproven}");
    }

    #[test]
    fn end_after_the_proof_is_a_refusal_only_of_a_client_that_was_asked() {
        let ended = |is_refusal, asked, with_certificate| {
            let sample = sample(Some(Ok(())), Some(is_refusal), asked, with_certificate);
            assert!(sample.served.is_ok(), "its certificate is proven");
            (sample.wants_client, sample.broken_off.unwrap_or_default())
        };
        assert_eq!(ended(true, true, false), (true, String::new()));
        let refused = "the server refused the client certificate: END".to_owned();
        assert_eq!(ended(true, true, true), (false, refused));
        let broken = (false, "the handshake broke off after the certificate: END".to_owned());
        for (is_refusal, asked) in [(true, false), (false, true), (false, false)] {
            assert_eq!(ended(is_refusal, asked, false), broken, "{is_refusal} {asked}");
        }
    }

    #[test]
    fn alerts_and_closed_connections_come_from_the_server() {
        let of = |e: IoError| End::of(&e).is_refusal;
        let alert = Tls::AlertReceived(AlertDescription::CertificateRequired);
        assert!(of(IoError::new(ErrorKind::InvalidData, alert)));
        for kind in [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe] {
            assert!(of(kind.into()), "{kind}");
        }
        assert!(!of(ErrorKind::TimedOut.into()));
        assert!(!of(IoError::new(ErrorKind::InvalidData, Tls::InvalidCertificate(CertificateError::BadSignature))));
    }

    #[test]
    fn protocol_of_grpc_is_offered() {
        let config = config(&Arc::new(Watch::default())).expect("a configuration");
        assert_eq!(config.alpn_protocols, [b"h2"]);
    }
}
