//! Peers, the gateway Service in front of them, and a client, all on loopback.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::disk::Disk;
use crate::{Error, ErrorKind};

const LIMIT: usize = 1024 * 1024;

fn broken(what: &str, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Io, what.to_owned()).with_source(e)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(crate::ca::crypto_provider())
}

/// A TLS server with the TLS folder of a peer. It sends its name to each client.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Peer {
    pub(super) async fn start(disk: &Disk, name: &str, tls_dir: &Path) -> Result<Self, Error> {
        let pem = disk.read(&tls_dir.join("server.crt"), LIMIT)?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|e| broken("cannot read the certificate of the peer", e))?;
        let key = disk.read_secret(&tls_dir.join("server.key"), LIMIT)?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| broken("cannot read the key of the peer", e))?;
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|b| b.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|e| broken("cannot use the TLS pair of the peer", e))?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| broken("cannot open a port", e))?;
        let address = listener.local_addr().map_err(|e| broken("cannot open a port", e))?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let greeting = format!("{name}\n");
        let task = tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not accept the certificate closes the connection, and reports it.
                if let Ok(mut tls) = acceptor.accept(stream).await {
                    drop(tls.write_all(greeting.as_bytes()).await);
                    drop(tls.shutdown().await);
                }
            }
        });
        Ok(Self { address, task })
    }

    /// Stops the peer and closes its port.
    pub(super) async fn stop(self) {
        self.task.abort();
        drop(self.task.await);
    }
}

/// The Service: one address; each connection goes to the next peer that runs.
pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Gateway {
    pub(super) async fn start(peers: Vec<SocketAddr>) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| broken("cannot open a port", e))?;
        let address = listener.local_addr().map_err(|e| broken("cannot open a port", e))?;
        let next = Rc::new(Cell::new(0usize));
        let task = tokio::task::spawn_local(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                for _ in 0..peers.len() {
                    let at = next.get();
                    next.set(at + 1);
                    if let Ok(mut peer) = TcpStream::connect(peers[at % peers.len()]).await {
                        drop(tokio::io::copy_bidirectional(&mut client, &mut peer).await);
                        break;
                    }
                }
            }
        });
        Ok(Self { address, task })
    }

    pub(super) async fn stop(self) {
        self.task.abort();
        drop(self.task.await);
    }
}

/// A client that dials the gateway by its name, as an application does.
pub(super) struct Application {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Application {
    pub(super) fn new(disk: &Disk, ca: &Path, name: &str) -> Result<Self, Error> {
        let mut roots = rustls::RootCertStore::empty();
        let pem = disk.read(ca, LIMIT)?;
        for cert in CertificateDer::pem_slice_iter(&pem) {
            let cert = cert.map_err(|e| broken("cannot read the trust anchor", e))?;
            roots.add(cert).map_err(|e| broken("cannot use the trust anchor", e))?;
        }
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| broken("cannot set up TLS", e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name =
            ServerName::try_from(name.to_owned()).map_err(|e| broken("the gateway's name is not a DNS name", e))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Dials once. Gives the name of the peer that answered, or why there is no connection.
    pub(super) async fn dial(&self, address: SocketAddr) -> Result<String, String> {
        let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
        let mut tls = self.connector.connect(self.name.clone(), stream).await.map_err(|e| e.to_string())?;
        let mut text = String::new();
        tls.read_to_string(&mut text).await.map_err(|e| e.to_string())?;
        Ok(text.trim().to_owned())
    }
}
