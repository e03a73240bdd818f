//! Names in certificates and requests.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// A CSR requests no names.
pub static CSR_SAN_NONE: Rule = Rule {
    id: "csr-san-none",
    title: "CSR requests no names",
    rationale: "A certificate issued from it can be used for signing, but not for TLS: clients do not find the name \
                that they dial.",
    remedy: "for a TLS certificate, make the CSR again with the names: fabcert csr --san NAME,...",
    severity: Severity::Note,
    confidence: Confidence::Likely,
    sources: &[Source::Rfc { number: 9525, section: "6.3" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The name that clients dial is only in the CN.
pub static SAN_CN_ONLY: Rule = Rule {
    id: "san-cn-only",
    title: "the name that clients dial is only in the CN",
    rationale: "Node and Java use the CN if there is no SAN, so such a certificate works until a Go client connects: \
                another peer, the gateway of another organisation, the peer CLI. Go has ignored the CN since 1.15.",
    remedy: "enrol again with the name as a SAN: fabcert enroll --san NAME,... with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "2" },
        Source::Go { package: "crypto/x509", item: "HostnameError.Error" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A name in the TLS certificate of a node does not lead to it.
pub static SAN_DEAD_NAME: Rule = Rule {
    id: "san-dead-name",
    title: "a name in the TLS certificate does not lead to this node",
    rationale: "A misspelt name is a missing name: clients dial the right one, and the wrong one goes unnoticed \
                because nobody dials it. With a name that leads to other nodes, this node can answer in their place.",
    remedy: "correct the name, or remove it",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("Kubernetes: DNS for Services and Pods, Ingress hosts")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// The same SAN twice.
pub static SAN_DUPLICATE: Rule = Rule {
    id: "san-duplicate",
    title: "the same SAN occurs more than once",
    rationale: "This does not affect clients. Two places request the same name, and a later change may miss one of \
                them.",
    remedy: "request each name once at the next enrolment",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("a set of names holds each once")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A gateway Service's name is not in the TLS certificate of a peer behind it.
pub static SAN_GATEWAY_MISSING: Rule = Rule {
    id: "san-gateway-missing",
    title: "TLS certificate of a member lacks the gateway Service's name",
    rationale: "Clients dial the Service by its name and reach any of its members. Connections to a member that lacks \
                the name fail: a random share of all connections, and every one after a failover to it.",
    remedy: "enrol again with every name: fabcert enroll --gateway-service SERVICE with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict, Origin::Manifests],
};

/// An IP address is in a SAN of type DNS.
pub static SAN_IP_AS_DNS: Rule = Rule {
    id: "san-ip-as-dns",
    title: "IP address in a SAN of type DNS",
    rationale: "A client that dials an IP address compares it with SANs of type IP only. An address as a DNS name \
                never matches.",
    remedy: "enrol again; the CA issues an IP SAN for an address: fabcert enroll --san 10.0.0.1",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.4" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A SAN that no client can match.
pub static SAN_MALFORMED: Rule = Rule {
    id: "san-malformed",
    title: "SAN that no client can match",
    rationale: "A URL, a name with a port or a space, or a list in one SAN never matches a host name. A SAN that \
                cannot be decoded makes Go refuse the whole certificate.",
    remedy: "enrol again with plain names, one per SAN: fabcert enroll --force --san NAME,...",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "4.2.1.6" },
        Source::Go { package: "crypto/x509", item: "parseSANExtension" },
        Source::Go { package: "crypto/x509", item: "matchHostnames" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A name that clients dial is not in the TLS certificate.
pub static SAN_MISSING: Rule = Rule {
    id: "san-missing",
    title: "TLS certificate lacks a name that clients dial",
    rationale: "TLS clients compare the name that they dial with the SANs of the certificate and nothing else. If the \
                name is missing, the connection fails in the handshake.",
    remedy: "enrol again with every name: fabcert enroll --san NAME,... with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A TLS server certificate names no host.
pub static SAN_NONE: Rule = Rule {
    id: "san-none",
    title: "TLS certificate has no DNS name and no IP address",
    rationale: "A certificate without SANs is valid for no host. Every Go client, and so every peer, orderer and the \
                peer CLI, refuses it under any name.",
    remedy: "enrol again with the names that clients dial: fabcert enroll --san NAME,... with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The names that clients dial are on the signing certificate, where they have no effect.
pub static SAN_ON_MSP_ONLY: Rule = Rule {
    id: "san-on-msp-only",
    title: "name that clients dial is on the signing certificate and not on a TLS certificate",
    rationale: "A server presents the certificate of the TLS folder. Clients never compare the name that they dial \
                with names on the signing certificate of the MSP: the names were requested with the wrong profile.",
    remedy: "enrol the TLS certificate with these names: fabcert enroll --tls-dir DIR --san NAME,... (profile tls)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "internal/pkg/comm/server.go", item: "NewGRPCServerFromListener" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// Only the short form of a Service name is in the certificate.
pub static SAN_SHORT_ONLY: Rule = Rule {
    id: "san-short-only",
    title: "Service name in its short form only",
    rationale: "The short form of a Service name resolves only inside its own namespace. Clients elsewhere in the \
                cluster dial a longer form, and TLS checks the name that was dialled, not the name that DNS completed.",
    remedy: "enrol again with the longer forms: fabcert enroll --gateway-service SERVICE --namespace NS",
    severity: Severity::Note,
    confidence: Confidence::Likely,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Convention("Kubernetes: DNS for Services and Pods"),
    ],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Manifests],
};

/// A wildcard among the SANs.
pub static SAN_WILDCARD: Rule = Rule {
    id: "san-wildcard",
    title: "wildcard SAN, which clients match differently",
    rationale: "A wildcard matches exactly one whole label, the first one. Go, Node and Java differ in edge cases, and \
                a wildcard also matches every other Service in the same domain.",
    remedy: "list the names that clients dial instead: fabcert enroll --san NAME,... --drop-san '*.DOMAIN'",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Rfc { number: 9525, section: "7.1" },
        Source::Go { package: "crypto/x509", item: "matchHostnames" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};
