//! One certificate: dates, usages, extensions, signature.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// The extension of Fabric CA attributes cannot be read.
pub static ATTRS_INVALID: Rule = Rule {
    id: "attrs-invalid",
    title: "Fabric CA attributes in the certificate are not valid JSON",
    rationale: "Chaincode that reads the attributes of a caller fails for this identity: the client identity library \
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
    rationale: "A revoked identity is not a member of the MSP, and a peer with such a certificate does not start. With \
                NodeOUs, Fabric does not check whether a certificate in admincerts is revoked.",
    remedy: "enrol a new identity; remove a revoked administrator from admincerts; if the list is wrong, make it again \
             at the CA",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "postSetupV142" },
    ],
    refusals: &[29, 48],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// An extended key usage lacks client auth.
pub static EKU_CLIENT_MISSING: Rule = Rule {
    id: "eku-client-missing",
    title: "extended key usage lacks client auth",
    rationale: "Peers and orderers also use their server certificate as client certificate: between orderers always, \
                between peers if client authentication is on. A certificate with a usage list without client auth is \
                refused there.",
    remedy: "enrol with the profile tls, which sets both usages",
    severity: Severity::Error,
    confidence: Confidence::Likely,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.12" },
        Source::Fabric { path: "internal/pkg/comm/config.go", item: "SecureOptions.ClientConfig" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// An extended key usage lacks server auth.
pub static EKU_SERVER_MISSING: Rule = Rule {
    id: "eku-server-missing",
    title: "extended key usage lacks server auth",
    rationale: "A TLS client does not accept a server certificate with a usage list that lacks server auth. Fabric \
                requires server auth in every such list, including those of signing identities and CAs. Go accepts \
                anyExtendedKeyUsage in its place; OpenSSL, and with it Node, does not.",
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

/// The certificate has expired.
pub static EXPIRED: Rule = Rule {
    id: "expired",
    title: "certificate has expired",
    rationale: "A peer does not start with an expired signing certificate, and no client accepts an expired TLS \
                certificate. A running peer continues without a warning until its next restart.",
    remedy: "enrol again: fabcert enroll with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.1.2.5" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupSigningIdentity" },
    ],
    refusals: &[38],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// The certificate expires soon.
pub static EXPIRING: Rule = Rule {
    id: "expiring",
    title: "certificate expires soon",
    rationale: "When a TLS certificate expires, new connections fail. Fabric warns in its log, but only in the last \
                week.",
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
    title: "certificate has an unknown critical extension",
    rationale: "Go refuses a certificate with a critical extension that it does not handle, as RFC 5280 requires.",
    remedy: "have the certificate issued again without that extension, or with the extension not critical",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2" },
        Source::Go { package: "crypto/x509", item: "Certificate.isValid" },
    ],
    refusals: &[41],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A key usage lacks digital signature.
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

/// A CA certificate is in the place of a node's own certificate.
pub static LEAF_IS_CA: Rule = Rule {
    id: "leaf-is-ca",
    title: "a CA certificate is used as an identity or as a server certificate",
    rationale: "Fabric does not accept a CA certificate as an identity, and the key of a CA should not be on a server.",
    remedy: "enrol an identity and use its certificate",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertificationChainForBCCSPIdentity" }],
    refusals: &[44],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// The certificate is not valid yet.
pub static NOT_YET_VALID: Rule = Rule {
    id: "not-yet-valid",
    title: "certificate is not valid yet",
    rationale: "TLS clients refuse a certificate that is not valid yet. Fabric loads such a signing certificate \
                without a warning, and others refuse its signatures. The usual cause is a wrong clock, at the CA or on \
                this machine.",
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

/// A certificate expires after the CA that issued it.
pub static OUTLIVES_CA: Rule = Rule {
    id: "outlives-ca",
    title: "certificate expires after the CA that issued it",
    rationale: "TLS clients check the validity of every certificate of the path: when the CA expires, no certificate \
                below it is accepted, whatever its own dates.",
    remedy: "renew the CA first, then the certificate",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "6.1.3" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A serial number outside the allowed range.
pub static SERIAL_ODD: Rule = Rule {
    id: "serial-odd",
    title: "serial number is negative, zero, or longer than 20 bytes",
    rationale: "Serial numbers are positive and at most 20 bytes long. Go cannot read a certificate with a negative \
                serial number. The others pass Fabric and fail in stricter clients, and the serial number zero may be \
                taken for a missing one when the certificate is revoked.",
    remedy: "have the certificate issued again; Fabric CA draws 20 random bytes",
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
    rationale: "Fabric rewrites such a signature to a low S when it loads the certificate, so that the identity \
                differs from the file by some bytes. Fabric CA and cryptogen always produce a low S; OpenSSL produces \
                a high S in half of the cases.",
    remedy: "no action needed; if certificates are compared byte by byte, issue it with Fabric CA or cryptogen",
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
    rationale: "Go does not verify a certificate signature over SHA-1 or MD5, so no peer, orderer or Go client accepts \
                the certificate. The signature of a trust anchor is verified in an MSP, but not in TLS.",
    remedy: "have the certificate issued again with SHA-256",
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
    rationale: "Such a certificate is never valid.",
    remedy: "enrol again; if the fault returns, check the clock of the CA and the end of its certificate",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "4.1.2.5" }],
    refusals: &[],
    origins: &[Origin::Subject],
};
