//! Audits files and folders: certificates, MSP and TLS folders, and manifests.
//!
//! ```text
//! cargo run --example audit -- organizations/
//! ```
//!
//! Without arguments the certificates of this repository's test data are audited. It ends with 1 when there are errors.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program prints and reads the clock")]

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use fabcert::audit::Severity;
use fabcert::{Timestamp, audit};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        paths.push(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/certs").to_owned());
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now = Timestamp::from_unix(i64::try_from(seconds)?);

    let report = audit(paths, now).nearest_policy().run()?;

    for finding in report.findings() {
        println!("{} {}: {}: {}", finding.severity.as_str(), finding.path.display(), finding.rule, finding.message);
        println!("  remedy: {}", finding.remedy);
    }
    let summary = report.summary;
    println!("{} certificates, {} errors, {} warnings", summary.certificates, summary.errors, summary.warnings);
    Ok(if report.worst() == Some(Severity::Error) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
