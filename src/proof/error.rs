//! Why a proven certificate does not make a folder that Fabric accepts.

use std::path::PathBuf;

use crate::ErrorKind;
use crate::msp::{FileNameError, MspRefusal};

/// Why a folder cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MspError {
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
    /// The key is not the one of the verified certificate, or a certificate was verified for another purpose.
    #[error("the {what} given to the plan is not the one of this enrolment")]
    Mismatch {
        /// `key`, `signing certificate` or `TLS certificate`.
        what: &'static str,
    },
}

impl From<MspError> for crate::Error {
    fn from(e: MspError) -> Self {
        let (kind, help) = match &e {
            MspError::Name(_) => (
                ErrorKind::Input,
                "choose an id and a CA name that can stand in a file name, or the layout fabric-ca; nothing was written"
                    .to_owned(),
            ),
            MspError::OperatorConfig { issuer, .. } => (
                ErrorKind::Input,
                format!(
                    "fix config.yaml (NodeOUs with Certificate: {}, the CA that issues), or move it away and let fabcert write one; nothing was written",
                    issuer.display()
                ),
            ),
            MspError::OperatorFile { refusal } => (
                ErrorKind::Input,
                format!("fix {} or move it out of the folder; nothing was written", refusal.path.display()),
            ),
            MspError::Issued { .. } => (
                ErrorKind::NotAsAsked,
                "the CA's own certificates or its profile must be fixed by its operator; nothing was written".to_owned(),
            ),
            MspError::Mismatch { .. } => (ErrorKind::Bug, "please report this".to_owned()),
        };
        Self::new(kind, e.to_string()).with_help(help)
    }
}
