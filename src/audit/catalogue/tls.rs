//! TLS folders and live endpoints.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// An endpoint could not be reached.
pub static ENDPOINT_UNREACHABLE: Rule = Rule {
    id: "endpoint-unreachable",
    title: "an endpoint could not be reached",
    rationale: "The audit did not see the certificate of this endpoint. The exit code is 6 if nothing worse was found.",
    remedy: "check the name, the port and the network, and that the server runs with TLS",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit reports what it skipped")],
    refusals: &[],
    origins: &[Origin::Run],
};

/// An endpoint wants a client certificate.
pub static CLIENT_CERTIFICATE_REQUIRED: Rule = Rule {
    id: "client-certificate-required",
    title: "an endpoint requires a client certificate, and none was given",
    rationale: "The endpoint proved that it holds the key of its certificate, and the audit judges that certificate. \
                Whether it serves clients was not tried: it ended the connection.",
    remedy: "give a client certificate that the endpoint accepts with --client-cert and --client-key",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "sampleconfig/core.yaml", item: "peer.tls.clientAuthRequired" },
        Source::Convention("an audit reports what it skipped"),
    ],
    refusals: &[],
    origins: &[Origin::Run],
};

/// An endpoint serves another certificate than the folders hold.
pub static SERVED_NOT_ON_DISK: Rule = Rule {
    id: "served-not-on-disk",
    title: "an endpoint serves a certificate that is not on disk",
    rationale: "A peer reads its certificate only at its start: after a renewal it serves the old one until it is \
                restarted, and the old one expires.",
    remedy: "restart the peer, or check which server answers there",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "internal/pkg/comm/server.go", item: "GRPCServer.SetServerCertificate" }],
    refusals: &[],
    origins: &[Origin::Run],
};

/// The trust anchor file of a TLS folder holds no certificate.
pub static TLS_ANCHORS_UNUSABLE: Rule = Rule {
    id: "tls-anchors-unusable",
    title: "ca.crt holds no certificate",
    rationale: "A peer starts with an empty or damaged file of roots and does not report it. Clients with the same \
                file trust nothing, and gossip fails.",
    remedy: "put the root certificate of the TLS CA into ca.crt",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Go { package: "crypto/x509", item: "CertPool.AppendCertsFromPEM" }],
    refusals: &[],
    origins: &[Origin::Verdict],
};

/// A CA in tlscacerts or tlsintermediatecerts cannot be used.
pub static TLS_CA_INVALID: Rule = Rule {
    id: "tls-ca-invalid",
    title: "Fabric refuses a TLS CA of the MSP",
    rationale: "Fabric checks the TLS CAs of an MSP as strictly as the signing CAs: CA flag, subject key identifier, \
                one path to a root of tlscacerts. It refuses the whole MSP for one bad file.",
    remedy: "keep the TLS root in tlscacerts and its intermediates in tlsintermediatecerts, one certificate per file",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplsetup.go", item: "setupTLSCAs" }],
    refusals: &[70, 71, 72, 73, 74, 75],
    origins: &[Origin::Verdict],
};

/// A file of a TLS folder is missing.
pub static TLS_FILE_MISSING: Rule = Rule {
    id: "tls-file-missing",
    title: "a TLS folder lacks its certificate, its key or its trust anchors",
    rationale: "The settings of a peer name all three files, and it does not start if one is missing.",
    remedy: "enrol again: fabcert enroll --tls-dir DIR writes all three",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "core/peer/config.go", item: "GetServerConfig" }],
    refusals: &[],
    origins: &[Origin::Verdict],
};

/// The key of a TLS folder cannot be read.
pub static TLS_KEY_UNUSABLE: Rule = Rule {
    id: "tls-key-unusable",
    title: "the TLS key is encrypted or of a type that Go does not read",
    rationale: "Go reads only PKCS#1, PKCS#8 and SEC 1 keys without a password. The peer does not start.",
    remedy: "write it as plain PKCS#8: openssl pkcs8 -topk8 -nocrypt -in server.key -out server.key.new && mv server.key.new server.key",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Go { package: "crypto/tls", item: "X509KeyPair" }],
    refusals: &[],
    origins: &[Origin::Verdict],
};

/// No TLS CA of the MSP issued the TLS certificate of a node.
pub static TLS_NOT_FROM_TLSCACERTS: Rule = Rule {
    id: "tls-not-from-tlscacerts",
    title: "no TLS CA of the MSP beside it issued the TLS certificate",
    rationale: "Other organisations trust the TLS certificate of this node by the tlscacerts of its MSP in the \
                channel. They refuse a certificate of another CA, although the node itself starts and its own \
                organisation may trust it.",
    remedy: "put the root of the TLS CA into tlscacerts of the MSP and update the channel, or enrol at the TLS CA named there",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "core/peer/peer.go", item: "Peer.updateTrustedRoots" }],
    refusals: &[],
    origins: &[Origin::Subject],
};
