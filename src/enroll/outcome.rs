//! The result of a run, as text and as JSON.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::identity::names::NameChange;
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
    /// At least one certificate was issued, each with a current certificate as credential.
    Reenrolled,
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
    /// Names that the certificate holds although the run does not request them, bare: those that it keeps of the one
    /// before it, and in an unchanged certificate all others.
    pub names_kept: Vec<String>,
    /// Names of the replaced certificate that this one does not hold, bare.
    pub names_dropped: Vec<String>,
}

impl CertificateSummary {
    pub(super) fn of(cert: &Cert, purpose: Purpose, path: PathBuf, change: &NameChange) -> Self {
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
            names_kept: change.kept.iter().map(ToString::to_string).collect(),
            names_dropped: change.dropped.iter().map(ToString::to_string).collect(),
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
    /// The kept names of all certificates, bare.
    pub names_kept: Vec<String>,
    /// The dropped names of all certificates, bare.
    pub names_dropped: Vec<String>,
    /// Why each certificate was issued; `None` where it was not. Empty for a run that issued none.
    #[serde(skip)]
    pub(crate) reasons: Vec<Option<String>>,
}

impl Outcome {
    pub(super) fn new(
        action: Action,
        reason: String,
        identity: IdentitySummary,
        certificates: Vec<CertificateSummary>,
    ) -> Self {
        let names_kept = union(certificates.iter().map(|c| &c.names_kept));
        let names_dropped = union(certificates.iter().map(|c| &c.names_dropped));
        let reasons = Vec::new();
        Self { schema_version: 1, action, reason, identity, certificates, names_kept, names_dropped, reasons }
    }
}

/// Every name of the lists, once.
pub(super) fn union<'a>(lists: impl Iterator<Item = &'a Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in lists.flatten() {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    all
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.action {
            Action::Enrolled => "enrolled",
            Action::Reenrolled => "reenrolled",
            Action::Unchanged => "unchanged",
        };
        writeln!(f, "{}", Shown(format_args!("{word} {}: {}", self.identity.id, self.reason)))?;
        for c in &self.certificates {
            writeln!(f, "  {:<4}  {}", c.role, Shown(c.path.display()))?;
            writeln!(f, "        subject  {}", Shown(&c.subject))?;
            let names = if c.sans.is_empty() { "none".to_owned() } else { c.sans.join(", ") };
            writeln!(f, "        names    {}", Shown(names))?;
            if !c.names_kept.is_empty() {
                writeln!(f, "        kept     {} (not requested by this run)", Shown(c.names_kept.join(", ")))?;
            }
            if !c.names_dropped.is_empty() {
                writeln!(f, "        dropped  {}", Shown(c.names_dropped.join(", ")))?;
            }
            writeln!(f, "        valid    {} to {}", c.not_before, c.not_after)?;
            writeln!(f, "        issuer   {}", Shown(&c.issuer))?;
        }
        Ok(())
    }
}
