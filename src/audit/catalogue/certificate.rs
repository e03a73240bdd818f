//! One certificate: dates, usages, extensions, signature.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// The extension of Fabric CA attributes cannot be read.
pub static ATTRS_INVALID: Rule = Rule {
    id: "attrs-invalid",
    title: "Fabric CA attributes in the certificate are no JSON",
    rationale: "Chaincode that asks for the attributes of a caller fails for this identity: the client identity library \
                reads the extension before anything else.",
    remedy: "enrol again at a Fabric CA with the attributes: fabcert enroll --force --attrs NAME,...",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("fabric-ca 1.5.21 lib/attrmgr/attrmgr.go, GetAttributesFromCert")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A certificate is revoked by a list of the same MSP.
pub static CERT_REVOKED: Rule = Rule {
    id: "cert-revoked",
    title: "certificate is revoked",
    rationale: "A revoked identity is no member, and a peer with it does not start. With NodeOUs, Fabric does not look \
                whether a certificate in admincerts is revoked.",
    remedy: "enrol a new identity; take a revoked administrator out of admincerts; if the list is wrong, have it made again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "postSetupV142" },
    ],
    refusals: &[29, 48],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// An extended key usage leaves client auth out.
pub static EKU_CLIENT_MISSING: Rule = Rule {
    id: "eku-client-missing",
    title: "extended key usage lacks client auth",
    rationale: "Peers and orderers show their server certificate as client certificate too: between orderers \
                always, between peers once client authentication is on. A list without client auth is \
                refused there.",
    remedy: "enrol with the profile tls, which holds both",
    severity: Severity::Error,
    confidence: Confidence::Likely,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.12" },
        Source::Fabric { path: "internal/pkg/comm/config.go", item: "SecureOptions.ClientConfig" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// An extended key usage leaves server auth out.
pub static EKU_SERVER_MISSING: Rule = Rule {
    id: "eku-server-missing",
    title: "extended key usage lacks server auth",
    rationale: "A TLS client accepts no server certificate whose usage list lacks server auth. Fabric \
                demands it of every certificate with such a list, signing identities and CAs included. Go takes \
                anyExtendedKeyUsage in its place, OpenSSL and with it Node clients do not.",
    remedy: "enrol with the profile tls: fabcert enroll --tls-dir DIR",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.12" },
        Source::Go { package: "crypto/x509", item: "Certificate.Verify" },
    ],
    refusals: &[23, 40],
    origins: &[Origin::Subject, Origin::Verdict, Origin::Manifests],
};

/// The certificate's time is over.
pub static EXPIRED: Rule = Rule {
    id: "expired",
    title: "certificate has expired",
    rationale: "A peer does not start with an expired signing certificate, and no client accepts an expired TLS \
                certificate. A running peer goes on without a word until its next restart.",
    remedy: "enrol again: fabcert enroll --force with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.1.2.5" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupSigningIdentity" },
    ],
    refusals: &[38],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// The certificate ends soon.
pub static EXPIRING: Rule = Rule {
    id: "expiring",
    title: "certificate ends soon",
    rationale: "A certificate that ends at night takes the connections with it. Fabric warns in its log only \
                in the last week.",
    remedy: "enrol again: fabcert enroll with the flags of the last enrolment",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("renewal is due before the last third of a certificate's life")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A critical extension that Go does not know.
pub static EXT_CRITICAL_UNKNOWN: Rule = Rule {
    id: "ext-critical-unknown",
    title: "a critical extension is not understood",
    rationale: "Go refuses a certificate with a critical extension that it does not handle, as RFC 5280 \
                wants it.",
    remedy: "have it issued without that extension, or not critical",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2" },
        Source::Go { package: "crypto/x509", item: "Certificate.isValid" },
    ],
    refusals: &[41],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A key usage leaves digital signature out.
pub static KU_DIGITAL_SIGNATURE_MISSING: Rule = Rule {
    id: "ku-digital-signature-missing",
    title: "key usage lacks digital signature",
    rationale: "Java clients refuse an ECDSA server certificate whose key usage lacks digital signature; Go \
                and Node accept it.",
    remedy: "enrol with the profile tls",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "4.2.1.3" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A CA certificate stands where a node's own belongs.
pub static LEAF_IS_CA: Rule = Rule {
    id: "leaf-is-ca",
    title: "a CA certificate is used as an identity or as a server's",
    rationale: "Fabric takes no CA as an identity. A key that signs certificates should serve no traffic.",
    remedy: "enrol an identity and use its certificate",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertificationChainForBCCSPIdentity" }],
    refusals: &[44],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// The certificate's time has not come.
pub static NOT_YET_VALID: Rule = Rule {
    id: "not-yet-valid",
    title: "certificate is not valid yet",
    rationale: "TLS clients refuse a certificate before its time. Fabric loads such a signing certificate without a \
                word, and others refuse what it signs. Mostly a clock is wrong, at the CA or here.",
    remedy: "compare the clocks of the CA and of this machine, then enrol again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.1.2.5" },
        Source::Go { package: "crypto/x509", item: "Certificate.isValid" },
    ],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A certificate ends after the CA that issued it.
pub static OUTLIVES_CA: Rule = Rule {
    id: "outlives-ca",
    title: "certificate outlives the CA that issued it",
    rationale: "TLS clients judge every certificate of the path by today's date: when the CA ends, \
                everything below it ends with it, whatever is written there.",
    remedy: "renew the CA first, then the certificate",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "6.1.3" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A serial number outside of what serial numbers may be.
pub static SERIAL_ODD: Rule = Rule {
    id: "serial-odd",
    title: "serial number is negative, zero, or longer than 20 bytes",
    rationale: "Serial numbers are positive and have at most 20 bytes. Go reads no certificate with a negative one; the \
                others pass Fabric and fail in stricter clients, and a zero cannot be told from none when it is revoked.",
    remedy: "have it issued again; Fabric CA draws 20 random bytes",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.1.2.2" },
        Source::Go { package: "crypto/x509", item: "parseCertificate" },
    ],
    refusals: &[18],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// An ECDSA signature with a high S.
pub static SIGNATURE_HIGH_S: Rule = Rule {
    id: "signature-high-s",
    title: "the signature has a high S",
    rationale: "Fabric rewrites such a signature when it takes the certificate in, so that identities differ \
                from the file by some bytes. Fabric CA and cryptogen make low ones, OpenSSL half of the time \
                a high one.",
    remedy: "nothing is to be done; issue it with fabric-ca or cryptogen if bytes are compared",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/cert.go", item: "sanitizeECDSASignedCert" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A certificate is signed with SHA-1 or MD5.
pub static SIGNATURE_SHA1: Rule = Rule {
    id: "signature-sha1",
    title: "certificate is signed with SHA-1 or MD5",
    rationale: "Go verifies no certificate signature over SHA-1 or MD5, so no peer, orderer or Go client accepts the \
                certificate. A trust anchor's own signature is verified in an MSP and not in TLS.",
    remedy: "have it issued again with SHA-256",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Go { package: "crypto/x509", item: "checkSignature" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The certificate ends before it begins.
pub static VALIDITY_INVERTED: Rule = Rule {
    id: "validity-inverted",
    title: "certificate ends before it begins",
    rationale: "Such a certificate is valid at no time.",
    remedy: "enrol again; if it comes back, the CA's clock or its own certificate's end is the cause",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "4.1.2.5" }],
    refusals: &[],
    origins: &[Origin::Subject],
};
