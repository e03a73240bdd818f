//! The verdicts of Go programs on fabcert's output: see `tests/oracle`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::tools::{self, Tool};

/// The verdict of Fabric's MSP package on a folder as a peer's local MSP.
#[derive(Debug, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the oracle's own JSON")]
pub(crate) struct MspVerdict {
    /// The Fabric version that judged.
    pub(crate) fabric: String,
    /// The files were read, and the MSP was set up with them and the private key.
    pub(crate) setup: bool,
    /// The folder's signing identity is valid under its own MSP.
    pub(crate) identity: bool,
    /// It signs.
    pub(crate) signs: bool,
    /// Its certificate verifies what it signs.
    pub(crate) verifies: bool,
    /// The roles of the identity: `member`, `admin`, `client`, `peer`, `orderer`.
    pub(crate) roles: Vec<String>,
    /// The first refusal, in Fabric's words.
    pub(crate) error: Option<String>,
}

impl MspVerdict {
    /// Whether `peer node start` succeeds with the folder.
    pub(crate) fn peer_starts(&self) -> bool {
        self.setup && self.identity && self.signs
    }

    /// Whether the identity is a peer of this MSP.
    pub(crate) fn is_peer(&self) -> bool {
        self.roles.iter().any(|role| role == "peer")
    }
}

/// Judges `dir`; Fabric may add an empty `keystore`.
pub(crate) fn msp(dir: &Path, msp_id: &str) -> Option<MspVerdict> {
    let program = tools::find(Tool::MspOracle)?;
    Some(ask(Command::new(program).arg("local").arg(dir).arg(msp_id)))
}

/// Judges `dir` as the MSP of an organisation on a channel with the rules of 1.4.3.
pub(crate) fn msp_of_channel(dir: &Path, msp_id: &str) -> Option<MspVerdict> {
    let program = tools::find(Tool::MspOracle)?;
    Some(ask(Command::new(program).args(["channel", "1.4.3"]).arg(dir).arg(msp_id)))
}

/// The verdict of a Go client on a TLS server.
#[derive(Debug, Deserialize)]
pub(crate) struct TlsVerdict {
    pub(crate) accept: bool,
    /// The refusal in Go's words.
    pub(crate) error: Option<String>,
    /// DNS names of the served leaf; empty after a refusal.
    pub(crate) dns_names: Vec<String>,
}

/// Connects a Go client to `address`, with `anchors` (a PEM file) and the expected `name`.
pub(crate) fn dial(address: &str, anchors: &Path, name: &str) -> Option<TlsVerdict> {
    let program = tools::find(Tool::TlsProbe)?;
    Some(ask(Command::new(program).args(["dial", address]).arg(anchors).arg(name)))
}

/// A Go server with the given certificate and key; ended when dropped.
#[derive(Debug)]
pub(crate) struct GoServer {
    child: Child,
    address: String,
}

#[derive(Deserialize)]
struct Served {
    address: String,
    error: Option<String>,
}

impl GoServer {
    /// Serves; panics with Go's message when it refuses the pair.
    pub(crate) fn start(cert: &Path, key: &Path) -> Option<Self> {
        let program = tools::find(Tool::TlsProbe)?;
        let mut command = Command::new(program);
        // It ends with its standard input, so a killed test leaves no process.
        command.arg("serve").arg(cert).arg(key).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("tls-probe starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line from tls-probe");
        // From here on the child ends when the value is dropped.
        let mut server = Self { child, address: String::new() };
        let Served { address, error } = serde_json::from_str(&line).expect("JSON from tls-probe");
        assert_eq!(error, None, "Go does not take {}", cert.display());
        server.address = address;
        Some(server)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for GoServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether Go clients that trust `anchors` accept the TLS pair under `name`; `None` without the probe.
pub(crate) fn serves_under(cert: &Path, key: &Path, anchors: &Path, name: &str) -> Option<TlsVerdict> {
    let server = GoServer::start(cert, key)?;
    dial(server.address(), anchors, name)
}

fn ask<T: DeserializeOwned>(command: &mut Command) -> T {
    let output = command.stdin(Stdio::null()).output().expect("the oracle starts");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{command:?}: {e}\n{}", String::from_utf8_lossy(&output.stderr)))
}
