//! Where the real programs are.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// `fabric-ca-server`: `FABRIC_CA_SERVER`, else Go's folder of installed programs.
    CaServer,
    /// `fabric-ca-client`: `FABRIC_CA_CLIENT`, else Go's folder of installed programs.
    CaClient,
    /// Fabric's MSP package: `FABCERT_MSP_ORACLE`, else `tests/oracle/bin/msp-oracle`.
    MspOracle,
    /// Go's `crypto/tls`: `FABCERT_TLS_PROBE`, else `tests/oracle/bin/tls-probe`.
    TlsProbe,
}

impl Tool {
    const fn variable(self) -> &'static str {
        match self {
            Self::CaServer => "FABRIC_CA_SERVER",
            Self::CaClient => "FABRIC_CA_CLIENT",
            Self::MspOracle => "FABCERT_MSP_ORACLE",
            Self::TlsProbe => "FABCERT_TLS_PROBE",
        }
    }

    fn usual_place(self) -> Option<PathBuf> {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/bin");
        match self {
            Self::CaServer => go_bin().map(|bin| bin.join("fabric-ca-server")),
            Self::CaClient => go_bin().map(|bin| bin.join("fabric-ca-client")),
            Self::MspOracle => Some(built.join("msp-oracle")),
            Self::TlsProbe => Some(built.join("tls-probe")),
        }
    }
}

/// The program, or `None` with a line on stderr when it is not here. Panics instead with `FABCERT_REQUIRE_REAL=1`, and
/// when the variable names a file that does not exist.
pub(crate) fn find(tool: Tool) -> Option<PathBuf> {
    let variable = tool.variable();
    if let Some(path) = std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from) {
        assert!(path.is_file(), "{variable} is {}, which is no file", path.display());
        return Some(path);
    }
    if let Some(path) = tool.usual_place().filter(|p| p.is_file()) {
        return Some(path);
    }
    let missing = format!("{tool:?} is not here; .ci/run builds it, {variable} names it");
    assert!(std::env::var_os("FABCERT_REQUIRE_REAL").is_none_or(|v| v != "1"), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

fn go_bin() -> Option<PathBuf> {
    let output = Command::new("go").args(["env", "GOPATH"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(Path::new(text.trim()).join("bin")).filter(|_| output.status.success())
}
