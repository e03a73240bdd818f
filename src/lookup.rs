//! Name resolution that nothing waits for.
//!
//! The system's resolver (`getaddrinfo`) blocks, and cannot be cancelled: with a silent name server it returns after 10 seconds
//! or more. Each lookup therefore has a thread of its own. A future that is dropped leaves the thread behind, and neither
//! the end of a tokio runtime nor that of the process waits for it, which both do for a task that blocks.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use tokio::sync::oneshot;

/// Resolves a host name, or an IP address without brackets, with the system's resolver. Drop the future to give up.
///
/// # Errors
/// Those of the resolver, and of the system if it refuses a thread.
pub(crate) async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (found, receive) = oneshot::channel();
    let host = host.to_owned();
    std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
        // Nobody receives it if the time is over.
        drop(found.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect)));
    })?;
    receive.await.unwrap_or_else(|_| Err(io::Error::other("the thread of the lookup failed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    #[test]
    fn names_and_addresses_are_resolved() {
        let loopback = |found: io::Result<Vec<SocketAddr>>| {
            found.unwrap().iter().all(|address| address.ip().is_loopback() && address.port() == 7051)
        };
        assert!(loopback(run(lookup("localhost", 7051))));
        assert!(loopback(run(lookup("::1", 7051))));
        assert!(run(lookup("no-such-host.invalid", 7051)).is_err());
    }
}
