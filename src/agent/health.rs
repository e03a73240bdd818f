//! The health server: what the board says, by HTTP/1.1. It reads no body, and whoever dials it holds a connection for seconds.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::metrics;
use super::status::{Board, Identity, Reason, Status};
use crate::text::escape::{Form, Screen};
use crate::{Error, ErrorKind, Timestamp};

/// The most connections at once; others wait in the backlog.
const CONNECTIONS: usize = 32;
/// The most bytes of a request's head; hyper takes no smaller limit.
const HEAD: usize = 8 * 1024;
/// The most header fields.
const FIELDS: usize = 32;
/// The time in which the head must arrive.
const HEAD_TIME: Duration = Duration::from_secs(1);
/// The time after which a connection is closed, whatever it does.
const TIME: Duration = Duration::from_secs(10);
/// The pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A page: status, type and content.
pub(crate) type Page = (StatusCode, &'static str, String);

/// The pages of a server.
pub(crate) trait Pages: Send + Sync + 'static {
    /// The answer to a GET of this path.
    fn page(&self, path: &str) -> Page;
}

/// What the server of the agent shows.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) board: Arc<Board>,
    /// Whether an identity whose renewal is overdue is unready.
    pub(crate) unready_when_overdue: bool,
}

/// Listens on `address`; with port 0 the system chooses one, which the listener knows.
///
/// # Errors
/// [`ErrorKind::Io`] if the address cannot be used.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|e| {
        Error::new(ErrorKind::Io, format!("cannot listen on {address}"))
            .with_source(e)
            .with_help("give --listen an address of this machine and a free port")
    })
}

/// Answers for ever.
pub(crate) async fn serve(listener: TcpListener, pages: Arc<impl Pages>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => drop(connections.spawn(converse(stream, Arc::clone(&pages)))),
                // An error that stays, as without file descriptors, does not take the processor.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

/// One request and its answer.
async fn converse(stream: TcpStream, pages: Arc<impl Pages>) {
    let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&*pages, &request))));
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(HEAD).max_headers(FIELDS);
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    // Errors come from the client.
    let _ = timeout(TIME, http.serve_connection(TokioIo::new(stream), service)).await;
}

fn answer(pages: &impl Pages, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, kind, body) = page(pages, request.method(), request.uri().path());
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}

/// The answer to a request.
fn page(pages: &impl Pages, method: &Method, path: &str) -> Page {
    let page = pages.page(path);
    if page.0 == StatusCode::NOT_FOUND || matches!(*method, Method::GET | Method::HEAD) {
        return page;
    }
    (StatusCode::METHOD_NOT_ALLOWED, TEXT, "expected GET\n".to_owned())
}

impl Pages for Health {
    fn page(&self, path: &str) -> Page {
        match path {
            "/livez" => self.board.read(livez),
            "/readyz" => self.board.read(|status| self.readyz(status, None)),
            "/metrics" => self.board.read(|status| exposed(metrics::exposition(status))),
            _ => match path.strip_prefix("/readyz/").and_then(decoded) {
                Some(id) if self.board.read(|status| status.watches(&id)) => {
                    self.board.read(|status| self.readyz(status, Some(&id)))
                }
                Some(_) => (StatusCode::NOT_FOUND, TEXT, "the agent has no identity with this id\n".to_owned()),
                None => not_found("expected /livez, /readyz, /readyz/ID or /metrics\n"),
            },
        }
    }
}

