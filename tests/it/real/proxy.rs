//! A reverse proxy that serves a CA under a path, as an ingress in front of several CAs does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::transport::{self, Issued, PATIENCE};

/// Ends TLS with its own certificate, removes the prefix of the path, and forwards the request over TLS; one request
/// per connection. A path outside the prefix gets a plain-text 404.
///
/// The CA then sees a request target other than the signed one, so it refuses a token (`reenroll`, `register`) with
/// 401, as behind any proxy that rewrites; an enrolment with id and secret passes.
#[derive(Debug)]
pub(crate) struct PathProxy {
    address: SocketAddr,
    prefix: String,
    seen: Arc<Mutex<Vec<String>>>,
    is_open: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    worker: Option<JoinHandle<()>>,
}

struct Route {
    /// Sent instead of the CA's answer to `enroll`; nothing when empty.
    instead: Option<Vec<u8>>,
    prefix: String,
    port: u16,
    anchor: PathBuf,
    tls: Arc<ServerConfig>,
    seen: Arc<Mutex<Vec<String>>>,
    /// Whether the CA's own answers pass.
    is_open: Arc<AtomicBool>,
}

impl PathProxy {
    /// Serves the CA that listens on `localhost:port` behind `anchor` under `prefix` (`/ca/org1`), with `certificate`.
    pub(crate) fn start(prefix: &str, port: u16, anchor: &Path, certificate: &Issued) -> Self {
        Self::answering(prefix, port, anchor, certificate, None)
    }

    /// The same; each answer of the CA to `enroll` is replaced by the bytes `instead`, and dropped when they are empty.
    pub(crate) fn answering(
        prefix: &str,
        port: u16,
        anchor: &Path,
        certificate: &Issued,
        instead: Option<Vec<u8>>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let seen = Arc::new(Mutex::default());
        let (is_open, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let route = Route {
            instead,
            prefix: prefix.to_owned(),
            port,
            anchor: anchor.to_path_buf(),
            tls: certificate.server_config(),
            seen: Arc::clone(&seen),
            is_open: Arc::clone(&is_open),
        };
        let stopping = Arc::clone(&stop);
        let worker = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                // A client may close the connection early.
                let _ = stream.map_err(|e| e.to_string()).and_then(|s| route.serve(s));
            }
        });
        Self { address, prefix: prefix.to_owned(), seen, is_open, stop, worker: Some(worker) }
    }

    /// From now on the CA's own answers pass.
    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }

    /// `https://localhost:PORT/PREFIX`.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}{}", self.address.port(), self.prefix)
    }

    /// The received request targets, in order: `/ca/org1/enroll`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no holder panics").clone()
    }
}

impl Drop for PathProxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees the flag.
        let _ = TcpStream::connect(self.address);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

impl Route {
    fn serve(&self, tcp: TcpStream) -> Result<(), String> {
        tcp.set_read_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
        let tls = ServerConnection::new(Arc::clone(&self.tls)).map_err(|e| e.to_string())?;
        let mut client = StreamOwned::new(tls, tcp);
        let (head, body) = read_request(&mut client)?;
        let answer = self.forward(&head, &body)?;
        client.write_all(&answer).map_err(|e| e.to_string())?;
        client.conn.send_close_notify();
        client.flush().map_err(|e| e.to_string())
    }

    fn forward(&self, head: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        let (first, headers) = head.split_once("\r\n").ok_or("no request line")?;
        let mut words = first.split(' ');
        let (method, target) = words.next().zip(words.next()).ok_or("no request line")?;
        self.seen.lock().expect("no holder panics").push(target.to_owned());
        let Some(rest) = target.strip_prefix(&self.prefix).filter(|rest| rest.starts_with('/')) else {
            return Ok(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\
                        Connection: close\r\n\r\nno such path\n"
                .to_vec());
        };
        let mut upstream = transport::connect(self.port, &self.anchor)?;
        let mut request = format!("{method} {rest} HTTP/1.1\r\nConnection: close\r\n");
        for line in headers.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:")) {
            request.extend([line, "\r\n"]);
        }
        request.push_str("\r\n");
        upstream.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
        upstream.write_all(body).map_err(|e| e.to_string())?;
        upstream.flush().map_err(|e| e.to_string())?;
        let answer = transport::read_to_end(&mut upstream)?;
        let replaces = rest.ends_with("/enroll") && !self.is_open.load(Ordering::SeqCst);
        Ok(self.instead.clone().filter(|_| replaces).unwrap_or(answer))
    }
}

/// The head without its empty line, and the body by `Content-Length`.
fn read_request(stream: &mut impl Read) -> Result<(String, Vec<u8>), String> {
    let mut raw = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = raw.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&raw[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(Ok(0), |(_, value)| value.trim().parse::<usize>())
                .map_err(|e| e.to_string())?;
            if raw.len() >= end + 4 + length {
                return Ok((head, raw[end + 4..end + 4 + length].to_vec()));
            }
        }
        match stream.read(&mut buffer).map_err(|e| e.to_string())? {
            0 => return Err("the client closed in the middle of its request".into()),
            n => raw.extend_from_slice(&buffer[..n]),
        }
    }
}
