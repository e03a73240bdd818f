//! Paths from a certificate to a root.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// The authority key identifier does not match the issuer.
pub static AKI_MISMATCH: Rule = Rule {
    id: "aki-mismatch",
    title: "the authority key identifier does not match the issuer",
    rationale: "OpenSSL, and with it Node and Python, accepts a CA certificate as the issuer only if its subject key \
                identifier, serial number and issuer match those in the authority key identifier, as far as they are \
                present. Go does not compare them, so peers connect and Node clients do not.",
    remedy: "have the certificate issued again by a CA that is configured with the same certificate that it serves in \
             its chain",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.1" },
        Source::Convention("OpenSSL 3.0 crypto/x509/v3_purp.c, X509_check_akid"),
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// Two paths lead to a root.
pub static CHAIN_AMBIGUOUS: Rule = Rule {
    id: "chain-ambiguous",
    title: "more than one path leads to a root",
    rationale: "Fabric requires exactly one path from a certificate to a root. A CA that was renewed with the same \
                name and key, and is present beside the old one, makes two.",
    remedy: "remove the CA certificate that is no longer used from cacerts or intermediatecerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getUniqueValidationChain" }],
    refusals: &[28],
    origins: &[Origin::Verdict],
};

/// No path leads from a certificate to a root.
pub static CHAIN_BROKEN: Rule = Rule {
    id: "chain-broken",
    title: "no path leads to a root",
    rationale: "The issuer is not in cacerts or intermediatecerts, or it did not make the signature: the certificate \
                comes from another CA of the same name, or a CA certificate is missing.",
    remedy: "put the certificates of the issuing CA there; fabcert enroll writes them",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "6.1" },
        Source::Fabric { path: "msp/mspimpl.go", item: "getValidationChain" },
    ],
    refusals: &[24, 36, 37],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A server does not send the intermediate CA that issued its certificate.
pub static CHAIN_INCOMPLETE: Rule = Rule {
    id: "chain-incomplete",
    title: "the server does not send an intermediate CA on its path",
    rationale: "A client that has only the root cannot build the path without the intermediates, which the server has \
                to send. An intermediate in ca.crt helps Go and Java, but not Node, and not clients with another file.",
    remedy: "append the intermediate to the certificate: cat server.crt intermediate.crt (fabcert enroll does)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 8446, section: "4.4.2" },
        Source::Go { package: "crypto/tls", item: "Certificate" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A CA certificate is in the folder or file of the other kind.
pub static CHAIN_WRONG_FOLDER: Rule = Rule {
    id: "chain-wrong-folder",
    title: "a root is among the intermediates, or an intermediate is the only trust anchor",
    rationale: "Roots belong in cacerts, tlscacerts and ca.crt, intermediates in the folders beside them. Fabric and \
                Go accept either in some places; Node refuses a server if its trust anchor is not a root.",
    remedy: "put the root into ca.crt (cacerts, tlscacerts) and intermediates behind the leaf (intermediatecerts, \
             tlsintermediatecerts)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "6.1.1" },
        Source::Convention("Node 20: UNABLE_TO_GET_ISSUER_CERT without the self-signed root"),
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The server certificate does not lead to the trust anchors beside it.
pub static ROOT_MISMATCH: Rule = Rule {
    id: "root-mismatch",
    title: "the server certificate does not lead to ca.crt",
    rationale: "Clients trust ca.crt and refuse a server whose chain does not lead there. An intermediate that is \
                missing in server.crt has the same effect.",
    remedy: "enrol again: fabcert enroll --tls-dir DIR writes certificate, intermediates and root that \
                belong together",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Go { package: "crypto/x509", item: "Certificate.Verify" }],
    refusals: &[],
    origins: &[Origin::Verdict],
};
