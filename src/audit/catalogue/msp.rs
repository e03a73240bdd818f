//! MSP folders.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// A certificate in admincerts is no administrator.
pub static ADMIN_INVALID: Rule = Rule {
    id: "admin-invalid",
    title: "a certificate in admincerts is not valid as an administrator",
    rationale: "Each certificate in admincerts must be of this MSP, and with NodeOUs bear the client or \
                admin OU; otherwise the whole MSP is refused.",
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
    title: "no administrator: neither NodeOUs with an admin OU nor admincerts",
    rationale: "An MSP needs an administrator. Without config.yaml (also under another name, or with Enable: \
                false) that is a certificate in admincerts.",
    remedy: "write config.yaml with NodeOUs (fabcert enroll does), or put an administrator certificate \
                into admincerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplsetup.go", item: "postSetupV142" }],
    refusals: &[58],
    origins: &[Origin::Verdict],
};

/// A name that Fabric does not know stands where config.yaml is meant.
pub static CONFIG_MISSPELT: Rule = Rule {
    id: "config-misspelt",
    title: "config.yaml, or a key in it, is misspelt",
    rationale: "Fabric reads config.yaml by exactly this name and passes over keys that it does not know, \
                letter case included: a misspelt NodeOUs turns them off without a word.",
    remedy: "rename it: config.yaml, NodeOUs, Enable, ClientOUIdentifier, PeerOUIdentifier, \
                AdminOUIdentifier, OrdererOUIdentifier, Certificate, OrganizationalUnitIdentifier",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "Configuration" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A certificate that config.yaml names cannot vouch for an OU.
pub static CONFIG_OU_CA: Rule = Rule {
    id: "config-ou-ca",
    title: "config.yaml names a certificate that is no CA of this MSP",
    rationale: "An OU is bound to the CA that issues the identities. A certificate outside cacerts and \
                intermediatecerts, one that is no PEM, or a CA with intermediate CAs below it cannot be that \
                one, and Fabric refuses the MSP.",
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
    rationale: "Fabric refuses the whole MSP when config.yaml is no YAML, a value is of the wrong kind, the \
                file cannot be read, or a certificate that OrganizationalUnitIdentifiers names is missing.",
    remedy: "fix config.yaml; fabcert enroll writes a good one",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[12, 13, 14],
    origins: &[Origin::Verdict],
};

/// Further certificates of a file are not seen.
pub static MSP_EXTRA_BLOCK: Rule = Rule {
    id: "msp-extra-block",
    title: "a file in an MSP folder holds more than one certificate",
    rationale: "Fabric reads the first PEM block of a file and nothing else. A second CA in the same file \
                does not exist for it.",
    remedy: "put each certificate into a file of its own",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "readPemFile" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A folder that Fabric needs holds nothing that it can use.
pub static MSP_FOLDER_EMPTY: Rule = Rule {
    id: "msp-folder-empty",
    title: "signcerts or cacerts holds no certificate in PEM form",
    rationale: "Fabric passes over files without a PEM block; when nothing is left, the MSP cannot be \
                loaded. DER files, a byte-order mark or a space before BEGIN all count as no PEM.",
    remedy: "put the certificate there in PEM form: openssl x509 -inform der -in CERT -out CERT.pem",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getPemMaterialFromDir" }],
    refusals: &[8, 10],
    origins: &[Origin::Verdict],
};

/// A private key stands among certificates.
pub static MSP_KEY_OUTSIDE_KEYSTORE: Rule = Rule {
    id: "msp-key-outside-keystore",
    title: "a private key stands outside keystore",
    rationale: "Folders of certificates are copied to others and printed; a key among them is given away. In \
                a folder that Fabric reads it also refuses the MSP.",
    remedy: "move the key into keystore, and enrol again if the folder was ever shared",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertFromPem" }],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A folder that Fabric looks for is not where it looks.
pub static MSP_LAYOUT: Rule = Rule {
    id: "msp-layout",
    title: "a folder of the MSP is missing, misplaced or misspelt",
    rationale: "Fabric reads signcerts, cacerts and so on by their exact names, in lower case, right below \
                the MSP folder. A copy that is nested one level too deep, or a file where a folder should \
                be, ends the peer at its start.",
    remedy: "put the folders right below the MSP folder, with their names in lower case",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[7, 9, 11],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A file in a certificate folder holds something else.
pub static MSP_NOT_A_CERTIFICATE: Rule = Rule {
    id: "msp-not-a-certificate",
    title: "a file in a folder for certificates is no certificate that Fabric reads",
    rationale: "Every file in cacerts, signcerts and so on is taken for a certificate. A private key or a \
                revocation list there, a certificate that is cut or broken, or a key on a curve that Go does \
                not know refuses the whole MSP.",
    remedy: "move the file out of the folder: only certificates in PEM form belong there",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertFromPem" }],
    refusals: &[16, 17],
    origins: &[Origin::Verdict],
};

/// A file among certificates in which Fabric sees nothing.
pub static MSP_NOT_PEM: Rule = Rule {
    id: "msp-not-pem",
    title: "Fabric sees nothing in a file of the MSP",
    rationale: "A file without a PEM block that Go reads counts as not there: DER, a byte-order mark or a space before \
                BEGIN, a wrong base64 letter. Fabric says so in its log and goes on with the rest.",
    remedy: "write it as PEM: openssl x509 -inform der -in FILE -out FILE.pem; or remove it",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getPemMaterialFromDir" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// Something stands in the MSP at which Fabric does not look.
pub static MSP_STRAY_FILE: Rule = Rule {
    id: "msp-stray-file",
    title: "something stands in the MSP folder at which Fabric does not look",
    rationale: "Fabric reads its sub-folders and config.yaml, by their exact names. A certificate beside them does not exist \
                for it, and neither does a folder whose name is nearly right.",
    remedy: "move it where it belongs, or out of the MSP folder",
    severity: Severity::Note,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The MSP names no TLS CA.
pub static MSP_TLSCACERTS_MISSING: Rule = Rule {
    id: "msp-tlscacerts-missing",
    title: "the MSP has no tlscacerts",
    rationale: "Peers and the gateway trust another organisation's TLS by the tlscacerts of its MSP in the \
                channel. Where that list is empty, they dial it without TLS, or not at all.",
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
    rationale: "Fabric takes the first usable file in the order of names and passes over the rest. After a \
                renewal that is likely the old certificate.",
    remedy: "leave the one certificate of the node in signcerts",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[],
    origins: &[Origin::Subject],
};
