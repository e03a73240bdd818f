//! Private keys.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// Key and certificate do not belong together.
pub static KEY_MISMATCH: Rule = Rule {
    id: "key-mismatch",
    title: "the private key belongs to another certificate",
    rationale: "A server with such a pair does not start. In an MSP, if the wrong key is under the right file name, \
                the peer starts and everyone refuses its signatures.",
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

/// The private key of a certificate is missing.
pub static KEY_MISSING: Rule = Rule {
    id: "key-missing",
    title: "the private key of the certificate is missing",
    rationale: "Fabric looks in keystore for a file named by the key identifier, then for any plain PEM key that \
                matches. It cannot use an encrypted key, a DER key, a key behind an EC PARAMETERS block, or an empty \
                file under the right name.",
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
    title: "a private key is readable by users other than its owner and group",
    rationale: "Anyone who reads the key can act as the node.",
    remedy: "chmod 0600 KEY (0640 with the group of the peer, if it runs as another user)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("private keys are 0600, or 0640 for a group")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A type of key that Fabric does not accept for identities.
pub static KEY_UNFIT: Rule = Rule {
    id: "key-unfit",
    title: "Fabric does not accept this type of key for an identity",
    rationale: "Fabric signs and verifies with ECDSA, and from capability V3_0 also with Ed25519. An identity with an \
                RSA key is invalid; an identity with an Ed25519 key is invalid on channels below V3_0.",
    remedy: "enrol with a P-256 or P-384 key: fabcert enroll --key-algorithm p256",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentity" }],
    refusals: &[45, 46],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A key that is too weak or cannot be used for TLS.
pub static KEY_WEAK: Rule = Rule {
    id: "key-weak",
    title: "the key is weak or cannot be used for TLS",
    rationale: "RSA keys below 2048 bits are too weak. TLS does not support P-224 and other uncommon curves, so every \
                handshake fails although the peer starts.",
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
    rationale: "Keys that no certificate uses remain readable to anyone who gets the folder, and a folder with several \
                keys does not show which one is in use.",
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
    rationale: "Anyone who gets the TLS key of a server, which more programs can read, can then also sign as the \
                identity. Neither certificate can get a new key without the other.",
    remedy: "enrol again without --key-file: each certificate gets a key of its own",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("a key for one purpose (NIST SP 800-57 part 1, section 5.2)")],
    refusals: &[],
    origins: &[Origin::Run],
};

/// Fabric finds a public key in place of the private key.
pub static SIGNING_KEY_PUBLIC: Rule = Rule {
    id: "signing-key-public",
    title: "Fabric finds a public key in place of the private key",
    rationale: "Fabric searches the keystore by file name, and a file ending in _pk sorts before one ending in _sk: \
                Fabric takes the public key and fails at the first signature.",
    remedy: "remove the _pk file from keystore",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "fabric-lib-go bccsp/sw/fileks.go", item: "GetKey" }],
    refusals: &[35],
    origins: &[Origin::Verdict],
};