impl Health {
    /// Whether the identities with this id, or all, are ready.
    fn readyz(&self, status: &Status, id: Option<&str>) -> Page {
        let now = status.now();
        let chosen = status.identities.iter().filter(|identity| id.is_none_or(|id| identity.id == id));
        let identities: Vec<Shown<'_>> =
            chosen.map(|identity| Shown::new(identity, now, self.unready_when_overdue)).collect();
        // Before the first look there is nothing that could be ready.
        let ready = !identities.is_empty() && identities.iter().all(|identity| identity.ready);
        readiness(ready, &Readiness { schema_version: 1, ready, identities })
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

/// A page that is not there.
pub(crate) fn not_found(text: &str) -> Page {
    (StatusCode::NOT_FOUND, TEXT, text.to_owned())
}

/// A page of metrics.
pub(crate) fn exposed(text: Result<String, std::fmt::Error>) -> Page {
    text.map_or_else(|_| broken(), |text| (StatusCode::OK, metrics::CONTENT_TYPE, text))
}

/// A page of JSON, for a server that is `ready` or not.
pub(crate) fn readiness(ready: bool, value: &impl Serialize) -> Page {
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(value).map_or_else(broken, |text| (code, "application/json", text))
}

fn livez(status: &Status) -> Page {
    if status.is_alive() {
        return (StatusCode::OK, TEXT, "ok\n".to_owned());
    }
    let text = format!("the loop turned last at {}, to turn again by {}\n", status.turned_at, status.next_turn);
    (StatusCode::SERVICE_UNAVAILABLE, TEXT, text)
}

fn broken() -> Page {
    (StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the answer cannot be written\n".to_owned())
}

/// JSON in one line. Characters that a terminal acts on are escaped: people read this with `curl`.
fn json(value: &impl Serialize) -> Option<String> {
    let mut out = Vec::new();
    let mut screen = Screen::new(&mut out, Form::Json);
    screen.write_all(&serde_json::to_vec(value).ok()?).ok()?;
    screen.write_all(b"\n").ok()?;
    screen.flush().ok()?;
    drop(screen);
    String::from_utf8(out).ok()
}

/// A segment of a path without its percent forms (RFC 3986 section 2.1); `None` if it is not UTF-8 text.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, more @ ..] = rest {
        rest = more;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(more.get(..2)?).ok()?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        rest = &more[2..];
    }
    String::from_utf8(bytes).ok()
}

/// `/readyz`.
#[derive(Serialize)]
struct Readiness<'a> {
    schema_version: u32,
    ready: bool,
    identities: Vec<Shown<'a>>,
}

/// An identity in `/readyz`.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    ready: bool,
    reasons: Vec<Reason>,
    overdue: bool,
    /// The last try, if it failed: it does not make the identity unready.
    failure: Option<ShownFailure<'a>>,
}

#[derive(Serialize)]
struct ShownFailure<'a> {
    kind: &'static str,
    message: &'a str,
    at: String,
    next_try: Option<String>,
}

