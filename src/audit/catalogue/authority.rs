//! CA certificates and revocation lists.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// A CA certificate is not marked as a CA.
pub static CA_CONSTRAINTS: Rule = Rule {
    id: "ca-constraints",
    title: "a CA certificate is not marked as a CA",
    rationale: "Without CA:TRUE in basicConstraints, no certificate that it issued is trusted, and Fabric refuses the \
                MSP.",
    remedy: "have the CA certificate issued again with CA:TRUE, or put the right certificate there",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.9" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupCAs" },
    ],
    refusals: &[20, 25],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A CA may not sign certificates.
pub static CA_KEY_CERT_SIGN: Rule = Rule {
    id: "ca-key-cert-sign",
    title: "a CA certificate's key usage lacks keyCertSign",
    rationale: "A key usage without keyCertSign forbids a CA to issue certificates, and Go does not accept \
                certificates that it issued. Fabric loads such a TLS CA without a warning, and then every TLS \
                connection below it fails.",
    remedy: "have the CA certificate issued again with keyUsage keyCertSign, cRLSign",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.CheckSignatureFrom" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A CA certificate with a short validity.
pub static CA_LIFETIME_SHORT: Rule = Rule {
    id: "ca-lifetime-short",
    title: "a CA certificate is valid for less than a year",
    rationale: "Every certificate that a CA issued expires with it at the latest, and every folder and channel that \
                trusts the CA must get its successor. cert-manager sets 90 days by default.",
    remedy: "set in spec: duration: 87600h (ten years), and renewBefore: 8760h",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("cert-manager: Certificate.spec.duration, 2160h by default")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// CAs with one name and different keys.
pub static CA_SAME_SUBJECT: Rule = Rule {
    id: "ca-same-subject",
    title: "CAs with the same name have different keys",
    rationale: "A Fabric CA that is created again, for example after its volume was lost, has its old name and a new key. \
                Nodes that hold one of its certificates refuse what it issued with the other key, and the name does not \
                show which is which. CAs of identities and of TLS are compared apart; a folder that holds both keys \
                accepts both.",
    remedy: "if the CA was created again, enrol every node again with --force and distribute its new certificate; \
             otherwise give each CA a name of its own (csr.cn in fabric-ca-server-config.yaml)",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Rfc { number: 5280, section: "4.1.2.6" }],
    refusals: &[],
    origins: &[Origin::Run],
};

/// A CA certificate has no subject key identifier.
pub static CA_SKI_MISSING: Rule = Rule {
    id: "ca-ski-missing",
    title: "a CA certificate has no subject key identifier",
    rationale: "Fabric refuses an MSP with such a CA. Revocation lists and chains find a CA by this identifier.",
    remedy: "have the CA issued again with a subject key identifier (openssl: subjectKeyIdentifier=hash)",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.2" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupCAs" },
    ],
    refusals: &[21],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A certificate becomes valid before its CA.
pub static CA_WINDOW: Rule = Rule {
    id: "ca-window",
    title: "a certificate becomes valid before the CA that issued it",
    rationale: "Fabric verifies a path at one second after the start of the certificate in question. It always refuses \
                an intermediate CA that is older than its root, and a back-dated leaf under a newer CA.",
    remedy: "issue the certificate again with a start that is not before the start of its CA",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getUniqueValidationChain" }],
    refusals: &[26],
    origins: &[Origin::Verdict],
};

/// A revocation list is past its next update.
pub static CRL_EXPIRED: Rule = Rule {
    id: "crl-expired",
    title: "a revocation list is past its next update",
    rationale: "Fabric continues to apply the list, but does not know certificates revoked since then.",
    remedy: "make a current list and put it into crls: fabric-ca-client gencrl",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "5.1.2.5" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// Fabric does not apply a revocation list.
pub static CRL_IGNORED: Rule = Rule {
    id: "crl-ignored",
    title: "a revocation list in crls is not applied",
    rationale: "Fabric ignores a list in DER, the second list of a file, a list from a CA outside this MSP, and a list \
                with a wrong signature, and at most logs it. The identities that the list revokes remain members.",
    remedy: "write it as PEM, one list per file, made by the CA of this MSP: fabric-ca-client gencrl, or openssl crl \
             -inform der -in LIST -out LIST.pem",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/configbuilder.go", item: "getPemMaterialFromDir" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A revocation list makes Fabric refuse the MSP or every identity in it.
pub static CRL_UNUSABLE: Rule = Rule {
    id: "crl-unusable",
    title: "a revocation list cannot be used",
    rationale: "A file in crls must be a PEM revocation list with nothing before it, and carry an authority key \
                identifier: without one, Fabric refuses every certificate of the MSP.",
    remedy: "make the list again with the CA: fabric-ca-client gencrl",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupCRLs" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" },
    ],
    refusals: &[65, 66],
    origins: &[Origin::Verdict],
};

/// A CA with intermediates below it issued the identity.
pub static INNER_CA_ISSUES: Rule = Rule {
    id: "inner-ca-issues",
    title: "the identity was issued by a CA that has intermediate CAs below it",
    rationale: "If an MSP contains an intermediate CA below a CA, Fabric no longer accepts identities issued directly \
                by the upper CA.",
    remedy: "enrol at the intermediate CA, or remove the intermediate certificate from this MSP",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getValidationChain" }],
    refusals: &[43],
    origins: &[Origin::Verdict],
};

/// A CA does not allow a name of the certificate.
pub static NAME_CONSTRAINTS: Rule = Rule {
    id: "name-constraints",
    title: "a CA on the path does not allow a name of the certificate",
    rationale: "The name constraints of a CA apply to every certificate below it.",
    remedy: "enrol at a CA without that constraint, or leave the name out",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.10" },
        Source::Go { package: "crypto/x509", item: "checkChainConstraints" },
    ],
    refusals: &[42],
    origins: &[Origin::Verdict],
};

/// A CA allows fewer intermediate CAs below it.
pub static PATH_LENGTH: Rule = Rule {
    id: "path-length",
    title: "the path is longer than a CA on it allows",
    rationale: "A path length constraint limits the number of intermediate CAs below a CA. Go refuses a longer path.",
    remedy: "have the upper CA issued again with a larger pathlen (csr.ca.pathlength of a Fabric CA)",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.9" },
        Source::Go { package: "crypto/x509", item: "Certificate.isValid" },
    ],
    refusals: &[27],
    origins: &[Origin::Verdict],
};

/// A certificate in cacerts is not a self-signed CA.
pub static ROOT_NOT_SELF_SIGNED: Rule = Rule {
    id: "root-not-self-signed",
    title: "a certificate in cacerts is not a self-signed CA that may sign certificates",
    rationale: "Fabric accepts only self-signed CAs with CA:TRUE and keyCertSign as roots, and not with a SHA-1 \
                signature. An intermediate belongs in intermediatecerts.",
    remedy: "put the root into cacerts and the intermediate into intermediatecerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "sanitizeCert" }],
    refusals: &[19, 22],
    origins: &[Origin::Verdict],
};
