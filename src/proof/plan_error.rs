//! Why a proven certificate does not make a folder that Fabric and its clients accept.

use std::path::PathBuf;

use crate::ErrorKind;
use crate::msp::{FileNameError, MspRefusal};
use crate::pki::go::tls::TlsRefusal;

/// Why a folder cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A name that would become part of a file's name.
    #[error(transparent)]
    Name(#[from] FileNameError),
    /// The operator's `config.yaml`, which is kept, makes Fabric refuse the new folder.
    #[error("the current config.yaml is not fabcert's and would make Fabric refuse the new folder: {refusal}")]
    OperatorConfig {
        /// What Fabric would say.
        refusal: MspRefusal,
        /// The file of the CA that issues, which the NodeOUs must name.
        issuer: PathBuf,
    },
    /// Another file that is kept makes Fabric refuse the new folder.
    #[error("{} would be kept and would make Fabric refuse the new folder: {refusal}", .refusal.path.display())]
    OperatorFile {
        /// What Fabric would say.
        refusal: MspRefusal,
    },
    /// Fabric would refuse what the CA issued.
    #[error("Fabric would refuse what the CA issued: {refusal}")]
    Issued {
        /// What Fabric would say.
        refusal: MspRefusal,
    },
    /// A peer would not start with the TLS folder, or a client would refuse it.
    #[error("Go programs would refuse the TLS folder made of what the CA issued: {} ({})", .refusal.reason, .refusal.key)]
    IssuedTls {
        /// What Go would say.
        refusal: TlsRefusal,
    },
    /// The key is not the one of the verified certificate, or a certificate was verified for another purpose.
    #[error("the {what} given to the plan is not the one of this enrolment")]
    Mismatch {
        /// `key`, `signing certificate` or `TLS certificate`.
        what: &'static str,
    },
}

impl PlanError {
    /// Whether the CA would have to issue something else: no file of the folder is at fault.
    pub const fn is_about_the_answer(&self) -> bool {
        matches!(self, Self::Issued { .. } | Self::IssuedTls { .. })
    }
}

impl From<PlanError> for crate::Error {
    fn from(e: PlanError) -> Self {
        let (kind, help) = match &e {
            PlanError::Name(_) => (
                ErrorKind::Input,
                "choose an id and a CA name that can be part of a file name, or the layout fabric-ca; nothing was written"
                    .to_owned(),
            ),
            PlanError::OperatorConfig { issuer, .. } => (
                ErrorKind::Input,
                format!(
                    "fix config.yaml (NodeOUs with Certificate: {}, the CA that issues), or move it away and let fabcert write one; nothing was written",
                    issuer.display()
                ),
            ),
            PlanError::OperatorFile { refusal } => (
                ErrorKind::Input,
                format!("fix {} or move it out of the folder; nothing was written", refusal.path.display()),
            ),
            PlanError::Issued { .. } | PlanError::IssuedTls { .. } => (
                ErrorKind::NotAsAsked,
                "the CA's own certificates or its profile must be corrected by its operator; nothing was written".to_owned(),
            ),
            PlanError::Mismatch { .. } => (ErrorKind::Bug, "please report this".to_owned()),
        };
        Self::new(kind, e.to_string()).with_help(help)
    }
}
