//! What was asked, to hold an answer against.

use crate::Timestamp;
use crate::pki::name::SanName;
use crate::pki::x509::{Cert, NodeOu};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The identity in an MSP folder.
    Sign,
    /// The server and client certificate of TLS.
    Tls,
}

impl Purpose {
    /// The word for it in messages and in JSON (`role`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Tls => "tls",
        }
    }

    /// The certificate in a sentence.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Sign => "signing certificate",
            Self::Tls => "TLS certificate",
        }
    }
}

/// Which NodeOU the certificate must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleRule {
    /// This one, and none of the other three.
    Exactly(NodeOu),
    /// One of the four, whichever.
    ExactlyOne,
    /// Not looked at: the MSP works without NodeOUs, or the certificate is for TLS.
    Any,
}

/// What was asked, to hold the answer against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The enrolment id: the certificate's CN.
    pub enrollment_id: &'a str,
    /// The public key of the CSR, `SubjectPublicKeyInfo` in DER.
    pub spki_der: &'a [u8],
    /// The names asked for.
    pub sans: &'a [SanName],
    /// What the certificate is for.
    pub purpose: Purpose,
    /// The NodeOU it must carry.
    pub role: RoleRule,
    /// The root that is in the target already: the new chain must end at the same name and key, be it an older or a newer
    /// certificate of that CA.
    pub pinned_root: Option<&'a Cert>,
    /// The local time.
    pub now: Timestamp,
    /// The CA's own time, from the HTTP `Date` header.
    pub server_date: Option<Timestamp>,
}