impl<'a> Shown<'a> {
    fn new(identity: &'a Identity, now: Timestamp, unready_when_overdue: bool) -> Self {
        let reasons = identity.reasons(now, unready_when_overdue);
        let failure = identity.failure.as_ref().map(|failure| ShownFailure {
            kind: failure.kind,
            message: &failure.message,
            at: failure.at.rfc3339(),
            next_try: failure.next_try.map(Timestamp::rfc3339),
        });
        Self { id: &identity.id, ready: reasons.is_empty(), reasons, overdue: identity.is_overdue(now), failure }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::status::{Failure, Folder};
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(2000);

    fn identity(id: &str, not_after: i64) -> Identity {
        let at = Timestamp::from_unix;
        let folder =
            Folder { role: "tls", not_after: Some(at(not_after)), due_at: Some(at(1000)), ..Folder::default() };
        Identity { id: id.to_owned(), folders: vec![folder], ..Identity::default() }
    }

    fn health(identities: Vec<Identity>) -> Health {
        let board = Board::new(NOW);
        board.update(|status| status.identities = identities);
        Health { board: Arc::new(board), unready_when_overdue: false }
    }

    fn get(health: &Health, path: &str) -> (u16, serde_json::Value) {
        let (status, kind, body) = page(health, &Method::GET, path);
        assert_eq!(kind, "application/json", "{body}");
        (status.as_u16(), serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn the_node_is_ready_when_every_identity_is() {
        let mut good = identity("peer1", 9000);
        let at = Timestamp::from_unix(1500);
        let next_try = Some(Timestamp::from_unix(2100));
        good.failure = Some(Failure { kind: "unreachable", message: "no\u{202e} route".to_owned(), at, next_try });
        let health = health(vec![good, identity("a b", 1999)]);
        let (code, all) = get(&health, "/readyz");
        assert_eq!((code, &all["schema_version"], &all["ready"]), (503, &1.into(), &false.into()));
        assert_eq!(all["identities"][1]["reasons"][0]["kind"], "expired");
        assert_eq!(all["identities"][1]["overdue"], true);
        let (code, one) = get(&health, "/readyz/peer1");
        assert_eq!((code, &one["ready"]), (200, &true.into()));
        assert_eq!(one["identities"].as_array().unwrap().len(), 1);
        assert_eq!(one["identities"][0]["reasons"], serde_json::json!([]));
        let failure = serde_json::json!({"kind": "unreachable", "message": "no\u{202e} route",
            "at": "1970-01-01T00:25:00Z", "next_try": "1970-01-01T00:35:00Z"});
        assert_eq!(one["identities"][0]["failure"], failure);
        assert!(!page(&health, &Method::GET, "/readyz/peer1").2.contains('\u{202e}'), "a terminal would act on it");
        assert_eq!(get(&health, "/readyz/a%20b").0, 503);
    }

    #[test]
    fn an_agent_that_has_not_looked_yet_is_unready_and_alive() {
        let health = health(Vec::new());
        assert_eq!(get(&health, "/readyz").0, 503);
        assert_eq!(page(&health, &Method::GET, "/livez").0.as_u16(), 200);
    }

    #[test]
    fn a_loop_that_hangs_is_not_alive() {
        let health = health(vec![identity("peer1", 9000)]);
        health.board.update(Status::hang);
        let (status, _, text) = page(&health, &Method::GET, "/livez");
        let expected = "the loop turned last at 1970-01-01T00:33:20Z, to turn again by 1970-01-01T00:33:20Z\n";
        assert_eq!((status.as_u16(), text.as_str()), (503, expected));
    }

    #[test]
    fn other_pages_are_not_found_and_other_methods_not_allowed() {
        let health = health(vec![identity("peer1", 9000)]);
        for path in ["/", "/readyz/", "/readyz/peer2", "/readyz/%", "/readyz/%ff", "/readyz/%+1", "/livez/", "*"] {
            assert_eq!(page(&health, &Method::GET, path).0.as_u16(), 404, "{path}");
        }
        for path in ["/livez", "/readyz", "/readyz/peer1", "/metrics"] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
                assert_eq!(page(&health, &method, path).0.as_u16(), 405, "{method} {path}");
            }
            assert_eq!(page(&health, &Method::HEAD, path).0.as_u16(), 200, "{path}");
        }
    }

    /// A server on a port of its own.
    async fn served(health: Health) -> SocketAddr {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::new(health)));
        address
    }

    /// What the server answers to these bytes until it closes the connection.
    async fn sent(address: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A server that closes before it has read everything resets the connection.
        let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("a closed connection");
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn one_connection_takes_one_request() {
        let address = served(health(vec![identity("peer1", 9000)])).await;
        let answer = sent(address, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("connection: close"), "{answer}");
        assert_eq!(body, "ok\n");
        let head = sent(address, b"HEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        let post = sent(address, b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").await;
        assert!(
            post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD"),
            "no body is waited for: {post}"
        );
        let metrics = sent(address, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0"), "{metrics}");
        assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    }

    #[tokio::test]
    async fn slow_and_large_requests_end() {
        let address = served(health(Vec::new())).await;
        let large = [b"GET /livez HTTP/1.1\r\nA: ", &vec![b'a'; 2 * HEAD][..], b"\r\n\r\n"].concat();
        assert!(!sent(address, &large).await.contains("200 OK"));
        let many = format!("GET /livez HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(FIELDS + 1));
        assert!(!sent(address, many.as_bytes()).await.contains("200 OK"));
        let begun = std::time::Instant::now();
        assert!(!sent(address, b"GET /livez HTTP/1.1\r\nHost:").await.contains("200 OK"));
        assert!(begun.elapsed() < TIME, "the head has a time limit of its own");
    }

    #[tokio::test]
    async fn connections_that_say_nothing_hold_up_the_others_for_seconds_only() {
        let address = served(health(Vec::new())).await;
        let mut idle = Vec::new();
        for _ in 0..2 * CONNECTIONS {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let answer = sent(address, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn an_address_in_use_is_an_error_that_names_it() {
        let taken = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap().local_addr().unwrap();
        let _held = bind(taken).await.unwrap();
        let error = bind(taken).await.unwrap_err();
        assert_eq!((error.exit_code(), error.to_string()), (5, format!("cannot listen on {taken}")));
    }
}
