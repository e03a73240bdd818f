//! MSP folders.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// A certificate in admincerts is not valid as an administrator.
pub static ADMIN_INVALID: Rule = Rule {
    id: "admin-invalid",
    title: "a certificate in admincerts is not valid as an administrator",
    rationale: "Each certificate in admincerts must be valid in this MSP, and with NodeOUs have the client or admin \
                OU; otherwise Fabric refuses the whole MSP.",
    remedy: "remove the file from admincerts, or put an administrator certificate of this organisation \
                there",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplsetup.go", item: "setupAdminsV142" }],
    refusals: &[59, 60, 61],
    origins: &[Origin::Verdict],
};

/// The MSP has no administrator.
pub static ADMINS_MISSING: Rule = Rule {
    id: "admins-missing",
    title: "no administrator: neither NodeOUs with an admin OU nor a certificate in admincerts",
    rationale: "An MSP needs an administrator. Without config.yaml, with one under another name, or with Enable: \
                false, this must be a certificate in admincerts.",
    remedy: "write config.yaml with NodeOUs: fabcert enroll --node-ous with the flags of the last enrolment, which asks \
             the CA for nothing while the certificate is good; or put an administrator certificate into admincerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplsetup.go", item: "postSetupV142" }],
    refusals: &[58],
    origins: &[Origin::Verdict],
};

/// The name of config.yaml, or a key in it, is misspelt.
pub static CONFIG_MISSPELT: Rule = Rule {
    id: "config-misspelt",
    title: "config.yaml, or a key in it, is misspelt",
    rationale: "Fabric reads config.yaml under exactly this name and ignores unknown keys; keys are case-sensitive. A \
                misspelt NodeOUs turns them off without a warning.",
    remedy: "use the exact names: config.yaml, NodeOUs, Enable, ClientOUIdentifier, PeerOUIdentifier, \
             AdminOUIdentifier, OrdererOUIdentifier, Certificate, OrganizationalUnitIdentifier",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "Configuration" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A certificate that config.yaml names for an OU is not an issuing CA.
pub static CONFIG_OU_CA: Rule = Rule {
    id: "config-ou-ca",
    title: "config.yaml names a certificate that is not an issuing CA of this MSP",
    rationale: "An OU is bound to the CA that issues the identities. Fabric refuses the MSP if the certificate is \
                outside cacerts and intermediatecerts, is not PEM, or is a CA with intermediate CAs below it.",
    remedy: "name the file of the CA that directly issues the identities: Certificate: cacerts/FILE or \
                intermediatecerts/FILE",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupNodeOUs" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "getCertifiersIdentifier" },
    ],
    refusals: &[49, 50, 51, 52],
    origins: &[Origin::Verdict],
};

/// config.yaml cannot be read.
pub static CONFIG_UNUSABLE: Rule = Rule {
    id: "config-unusable",
    title: "config.yaml cannot be loaded",
    rationale: "Fabric refuses the whole MSP if config.yaml is not valid YAML, a value has the wrong type, the file \
                cannot be read, or a certificate named in OrganizationalUnitIdentifiers is missing.",
    remedy: "correct config.yaml; fabcert enroll writes a valid one",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[12, 13, 14],
    origins: &[Origin::Verdict],
};

