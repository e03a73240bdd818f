//! Channel configurations, held against the folders on disk.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

const ABOUT_KEYS: &[Source] = &[
    Source::Fabric { path: "orderer/consensus/etcdraft/consenter.go", item: "Consenter.detectSelfID" },
    Source::Fabric { path: "orderer/consensus/smartbft/consenter.go", item: "Consenter.detectSelfID" },
    Source::Fabric { path: "orderer/common/cluster/connections.go", item: "ConnectionStore.verifyHandshake" },
];

/// A CA in a channel's configuration ended or ends soon.
pub static CHANNEL_CA_EXPIRING: Rule = Rule {
    id: "channel-ca-expiring",
    title: "a CA in the channel's configuration has expired or expires soon",
    rationale: "The nodes of a channel trust the CAs in its configuration. With an expired TLS CA, orderers and peers refuse each \
                other's connections. Identities of an expired CA are accepted if they began before its end, and no new one is.",
    remedy: "put the renewed CA into the channel's configuration beside the present one, then issue the certificates again, then \
             remove the old CA",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "docs/source/certs_management.md", item: "Renew CA Certificate" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "bccspmsp.getValidityOptsForCert" },
    ],
    refusals: &[],
    origins: &[Origin::Run],
};

/// No certificate on disk holds a host of the channel's configuration.
pub static CHANNEL_HOST_MISSING: Rule = Rule {
    id: "channel-host-missing",
    title: "a certificate lacks the host by which the channel's configuration reaches the node",
    rationale: "Orderers dial each other by the hosts of the consenters, peers and clients dial orderers by their endpoints, and peers of \
                other organisations dial the anchor peers. Each verifies the name that it dialled.",
    remedy: "issue the TLS certificate of that node again with the host: fabcert enroll --san HOST ..., or correct the host in the \
             channel's configuration",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Fabric { path: "orderer/common/cluster/comm.go", item: "Comm.createRemoteContext" },
        Source::Fabric { path: "docs/source/certs_management.md", item: "Orderer TLS Certificate" },
    ],
    refusals: &[],
    origins: &[Origin::Run],
};

/// No MSP of the channel has a root of the folder.
pub static CHANNEL_MSP_UNKNOWN: Rule = Rule {
    id: "channel-msp-unknown",
    title: "no MSP of the channel has a root CA of this folder",
    rationale: "A channel verifies identities with the root CAs in its configuration. It refuses every signature of an identity whose \
                root is not there.",
    remedy: "if the CA was replaced, put its new root into the organisation's MSP in the channel's configuration; if the organisation is \
             not in this channel, audit its folders without the channel's block",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "bccspmsp.validateIdentity" }],
    refusals: &[],
    origins: &[Origin::Run],
};

/// The orderer on disk has another key than the channel knows.
pub static CONSENTER_KEY_CHANGED: Rule = Rule {
    id: "consenter-key-changed",
    title: "an orderer has another key than the channel knows it by",
    rationale: "An orderer finds itself among the consenters of a channel by the public key of one certificate: that of TLS under Raft, \
                that of its identity under BFT. With another key it only follows the channel, and the other orderers refuse its \
                connections. When this happens to too many consenters, the channel stops.",
    remedy: "put the earlier key back (fabcert rollback DIR), or update the channel's configuration with the new certificate; fabcert \
             enroll --channel-config FILE keeps the key",
    severity: Severity::Error,
    confidence: Confidence::Likely,
    sources: ABOUT_KEYS,
    refusals: &[],
    origins: &[Origin::Run],
};

/// A consenter of an organisation whose other orderers are on disk is not.
pub static CONSENTER_NOT_ON_DISK: Rule = Rule {
    id: "consenter-not-on-disk",
    title: "no folder holds the certificate of a consenter, while those of other consenters of its organisation are there",
    rationale: "A consenter that no longer exists counts for the quorum all the same: the channel has fewer orderers to lose than its \
                configuration says.",
    remedy: "audit the folder of that orderer too, or remove the consenter from the channel's configuration",
    severity: Severity::Note,
    confidence: Confidence::Likely,
    sources: ABOUT_KEYS,
    refusals: &[],
    origins: &[Origin::Run],
};
