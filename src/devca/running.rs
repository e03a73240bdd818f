//! Starts dev CAs, and controls running ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::log::lock;
use super::server;
use super::state::{Ca, Server};
use super::{DevCaConfig, DevCaError, Endpoint, FaultRule, IdentitySpec, Logged, WARNING};

/// The dev CA.
#[derive(Clone, Copy, Debug)]
pub struct DevCa;

impl DevCa {
    /// Starts a dev CA on the current tokio runtime (with time and IO), which must keep running.
    ///
    /// # Errors
    /// If listening fails, or the state file cannot be read or written.
    pub async fn start(config: DevCaConfig) -> Result<Running, DevCaError> {
        let ready = Ready::new(config).await?;
        let (stop, stopped) = watch::channel(false);
        let running = ready.running(stop, None);
        tokio::spawn(ready.serve(stopped));
        Ok(running)
    }

    /// Starts a dev CA on its own thread, for callers that block or have no runtime.
    ///
    /// # Errors
    /// As [`DevCa::start`], and if the thread cannot be started.
    pub fn spawn_thread(config: DevCaConfig) -> Result<Running, DevCaError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DevCaError::Thread)?;
        let (send, receive) = mpsc::channel();
        let work = move || {
            runtime.block_on(async {
                let ready = match Ready::new(config).await {
                    Ok(ready) => ready,
                    Err(e) => {
                        let _ = send.send(Err(e));
                        return;
                    }
                };
                let (stop, stopped) = watch::channel(false);
                if send.send(Ok(ready.running(stop, None))).is_ok() {
                    ready.serve(stopped).await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("dev-ca".to_owned()).spawn(work).map_err(DevCaError::Thread)?;
        let ended = || DevCaError::Thread(std::io::Error::other("the thread ended during startup"));
        let mut running = receive.recv().map_err(|_| ended())??;
        running.thread = Some(thread);
        Ok(running)
    }
}

/// A bound server that does not serve yet.
struct Ready {
    server: Arc<Server>,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl Ready {
    async fn new(config: DevCaConfig) -> Result<Self, DevCaError> {
        tracing::warn!("{WARNING}");
        let listener = server::bind(config.listen).await?;
        let address = listener.local_addr().map_err(|source| DevCaError::Listen { address: config.listen, source })?;
        let server = Server::prepare(config)?;
        let tls = if server.config.plaintext { None } else { Some(server.tls()?) };
        Ok(Self { server: Arc::new(server), listener, address, tls })
    }

    fn running(&self, stop: watch::Sender<bool>, thread: Option<JoinHandle<()>>) -> Running {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let prefix = self.server.config.path_prefix.as_deref().unwrap_or("").trim_end_matches('/');
        let url = format!("{scheme}://{}{prefix}", self.address);
        Running { server: Arc::clone(&self.server), address: self.address, url, stop, thread }
    }

    async fn serve(self, stopped: watch::Receiver<bool>) {
        server::serve(self.server, self.listener, self.tls, stopped).await;
    }
}

/// A running dev CA. Dropping it closes all connections and stops it.
pub struct Running {
    server: Arc<Server>,
    address: SocketAddr,
    url: String,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// The address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Base URL by address (`https://127.0.0.1:PORT`, with the path prefix), without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Trust anchor for its TLS, PEM: the certificate of the first CA, which signed the server's. One certificate.
    pub fn tls_anchor_pem(&self) -> String {
        self.server.default_ca().authority.own_pem()
    }

    /// Root of the first CA, PEM. One certificate.
    pub fn root_pem(&self) -> String {
        self.server.default_ca().authority.root_pem()
    }

    /// Chain of the first CA, PEM: its own certificate first, its root last, then its former roots that are in the chain.
    pub fn chain_pem(&self) -> String {
        self.server.default_ca().chain_pem()
    }

    /// Chain of the CA named `ca_name`, in the same form; `None` if there is no such CA.
    pub fn chain_pem_of(&self, ca_name: &str) -> Option<String> {
        self.server.ca(ca_name).map(Ca::chain_pem)
    }

    /// All logged requests, oldest first.
    pub fn requests(&self) -> Vec<Logged> {
        self.server.log.all()
    }

    /// The number of requests to `endpoint`.
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.requests().iter().filter(|r| r.endpoint == endpoint).count()
    }

    /// The number of requests to `endpoint` with this `status`.
    pub fn count_answered(&self, endpoint: Endpoint, status: u16) -> usize {
        self.requests().iter().filter(|r| r.endpoint == endpoint && r.status == Some(status)).count()
    }

    /// Clears the logged requests.
    pub fn clear_requests(&self) {
        self.server.log.clear();
    }

    /// Adds a fault.
    pub fn add_fault(&self, rule: impl Into<FaultRule>) {
        self.server.switches.add(rule.into());
    }

    /// Replaces all faults with this one.
    pub fn set_fault(&self, rule: impl Into<FaultRule>) {
        self.server.switches.clear();
        self.server.switches.add(rule.into());
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.server.switches.clear();
    }

    /// Registers `spec` at every CA where its id does not exist.
    ///
    /// # Errors
    /// If the state file cannot be written.
    pub fn add_identity(&self, spec: &IdentitySpec) -> Result<(), DevCaError> {
        self.server.cas.iter().try_for_each(|ca| lock(&ca.registry).add_spec(spec))?;
        self.server.save()
    }

    /// Revokes the identity `id` at every CA, with all its certificates.
    ///
    /// # Errors
    /// If the state file cannot be written.
    pub fn revoke(&self, id: &str) -> Result<(), DevCaError> {
        for ca in &self.server.cas {
            lock(&ca.registry).revoke(id, self.server.now());
        }
        self.server.save()
    }

    /// Counted enrolments of `id` at the CA named `ca_name`; `None` if there is no such CA or identity.
    pub fn enrollments(&self, ca_name: &str, id: &str) -> Option<u64> {
        let ca = self.server.ca(ca_name)?;
        lock(&ca.registry).get(id).and_then(|i| u64::try_from(i.enrolled).ok())
    }

    /// Consecutive wrong secrets of `id` at the CA named `ca_name`; `None` if there is no such CA or identity.
    pub fn wrong_secrets(&self, ca_name: &str, id: &str) -> Option<u32> {
        let ca = self.server.ca(ca_name)?;
        lock(&ca.registry).get(id).map(|i| i.wrong_secrets)
    }

    /// Certificates issued to `id` at all CAs, PEM, oldest first within a CA, including faulty ones.
    pub fn issued(&self, id: &str) -> Vec<String> {
        let of = |ca: &Ca| -> Vec<String> {
            lock(&ca.registry).issued().filter(|c| c.id == id).map(|c| c.pem.clone()).collect()
        };
        self.server.cas.iter().flat_map(of).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("url", &self.url).finish_non_exhaustive()
    }
}
