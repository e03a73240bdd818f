//! The answer of a CA about itself, as people and programs read it.

use std::path::PathBuf;

use serde::Serialize;

use super::Fingerprint;
use crate::pki::name::SanName;
use crate::pki::x509::Cert;
use crate::text::escape::Lines;

/// The answer of a CA about itself.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    schema_version: u32,
    /// The URL of the CA, without credentials.
    pub(super) url: String,
    pub(super) ca_name: String,
    pub(super) version: String,
    /// What proves that this is the CA.
    pub(super) proof: Option<Proof>,
    /// The certificate of the CA and those above it, as the CA lists them.
    pub(super) chain: Vec<Certificate>,
    /// The certificates of the TLS connection, the server's own first.
    pub(super) tls: Vec<Certificate>,
    /// The file with the anchors, if one is requested.
    pub(super) out: Option<PathBuf>,
    /// Whether the file already had this content.
    pub(super) unchanged: bool,
}

/// What proves that an answer is of the CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Proof {
    /// Its TLS certificate leads to a given anchor.
    TlsCa,
    /// Its TLS certificate leads to the certificate with the given fingerprint.
    Fingerprint,
    /// Over plain HTTP: only the certificate with the given fingerprint is proven, nothing else.
    FingerprintOfCertificate,
}

/// A certificate, in short.
#[derive(Debug, Serialize)]
pub(super) struct Certificate {
    subject: String,
    issuer: String,
    kind: Kind,
    /// SHA-256 of its DER.
    fingerprint: Fingerprint,
    /// RFC 3339, UTC.
    not_before: String,
    not_after: String,
    /// Its DNS names and IP addresses.
    names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Root,
    Intermediate,
    Server,
}

impl Certificate {
    pub(super) fn of(cert: &Cert) -> Self {
        let is_host = |name: &&SanName| matches!(name, SanName::Dns(_) | SanName::Ip(_));
        Self {
            subject: cert.subject().to_owned(),
            issuer: cert.issuer().to_owned(),
            kind: match (cert.is_ca(), cert.is_self_signed()) {
                (false, _) => Kind::Server,
                (true, true) => Kind::Root,
                (true, false) => Kind::Intermediate,
            },
            fingerprint: Fingerprint::of(cert),
            not_before: cert.not_before().rfc3339(),
            not_after: cert.not_after().rfc3339(),
            names: cert.sans().iter().filter(is_host).map(ToString::to_string).collect(),
        }
    }

    /// `root CN=org1-ca, SHA-256 AB:...`, for lists of what was found.
    pub(super) fn line(&self) -> String {
        format!("{} \"{}\": SHA-256 {}", self.kind.word(), self.subject, self.fingerprint)
    }
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Intermediate => "intermediate",
            Self::Server => "server",
        }
    }
}

impl Answer {
    pub(super) const fn new(url: String, ca_name: String, version: String) -> Self {
        Self {
            schema_version: 1,
            url,
            ca_name,
            version,
            proof: None,
            chain: Vec::new(),
            tls: Vec::new(),
            out: None,
            unchanged: false,
        }
    }

    /// Whether nothing proves that the answer is of the CA.
    pub(crate) const fn is_unproven(&self) -> bool {
        self.proof.is_none()
    }
}

impl Answer {
    /// The answer for people.
    pub(crate) fn lines(&self) -> Lines {
        let or = |text: &str, none: &'static str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let mut lines = Lines::new();
        lines.line(format_args!("CA       {}", self.url));
        lines.line(format_args!("name     {}", or(&self.ca_name, "(none: the only CA of its server)")));
        lines.line(format_args!("version  {}", or(&self.version, "(not in the answer)")));
        let proof = match self.proof {
            Some(Proof::TlsCa) => "its TLS certificate leads to a certificate of --tls-ca",
            Some(Proof::Fingerprint) => "its TLS certificate leads to the certificate with this fingerprint",
            Some(Proof::FingerprintOfCertificate) => {
                "only the certificate with this fingerprint; over plain HTTP nothing else is proven"
            }
            None => "not at all: any server could have sent this answer. Compare a fingerprint with the CA's operator",
        };
        lines.line(format_args!("proven   {proof}"));
        for (title, certificates) in [("chain of the CA", &self.chain), ("TLS certificates", &self.tls)] {
            if certificates.is_empty() {
                continue;
            }
            lines.gap().line(format_args!("{title}"));
            for certificate in certificates {
                let Certificate { subject, kind, fingerprint, not_before, not_after, names, .. } = certificate;
                lines.line(format_args!("  {} {subject}", kind.word()));
                lines.line(format_args!("    SHA-256  {fingerprint}"));
                lines.line(format_args!("    valid    {not_before} to {not_after}"));
                if *kind == Kind::Server {
                    lines.line(format_args!("    names    {}", names.join(", ")));
                }
            }
        }
        if let Some(out) = &self.out {
            let action = if self.unchanged { "unchanged" } else { "written" };
            lines.gap().line(format_args!("{action}: {}; give it with --tls-ca", out.display()));
        }
        lines
    }
}