/// Fabric ignores further certificates of a file.
pub static MSP_EXTRA_BLOCK: Rule = Rule {
    id: "msp-extra-block",
    title: "a file in an MSP folder holds more than one certificate",
    rationale: "Fabric reads only the first PEM block of a file and ignores a second CA in it.",
    remedy: "put each certificate into its own file",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "readPemFile" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A folder that Fabric needs holds no usable file.
pub static MSP_FOLDER_EMPTY: Rule = Rule {
    id: "msp-folder-empty",
    title: "signcerts or cacerts holds no certificate in PEM form",
    rationale: "Fabric ignores files without a PEM block; if no other file is in the folder, the MSP cannot be loaded. \
                DER files, and files with a byte-order mark or a space before BEGIN, count as files without PEM.",
    remedy: "put the certificate there in PEM form: openssl x509 -inform der -in CERT -out CERT.pem",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getPemMaterialFromDir" }],
    refusals: &[8, 10],
    origins: &[Origin::Verdict],
};

/// A private key is among certificates.
pub static MSP_KEY_OUTSIDE_KEYSTORE: Rule = Rule {
    id: "msp-key-outside-keystore",
    title: "a private key is outside keystore",
    rationale: "Folders of certificates are copied and shared, and a private key among them is disclosed. If Fabric \
                reads the folder, it also refuses the MSP.",
    remedy: "move the key into keystore, and enrol again if the folder was ever shared",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertFromPem" }],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A folder that Fabric needs is missing, misplaced or misspelt.
pub static MSP_LAYOUT: Rule = Rule {
    id: "msp-layout",
    title: "a folder of the MSP is missing, misplaced or misspelt",
    rationale: "Fabric reads signcerts, cacerts and so on by their exact lower-case names, directly in the MSP folder. \
                If a copy is nested one level too deep, or a file is in place of a folder, the peer does not start.",
    remedy: "put the folders directly into the MSP folder, with lower-case names",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[7, 9, 11],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A file in a certificate folder is not a certificate.
pub static MSP_NOT_A_CERTIFICATE: Rule = Rule {
    id: "msp-not-a-certificate",
    title: "a file in a certificate folder is not a certificate that Fabric can read",
    rationale: "Fabric reads every file in cacerts, signcerts and so on as a certificate. It refuses the whole MSP if \
                one of them is a private key, a revocation list, a damaged certificate, or a certificate with a key on \
                a curve that Go does not support.",
    remedy: "move the file out of the folder: only certificates in PEM form belong there",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertFromPem" }],
    refusals: &[16, 17],
    origins: &[Origin::Verdict],
};

/// A file without a PEM block among certificates.
pub static MSP_NOT_PEM: Rule = Rule {
    id: "msp-not-pem",
    title: "Fabric ignores a file of the MSP",
    rationale: "Fabric ignores a file in which Go finds no PEM block: DER, a byte-order mark or a space before BEGIN, \
                a wrong base64 letter. It logs a warning and continues with the other files.",
    remedy: "write the file as PEM: openssl x509 -inform der -in FILE -out FILE.pem; or remove it",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getPemMaterialFromDir" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The MSP folder contains something that Fabric does not read.
pub static MSP_STRAY_FILE: Rule = Rule {
    id: "msp-stray-file",
    title: "the MSP folder contains something that Fabric does not read",
    rationale: "Fabric reads its sub-folders and config.yaml by their exact names. It ignores a certificate beside \
                them, and a folder with a similar name.",
    remedy: "move it where it belongs, or out of the MSP folder",
    severity: Severity::Note,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The MSP has no TLS CA.
pub static MSP_TLSCACERTS_MISSING: Rule = Rule {
    id: "msp-tlscacerts-missing",
    title: "the MSP has no tlscacerts",
    rationale: "Peers and the gateway trust the TLS certificates of another organisation by the tlscacerts of its MSP \
                in the channel. If that list is empty, they connect without TLS, or not at all.",
    remedy: "put the root of the TLS CA into tlscacerts: fabcert enroll with --msp-dir and --tls-dir does",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "internal/pkg/gateway/endpoint.go", item: "endpointFactory.newConnection" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// signcerts holds several certificates.
pub static SIGNCERTS_MANY: Rule = Rule {
    id: "signcerts-many",
    title: "signcerts holds more than one file",
    rationale: "Fabric takes the first usable file in the order of names and ignores the rest. After a renewal, this \
                is often the old certificate.",
    remedy: "keep only the current certificate of the node in signcerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[],
    origins: &[Origin::Subject],
};
