//! A relay between a client and a CA: an address that appears late, or a proxy (`CONNECT`).

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::transport::PATIENCE;

/// Forwards every connection. Its threads end with the test's process.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

/// The head of a connection, which is not forwarded, and the target of the rest.
type Opened = (String, Option<(TcpStream, TcpStream)>);

impl Relay {
    /// Listens on `address` and forwards everything to `port`.
    pub(crate) fn to(port: u16, address: (&str, u16)) -> Self {
        Self::start(address, move |client| {
            let server = TcpStream::connect(("127.0.0.1", port));
            (String::new(), server.ok().map(|server| (client, server)))
        })
    }

    /// An HTTP proxy that supports `CONNECT` only.
    pub(crate) fn proxy() -> Self {
        Self::start(("127.0.0.1", 0), |mut client| {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let opened = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).and_then(|target| {
                let server = TcpStream::connect(target.replace("localhost", "127.0.0.1")).ok()?;
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
                Some((client, server))
            });
            (head, opened)
        })
    }

    /// The port on which it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.heads().len()
    }

    /// The part of each connection that only the relay has read: the head of the `CONNECT` request, or nothing.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no holder panics").clone()
    }

    fn start(address: (&str, u16), open: impl Fn(TcpStream) -> Opened + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let heads = Arc::new(Mutex::default());
        let (kept, open) = (Arc::clone(&heads), Arc::new(open));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (kept, open): (Arc<Mutex<Vec<String>>>, _) = (Arc::clone(&kept), Arc::clone(&open));
                std::thread::spawn(move || {
                    let (head, opened) = open(client);
                    kept.lock().expect("no holder panics").push(head);
                    if let Some((client, server)) = opened {
                        pass(&client, &server);
                    }
                });
            }
        });
        Self { address, heads }
    }
}

fn pass(client: &TcpStream, server: &TcpStream) {
    let one_way = |from: &TcpStream, to: &TcpStream| {
        let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
        let _ = from.set_read_timeout(Some(PATIENCE));
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        })
    };
    let ways = [one_way(client, server), one_way(server, client)];
    for way in ways {
        let _ = way.join();
    }
}
