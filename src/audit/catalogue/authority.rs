//! CA certificates and revocation lists.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// A CA certificate does not say that it is one.
pub static CA_CONSTRAINTS: Rule = Rule {
    id: "ca-constraints",
    title: "a CA certificate is no CA",
    rationale: "Without CA:TRUE in basicConstraints nothing that it issued is trusted; Fabric refuses the \
                MSP.",
    remedy: "have the CA issued again as a CA, or put the right certificate there",
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
    rationale: "A key usage without keyCertSign forbids a CA to issue certificates, and Go accepts none that it issued. \
                Fabric loads such a TLS CA in silence, and then every TLS connection below it fails.",
    remedy: "make the CA's certificate again with keyUsage keyCertSign, cRLSign",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.CheckSignatureFrom" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A CA that ends soon.
pub static CA_LIFETIME_SHORT: Rule = Rule {
    id: "ca-lifetime-short",
    title: "a CA certificate lives for less than a year",
    rationale: "Everything that a CA issued ends with it, and every folder and channel that trusts it must be told of the next one. cert-manager gives 90 days when nothing is written.",
    remedy: "add below spec: duration: 87600h (ten years), and renewBefore: 8760h",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("cert-manager: Certificate.spec.duration, 2160h by default")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A CA certificate has no subject key identifier.
pub static CA_SKI_MISSING: Rule = Rule {
    id: "ca-ski-missing",
    title: "a CA certificate has no subject key identifier",
    rationale: "Fabric refuses an MSP with such a CA; revocation lists and chains find a CA by it.",
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

/// A certificate begins before its CA does.
pub static CA_WINDOW: Rule = Rule {
    id: "ca-window",
    title: "a certificate begins before the CA that issued it",
    rationale: "Fabric judges a path as of one second after the start of the certificate in question. An \
                intermediate CA that is older than its root, or a back-dated leaf under a fresh CA, is \
                refused for ever.",
    remedy: "issue the certificate again, with a start that is not before its CA's",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getUniqueValidationChain" }],
    refusals: &[26],
    origins: &[Origin::Verdict],
};

/// The next revocation list is overdue.
pub static CRL_EXPIRED: Rule = Rule {
    id: "crl-expired",
    title: "a revocation list is past its next update",
    rationale: "Fabric goes on applying the list, and knows nothing of what was revoked since.",
    remedy: "fetch the list again and put it into crls: fabric-ca-client gencrl",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "5.1.2.5" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateCertAgainstChain" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A revocation list revokes nothing.
pub static CRL_IGNORED: Rule = Rule {
    id: "crl-ignored",
    title: "a revocation list in crls is not applied",
    rationale: "Fabric passes over a list in DER, over the second list of a file, over the list of a CA that is none of \
                this MSP, and over one with a wrong signature, and says so in its log at most. Whoever the list revokes \
                stays a member.",
    remedy: "write it as PEM, one list a file, made by the CA of this MSP: fabric-ca-client gencrl, or openssl crl -inform \
             der -in LIST -out LIST.pem",
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
    rationale: "What stands in crls must be a PEM revocation list with nothing before it, and carry an \
                authority key identifier: without one, Fabric refuses every certificate of the MSP.",
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
    rationale: "Once an intermediate CA of this MSP stands below a CA, Fabric takes no identities from the \
                upper one any more.",
    remedy: "enrol at the intermediate CA, or take the intermediate certificate out of this MSP",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getValidationChain" }],
    refusals: &[43],
    origins: &[Origin::Verdict],
};

/// A CA does not allow a name of the certificate.
pub static NAME_CONSTRAINTS: Rule = Rule {
    id: "name-constraints",
    title: "a name is outside what a CA on the path allows",
    rationale: "Name constraints of a CA bind every certificate below it.",
    remedy: "ask a CA without that constraint, or leave the name out",
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
    rationale: "A path length constraint says how many CAs may stand below. Go refuses a longer path.",
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

/// A certificate in cacerts is no self-signed CA.
pub static ROOT_NOT_SELF_SIGNED: Rule = Rule {
    id: "root-not-self-signed",
    title: "a certificate in cacerts is no self-signed CA that may sign",
    rationale: "Fabric takes only self-signed CAs with CA:TRUE and keyCertSign, signed with their own key \
                and not over SHA-1, as roots. An intermediate belongs into intermediatecerts.",
    remedy: "put the root into cacerts and the intermediate into intermediatecerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "sanitizeCert" }],
    refusals: &[19, 22],
    origins: &[Origin::Verdict],
};
