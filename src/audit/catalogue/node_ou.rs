//! NodeOUs and organizational units.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// The identity has two NodeOUs.
pub static NODEOU_AMBIGUOUS: Rule = Rule {
    id: "nodeou-ambiguous",
    title: "the identity has more than one NodeOU",
    rationale: "An identity must have exactly one role. Two NodeOUs, or the same one twice, make it invalid.",
    remedy: "enrol an identity of one type; an affiliation must not have the name of a role",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" }],
    refusals: &[55],
    origins: &[Origin::Verdict],
};

/// config.yaml names a missing certificate for a NodeOU.
pub static NODEOU_CERTIFICATE_MISSING: Rule = Rule {
    id: "nodeou-certificate-missing",
    title: "config.yaml names a missing certificate for a NodeOU",
    rationale: "Fabric logs a warning and accepts the OU from any CA of the MSP. The file name depends on the URL of \
                the CA, so a config.yaml copied from elsewhere rarely matches.",
    remedy: "name the file of the CA that issues the identities, relative to the MSP folder: Certificate: cacerts/FILE",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "loadCertificateAt" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// NodeOUs are in config.yaml, but not in effect.
pub static NODEOU_DISABLED: Rule = Rule {
    id: "nodeou-disabled",
    title: "NodeOUs are in config.yaml, but not in effect",
    rationale: "Without Enable: true, or without any identifier, no identity has the role peer or client: Org.peer \
                policies fail, and admincerts decides who is an administrator.",
    remedy: "set Enable: true in NodeOUs, with an identifier for each role",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[
        Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" },
        Source::Fabric { path: "msp/mspimplsetup.go", item: "setupNodeOUs" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// Nothing gives the identity a role.
pub static NODEOU_MISSING: Rule = Rule {
    id: "nodeou-missing",
    title: "the MSP has no NodeOUs, or the identity has none of them",
    rationale: "config.yaml distinguishes peers, clients, orderers and administrators by their OU. Without it, an \
                identity is a plain member, and Org.peer policies fail. With it, an identity without exactly one of \
                those OUs is not a member: a peer does not start, and an orderer starts but everyone refuses it. OUs \
                are case-sensitive.",
    remedy: "write config.yaml with NodeOUs: fabcert enroll --node-ous with the flags of the last enrolment; register \
             the identity with --id.type peer (orderer, admin, client)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" },
    ],
    refusals: &[54],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// The identity has another role than expected.
pub static NODEOU_ROLE: Rule = Rule {
    id: "nodeou-role",
    title: "the identity has another role than the one expected",
    rationale: "A peer with the OU client or admin starts, but its endorsements fail the policy Org.peer.",
    remedy: "register the identity with the right --id.type and enrol again",
    severity: Severity::Error,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The identity has an OU that config.yaml binds to another CA.
pub static NODEOU_WRONG_CA: Rule = Rule {
    id: "nodeou-wrong-ca",
    title: "config.yaml binds the OU to another CA than the one that issued the identity",
    rationale: "With an intermediate CA, the intermediate issues the identity; a config.yaml that names the root makes \
                every identity invalid.",
    remedy: "name the CA that issued signcerts/cert.pem in config.yaml",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" }],
    refusals: &[56],
    origins: &[Origin::Verdict],
};

/// The identity has no OU of `OrganizationalUnitIdentifiers` in `config.yaml`.
pub static OU_IDENTIFIER_UNMET: Rule = Rule {
    id: "ou-identifier-unmet",
    title: "the identity has none of the OUs in OrganizationalUnitIdentifiers",
    rationale: "If config.yaml lists OrganizationalUnitIdentifiers, a member must have one of those OUs, issued by the \
                CA named there.",
    remedy: "remove OrganizationalUnitIdentifiers from config.yaml unless they are intended, or enrol with the OU",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV1" }],
    refusals: &[57],
    origins: &[Origin::Verdict],
};
