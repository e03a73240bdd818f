//! Enrols a peer at a Fabric CA, with the names that its clients dial, into an MSP folder and a TLS folder.
//!
//! ```console
//! $ cargo run --example enrol
//! ```
//!
//! It starts the development CA on a free port of 127.0.0.1 and works in a folder of its own, or in the one that is
//! given as the argument. At a CA of yours only the first four lines of `enrol` differ.
#![allow(clippy::print_stdout, reason = "an example shows what it did")]
#![allow(clippy::disallowed_methods, reason = "an example makes its own folder and asks the clock")]

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabcert::devca::{DevCa, DevCaConfig, IdentitySpec};
use fabcert::enroll::{Action, Outcome};
use fabcert::pki::x509::NodeOu;
use fabcert::{Enrolment, Error, Secret, Timestamp};

/// The library asks for the time and never reads the clock itself.
fn now() -> Timestamp {
    SystemTime::now().into()
}

async fn enrol(url: &str, anchor: &str, dir: &Path) -> Result<Outcome, Error> {
    Enrolment::new(url, "org1-peer1")?
        .secret(Secret::new("peerpw"))
        .anchor_pem(anchor)
        .role(NodeOu::Peer)
        .hostname("org1-peer1")
        .gateway_service("org1-peer-gateway-svc")
        .namespace("fabric")
        .msp_dir(dir.join("msp"))
        .tls_dir(dir.join("tls"))
        .run(now)
        .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = match std::env::args_os().nth(1) {
        Some(dir) => PathBuf::from(dir),
        None => std::env::temp_dir().join(format!("fabcert-example-{}", std::process::id())),
    };
    std::fs::create_dir_all(&dir)?;
    let ca =
        DevCa::start(DevCaConfig::new(now).with_identity(IdentitySpec::new("org1-peer1", "peerpw", "peer"))).await?;

    let outcome = enrol(ca.url(), &ca.tls_anchor_pem(), &dir).await?;
    for certificate in &outcome.certificates {
        println!("{:<4} {} -> {}", certificate.role, certificate.subject, certificate.path.display());
        for name in &certificate.sans {
            println!("     {name}");
        }
    }

    // A second run finds everything in place: it sends no request.
    let again = enrol(ca.url(), &ca.tls_anchor_pem(), &dir).await?;
    assert_eq!(again.action, Action::Unchanged);
    println!("again: {}", again.reason);
    Ok(())
}
