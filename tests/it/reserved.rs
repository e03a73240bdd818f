//! Ports without a listener. A port that was free a moment ago may be another test's by now; a reserved one stays.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that is given to nobody else who asks for a free one. Connections are refused until a program
/// listens at it, which it may.
#[derive(Debug)]
pub(crate) struct ReservedPort(TcpSocket);

impl ReservedPort {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // So that a program may listen there.
        socket.set_reuseaddr(true).unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        Self(socket)
    }

    pub(crate) fn number(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// An address at which nobody listens until the tests end.
pub(crate) fn nobody() -> SocketAddr {
    let port = ReservedPort::new();
    let address = port.0.local_addr().unwrap();
    std::mem::forget(port);
    address
}

#[test]
fn a_reserved_port_refuses_until_a_program_listens_there() {
    let port = ReservedPort::new();
    let address = (Ipv4Addr::LOCALHOST, port.number());
    let refused = std::net::TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let listener = std::net::TcpListener::bind(address).unwrap();
    std::net::TcpStream::connect(address).unwrap();
    drop(listener);
}
