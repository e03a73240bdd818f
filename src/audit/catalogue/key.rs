//! Private keys.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// Key and certificate do not belong together.
pub static KEY_MISMATCH: Rule = Rule {
    id: "key-mismatch",
    title: "the private key belongs to another certificate",
    rationale: "A server with such a pair does not start. In an MSP, a wrong key under the right name lets \
                the peer start, and everyone refuses its signatures.",
    remedy: "enrol again: fabcert enroll writes pairs that belong together",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Go { package: "crypto/tls", item: "X509KeyPair" },
        Source::Fabric { path: "fabric-lib-go bccsp/sw/fileks.go", item: "GetKey" },
    ],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// The private key of a certificate is not there.
pub static KEY_MISSING: Rule = Rule {
    id: "key-missing",
    title: "the private key of the certificate is not there",
    rationale: "Fabric looks in keystore for a file named by the key identifier, then for any plain PEM key \
                that fits. An encrypted or DER key, one behind an EC PARAMETERS block, an empty file under \
                the right name all count as nothing.",
    remedy: "put the key into keystore as plain PKCS#8: openssl pkcs8 -topk8 -nocrypt -in KEY -out \
                keystore/KEY_sk",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "fabric-lib-go bccsp/sw/fileks.go", item: "searchKeystoreForSKI" }],
    refusals: &[33],
    origins: &[Origin::Verdict],
};

/// A private key can be read by others.
pub static KEY_MODE: Rule = Rule {
    id: "key-mode",
    title: "a private key is readable by others than its owner and group",
    rationale: "Whoever reads the key is the node.",
    remedy: "chmod 0600 KEY (0640 with the group of the peer, where it runs under another user)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("private keys are 0600, or 0640 for a group")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A kind of key that Fabric does not take for identities.
pub static KEY_UNFIT: Rule = Rule {
    id: "key-unfit",
    title: "the key is of a kind that Fabric does not take as an identity",
    rationale: "Fabric signs and verifies with ECDSA, and from capability V3_0 on with Ed25519. An identity \
                with an RSA key is invalid; one with Ed25519 is invalid on channels below V3_0.",
    remedy: "enrol with a P-256 or P-384 key: fabcert enroll --key-algorithm p256",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentity" }],
    refusals: &[45, 46],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A key that is too weak or that TLS cannot use.
pub static KEY_WEAK: Rule = Rule {
    id: "key-weak",
    title: "the key is weak or of no use for TLS",
    rationale: "RSA below 2048 bits can be broken by those who care; TLS has no use for P-224 and other odd \
                curves, so that every handshake fails although the peer starts.",
    remedy: "make a P-256 key and enrol again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Convention("NIST SP 800-57 part 1: 112 bits of strength at least"),
        Source::Go { package: "crypto/tls", item: "signatureSchemesForCertificate" },
    ],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// The keystore holds several keys.
pub static KEYSTORE_MANY: Rule = Rule {
    id: "keystore-many",
    title: "keystore holds more than one key",
    rationale: "Keys that no certificate uses stay readable for whoever gets the folder, and a folder with \
                several says nothing about which one counts.",
    remedy: "remove the keys that belong to no certificate in signcerts",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("one key in the keystore after any number of enrolments")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// One key in two roles.
pub static SAME_KEY_TWO_ROLES: Rule = Rule {
    id: "same-key-two-roles",
    title: "one key is used in two roles",
    rationale: "Whoever gets the TLS key of a server, which more programs can read, then also signs as the \
                identity; and neither can be replaced without the other.",
    remedy: "enrol again without --key-file: each certificate gets a key of its own",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("a key for one purpose (NIST SP 800-57 part 1, section 5.2)")],
    refusals: &[],
    origins: &[Origin::Run],
};

/// Fabric takes a public key for the private one.
pub static SIGNING_KEY_PUBLIC: Rule = Rule {
    id: "signing-key-public",
    title: "a public key stands in the way of the private key",
    rationale: "The keystore is searched by name, and a file ending in _pk sorts before the one ending in \
                _sk: Fabric takes it and ends at the first signature.",
    remedy: "remove the _pk file from keystore",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "fabric-lib-go bccsp/sw/fileks.go", item: "GetKey" }],
    refusals: &[35],
    origins: &[Origin::Verdict],
};
