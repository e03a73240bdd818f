//! The result of a run, as text and as JSON.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::pki::x509::Cert;
use crate::proof::Purpose;
use crate::text::escape::Shown;

/// The action of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Action {
    /// At least one certificate was issued.
    Enrolled,
    /// Nothing was due.
    Unchanged,
}

/// One certificate, as in the JSON.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CertificateSummary {
    /// `sign` or `tls`.
    pub role: &'static str,
    /// The certificate's file.
    pub path: PathBuf,
    /// Subject, RFC 4514.
    pub subject: String,
    /// Serial number, hex.
    pub serial: String,
    /// SANs, bare.
    pub sans: Vec<String>,
    /// RFC 3339, UTC.
    pub not_before: String,
    /// RFC 3339, UTC.
    pub not_after: String,
    /// SHA-256 of the public point, hex: the key file's name.
    pub ski: String,
    /// Issuer, RFC 4514.
    pub issuer: String,
}

impl CertificateSummary {
    pub(super) fn of(cert: &Cert, purpose: Purpose, path: PathBuf) -> Self {
        Self {
            role: purpose.as_str(),
            path,
            subject: cert.subject().to_owned(),
            serial: cert.serial_hex(),
            sans: cert.sans().iter().map(ToString::to_string).collect(),
            not_before: cert.not_before().rfc3339(),
            not_after: cert.not_after().rfc3339(),
            ski: cert.ski().hex(),
            issuer: cert.issuer().to_owned(),
        }
    }
}

/// The identity, as in the JSON.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct IdentitySummary {
    /// Enrolment id.
    pub id: String,
    /// MSP folder, if one was named.
    pub msp_dir: Option<PathBuf>,
    /// TLS folder, if one was named.
    pub tls_dir: Option<PathBuf>,
}

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// Version of the schema.
    pub schema_version: u32,
    /// The action.
    pub action: Action,
    /// The reason.
    pub reason: String,
    /// The identity and its folders.
    pub identity: IdentitySummary,
    /// The current certificates.
    pub certificates: Vec<CertificateSummary>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.action {
            Action::Enrolled => "enrolled",
            Action::Unchanged => "unchanged",
        };
        writeln!(f, "{}", Shown(format_args!("{word} {}: {}", self.identity.id, self.reason)))?;
        for c in &self.certificates {
            writeln!(f, "  {:<4}  {}", c.role, Shown(c.path.display()))?;
            writeln!(f, "        subject  {}", Shown(&c.subject))?;
            let names = if c.sans.is_empty() { "none".to_owned() } else { c.sans.join(", ") };
            writeln!(f, "        names    {}", Shown(names))?;
            writeln!(f, "        valid    {} to {}", c.not_before, c.not_after)?;
            writeln!(f, "        issuer   {}", Shown(&c.issuer))?;
        }
        Ok(())
    }
}
