//! Real Fabric nodes on folders of fabcert: an orderer with a channel, and peers.

mod bft;
mod clients;
mod node;
mod orderer;
mod peer;
mod revoked;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Ran, fabcert};
use crate::enroll::scene::text;
use crate::real::tools::{Tool, find};
use crate::real::{ADMIN, CaUnderTest, RealCa, Registration};

/// The programs of a Fabric network.
struct Programs {
    orderer: PathBuf,
    configtxgen: PathBuf,
    osnadmin: PathBuf,
}

impl Programs {
    /// `None` where they are missing.
    fn find() -> Option<Self> {
        let (orderer, configtxgen, osnadmin) = (find(Tool::Orderer)?, find(Tool::ConfigTxGen)?, find(Tool::OsnAdmin)?);
        Some(Self { orderer, configtxgen, osnadmin })
    }
}

/// A folder with the identities of an ordering organisation, issued by a real CA.
struct Organisation {
    ca: RealCa,
    dir: tempfile::TempDir,
}

impl Organisation {
    fn new() -> Option<Self> {
        let ca = RealCa::builder().start()?;
        Some(Self { ca, dir: tempfile::tempdir().unwrap() })
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Registers `id` and enrols both of its folders.
    fn enroll(&self, id: &str, kind: &str, names: &[&str]) {
        let secret = format!("{id}pw");
        self.ca.register(&Registration { kind, ..Registration::peer(id, &secret) });
        let ran = self.run("enroll", id, &["--id", id, "--role", kind, "--san", &names.join(",")], Some(&secret));
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    /// Runs `fabcert COMMAND` for both folders of `id`.
    fn run(&self, command: &str, id: &str, more: &[&str], secret: Option<&str>) -> Ran {
        let (url, anchor) = (self.ca.url(), text(self.ca.tls_anchor()));
        let (msp, tls) = (text(&self.path(&format!("{id}/msp"))), text(&self.path(&format!("{id}/tls"))));
        let args = [command, "--url", &url, "--tls-ca", &anchor, "--msp-dir", &msp, "--tls-dir", &tls];
        let name: Vec<&str> = self.ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]).collect();
        fabcert(&[&args[..], &name, more].concat(), secret)
    }

    /// Runs `fabcert ca COMMAND` as the CA's registrar.
    fn ca(&self, command: &[&str], more: &[&str]) -> Ran {
        let (url, anchor) = (self.ca.url(), text(self.ca.tls_anchor()));
        let name: Vec<&str> = self.ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]).collect();
        let connection = [&["--url", &*url, "--tls-ca", &anchor], &*name].concat();
        let registrar = text(&self.path("registrar"));
        if !self.path("registrar").exists() {
            let args = [&["enroll", "--id", ADMIN.0, "--msp-dir", &registrar], &*connection].concat();
            let ran = fabcert(&args, Some(ADMIN.1));
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        fabcert(&[&["ca"], command, &connection, &["--registrar", &registrar], more].concat(), None)
    }

    /// Writes a file.
    fn write(&self, relative: &str, content: &str) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

/// Runs a program to its end, in an environment that holds nothing of the machine's; gives what it printed.
fn output(program: &Path, args: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new(program).args(args).env_clear().envs(variables.iter().copied()).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

/// Runs the `peer` command as the identity `id`, whose node is at `address`; gives whether it succeeded, and what it printed.
fn as_client(
    organisation: &Organisation,
    (id, msp_id): (&str, &str),
    (address, root, config): (&str, &str, &str),
    args: &[&str],
) -> Option<(bool, String)> {
    let msp = text(&organisation.path(&format!("{id}/msp")));
    let variables = [
        ("FABRIC_CFG_PATH", config),
        ("CORE_PEER_ADDRESS", address),
        ("CORE_PEER_TLS_ENABLED", "true"),
        ("CORE_PEER_TLS_ROOTCERT_FILE", root),
        ("CORE_PEER_LOCALMSPID", msp_id),
        ("CORE_PEER_MSPCONFIGPATH", &*msp),
    ];
    Some(output(&find(Tool::Peer)?, args, &variables))
}
