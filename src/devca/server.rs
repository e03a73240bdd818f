//! The listener, TLS and HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming as IncomingBody;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::delivery::{Answer, Stream};
use super::issue::{self, Template, Usage};
use super::route::{self, Incoming};
use super::san::San;
use super::sending::Sending;
use super::state::Server;
use super::subject::Subject;
use super::{Clock, DevCaError};
use crate::pki::key::{KeyAlgorithm, KeyPair};

impl Server {
    /// TLS settings with a new certificate of the default CA. Only the leaf is sent, as by the real server with a
    /// generated certificate.
    pub(super) fn tls(&self) -> Result<TlsAcceptor, DevCaError> {
        let authority = &self.default_ca().authority;
        let key = KeyPair::generate(KeyAlgorithm::P256).map_err(|_| DevCaError::NoRandomness)?;
        let hosts = ["localhost", "127.0.0.1", "::1"].into_iter().chain(self.config.hosts.iter().map(String::as_str));
        let template = Template {
            subject: Subject::of_ca("Fabric", "fabric-ca-server"),
            sans: hosts.map(San::of_host).collect(),
            spki: key.spki_der(),
            not_before: authority.not_before(),
            not_after: authority.not_after(),
            usage: Usage::Tls,
            attributes: None,
        };
        let leaf = issue::write(&template, &authority.signer())?;
        let refused = |_| DevCaError::Encoding("the TLS certificate");
        let key = PrivateKeyDer::from_pem_slice(key.to_pkcs8_pem().as_bytes())
            .map_err(|_| DevCaError::Encoding("the TLS key"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clock = Arc::new(TlsClock(Arc::clone(&self.config.clock)));
        let builder = ServerConfig::builder_with_details(Arc::clone(&provider), clock);
        let builder = builder.with_safe_default_protocol_versions().map_err(refused)?;
        let builder = if self.config.require_client_certificate {
            let mut roots = rustls::RootCertStore::empty();
            for der in CertificateDer::pem_slice_iter(authority.chain_pem().as_bytes()).flatten() {
                roots.add(der).map_err(refused)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|_| DevCaError::Encoding("the client anchors"))?)
        } else {
            builder.with_no_client_auth()
        };
        let config = builder.with_single_cert(vec![CertificateDer::from(leaf.der)], key).map_err(refused)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// The dev CA's clock, for client certificates.
struct TlsClock(Clock);

impl std::fmt::Debug for TlsClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsClock")
    }
}

impl TimeProvider for TlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from((self.0)().unix()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// Binds, so that the port is known before serving starts.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, DevCaError> {
    TcpListener::bind(address).await.map_err(|source| DevCaError::Listen { address, source })
}

/// The pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` fires or its sender is dropped; then drops open connections.
pub(super) async fn serve(
    server: Arc<Server>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    mut stop: watch::Receiver<bool>,
) {
    let most = server.config.limits.connections;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < most => match accepted {
                Ok((stream, _)) => drop(connections.spawn(converse(Arc::clone(&server), stream, tls.clone()))),
                // A connection that broke before it was accepted does not stop the server. An error that stays, as without
                // file descriptors, does not take the processor.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

const PLAIN_TO_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

async fn converse(server: Arc<Server>, stream: TcpStream, tls: Option<TlsAcceptor>) {
    let wait = server.config.limits.wait;
    let Some(acceptor) = tls else { return speak(server, TokioIo::new(Sending::new(stream, wait))).await };
    let mut first = [0u8];
    let Ok(peeked) = timeout(wait, stream.peek(&mut first)).await else { return };
    // A TLS handshake record starts with 22; other connections get Go's answer.
    if matches!(peeked, Ok(1)) && first != [22] {
        if stream.writable().await.is_ok() {
            let _ = stream.try_write(PLAIN_TO_TLS);
            // Unread data would reset the connection before the client reads the answer.
            let mut rest = [0u8; 4096];
            let _ = stream.try_read(&mut rest);
        }
        return;
    }
    if let Ok(Ok(stream)) = timeout(wait, acceptor.accept(Sending::new(stream, wait))).await {
        speak(server, TokioIo::new(stream)).await;
    }
}

async fn speak<I>(server: Arc<Server>, io: I)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    let limits = server.config.limits;
    let service = service_fn(move |request| respond(Arc::clone(&server), request));
    let mut http = http1::Builder::new();
    http.title_case_headers(true).max_buf_size(limits.head).timer(TokioTimer::new()).header_read_timeout(limits.wait);
    // Errors come from the client or a fault.
    let _ = http.serve_connection(io, service).await;
}

/// The connection closes without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost intentionally")]
struct Lost;

async fn respond(server: Arc<Server>, request: Request<IncomingBody>) -> Result<Response<Stream>, Lost> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str).to_owned();
    let authorization = head.headers.get("authorization").map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let limits = server.config.limits;
    let body = match timeout(limits.wait, Limited::new(body, limits.body).collect()).await {
        Ok(Ok(body)) => body.to_bytes().to_vec(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => {
            return Answer::text(413, "http: request body too large\n").into_response(server.now()).await.ok_or(Lost);
        }
        // A body that ends early or does not end closes the connection without an answer.
        Ok(Err(_)) | Err(_) => return Err(Lost),
    };
    let incoming = Incoming { method: head.method.as_str().to_owned(), target, authorization, body };
    let answer = route::answer(&server, &incoming);
    answer.into_response(server.now()).await.ok_or(Lost)
}
