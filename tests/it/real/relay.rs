//! Something between a client and a CA that passes bytes on: an address that comes up late, or a proxy (`CONNECT`).

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::transport::PATIENCE;

/// Passes every connection on. Its threads end with the test's process.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Relay {
    /// Listens on `address` and passes everything on to `port`.
    pub(crate) fn to(port: u16, address: (&str, u16)) -> Self {
        Self::start(address, move |client| {
            let server = TcpStream::connect(("127.0.0.1", port)).ok()?;
            Some((client, server))
        })
    }

    /// An HTTP proxy that understands `CONNECT` and nothing else.
    pub(crate) fn proxy() -> Self {
        Self::start(("127.0.0.1", 0), |mut client| {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                client.read_exact(&mut byte).ok()?;
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).ok()?;
            let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.replace("localhost", "127.0.0.1");
            let server = TcpStream::connect(target).ok()?;
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
            Some((client, server))
        })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn start(
        address: (&str, u16),
        open: impl Fn(TcpStream) -> Option<(TcpStream, TcpStream)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let open = Arc::new(open);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let open = Arc::clone(&open);
                std::thread::spawn(move || {
                    if let Some((client, server)) = open(client) {
                        pass(&client, &server);
                    }
                });
            }
        });
        Self { address, connections }
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
