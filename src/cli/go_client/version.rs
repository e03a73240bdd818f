//! `version`.

use crate::Error;
use crate::cli::output;

/// The version of the Go client whose command line this is.
const GO_CLIENT: &str = "1.5.21";

/// # Errors
/// When standard output cannot be written.
pub(super) fn run() -> Result<(), Error> {
    output::document(&format!(
        "fabric-ca-client:\n Version: {GO_CLIENT}\n Program: fabcert {}\n OS/Arch: {}/{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
    ))
}
