//! A node that reads its certificate at its start, and only then, as Fabric does.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fabcert::pki::x509::Cert;
use rustls::ServerConfig;

use crate::audit::live::{server_config, shake_hands};

/// A node; while it is down, connections are closed at once.
pub(super) struct Node {
    tls: PathBuf,
    pub(super) port: u16,
    serves: Arc<Mutex<Option<Arc<ServerConfig>>>>,
    /// The serial of the certificate that it read.
    serial: String,
}

/// The files of a folder, with the names of Secrets if it has those.
fn files(tls: &Path) -> [PathBuf; 2] {
    let name = if tls.join("tls.crt").exists() { "tls" } else { "server" };
    ["crt", "key"].map(|kind| tls.join(format!("{name}.{kind}")))
}

/// The serial of the certificate in a TLS folder.
pub(super) fn serial(tls: &Path) -> String {
    Cert::all_from_pem(&std::fs::read(&files(tls)[0]).unwrap()).unwrap()[0].serial_hex()
}

impl Node {
    /// A node that runs with what is in the folder.
    pub(super) fn start(tls: PathBuf) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serves: Arc<Mutex<Option<Arc<ServerConfig>>>> = Arc::default();
        let reads = Arc::clone(&serves);
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let config = reads.lock().unwrap().clone();
                if let Some(config) = config {
                    shake_hands(tcp, &config);
                }
            }
        });
        let mut node = Self { tls, port, serves, serial: String::new() };
        node.read();
        node
    }

    /// Starts with what is in the folder now.
    pub(super) fn read(&mut self) {
        let [cert, key] = files(&self.tls).map(|file| std::fs::read_to_string(file).unwrap());
        *self.serves.lock().unwrap() = Some(Arc::new(server_config(&cert, &key)));
        self.serial = serial(&self.tls);
    }

    pub(super) fn stop(&self) {
        *self.serves.lock().unwrap() = None;
    }

    pub(super) fn is_up(&self) -> bool {
        self.serves.lock().unwrap().is_some()
    }

    pub(super) fn has_read(&self, serial: &str) -> bool {
        self.is_up() && self.serial == serial
    }
}
