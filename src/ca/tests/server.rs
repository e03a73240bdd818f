//! A loopback server with a given behaviour.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::ca::{CaUrl, Client, ClientBuilder};

/// Both directions of a connection.
pub(super) trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

/// The behaviour of a server after it has read a request.
pub(super) type Behaviour = Box<dyn Fn(&mut dyn Connection) + Send>;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// Head and body of each request, as received.
    pub(super) requests: Arc<Mutex<Vec<String>>>,
    /// Receives a value when a client closes a connection.
    pub(super) closed: Receiver<()>,
}

/// Accepts connections in sequence: the n-th uses the n-th of `behaviours`, further ones the last.
pub(super) fn serve(tls: Option<rustls::ServerConfig>, behaviours: Vec<Behaviour>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (closing, closed) = channel();
    let (seen, tls) = (Arc::clone(&requests), tls.map(Arc::new));
    std::thread::spawn(move || {
        for (n, connection) in listener.incoming().enumerate() {
            let mut connection = connection.expect("a connection");
            let behaviour = behaviours.get(n).or_else(|| behaviours.last()).expect("a behaviour");
            match &tls {
                None => talk(&mut connection, &seen, behaviour),
                Some(tls) => {
                    let session = rustls::ServerConnection::new(Arc::clone(tls)).expect("a session");
                    let mut stream = rustls::StreamOwned::new(session, connection);
                    talk(&mut stream, &seen, behaviour);
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                    connection = stream.sock;
                }
            }
            let _ = connection.shutdown(std::net::Shutdown::Write);
            drain(&mut connection);
            let _ = closing.send(());
        }
    });
    Server { address, requests, closed }
}

fn talk(stream: &mut dyn Connection, seen: &Mutex<Vec<String>>, behaviour: &Behaviour) {
    if let Some(request) = read_request(stream) {
        seen.lock().expect("a lock").push(request);
        behaviour(stream);
    }
}

/// Reads until the client closes, because unread data makes the kernel reset the connection.
fn drain(connection: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while !matches!(connection.read(&mut buffer), Ok(0) | Err(_)) {}
}

/// Head and body by `Content-Length`; `None` if the connection ends or fails before.
pub(super) fn read_request(stream: &mut dyn Connection) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "))
                .map_or(0, |l| l.parse().expect("a length"));
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
}

/// Writes these bytes and closes.
pub(super) fn reply(bytes: impl Into<Vec<u8>>) -> Behaviour {
    let bytes = bytes.into();
    Box::new(move |stream| {
        let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
    })
}

/// A complete answer with `Connection: close`, so that the client does not reuse the connection.
pub(super) fn answer(status: &str, body: &str) -> Behaviour {
    let length = body.len();
    reply(format!(
        "HTTP/1.1 {status}\r\nDate: Mon, 23 Nov 2026 03:42:39 GMT\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

/// Keeps the connection open without an answer until the client closes it.
pub(super) fn silence() -> Behaviour {
    Box::new(|stream| {
        let mut buffer = [0; 64];
        while !matches!(stream.read(&mut buffer), Ok(0) | Err(_)) {}
    })
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// A client of the server over plain HTTP, with short limits.
pub(super) fn plain_client(address: SocketAddr) -> ClientBuilder {
    let (url, ..) = CaUrl::parse(&format!("http://{address}")).expect("a URL");
    Client::builder(url).plaintext(true).timeout(Duration::from_secs(5))
}
