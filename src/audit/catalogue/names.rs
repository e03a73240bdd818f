//! Names in certificates and requests.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// A CSR asks for no names.
pub static CSR_SAN_NONE: Rule = Rule {
    id: "csr-san-none",
    title: "CSR asks for no names",
    rationale: "A certificate made from it as it stands serves for signing, and not for TLS: no client finds the name \
                that it dials.",
    remedy: "for a TLS certificate make the CSR again with the names: fabcert csr --san NAME,...",
    severity: Severity::Note,
    confidence: Confidence::Likely,
    sources: &[Source::Rfc { number: 9525, section: "6.3" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The name that clients dial stands in the CN alone.
pub static SAN_CN_ONLY: Rule = Rule {
    id: "san-cn-only",
    title: "the name that clients dial stands in the CN only",
    rationale: "Node and Java go by the CN when there is no SAN, so such a certificate works until a Go client comes: \
                another peer, the gateway of another organisation, the peer CLI. Go has not looked at the CN since 1.15.",
    remedy: "enrol again with the name as a SAN: fabcert enroll --force --san NAME,... with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "2" },
        Source::Go { package: "crypto/x509", item: "HostnameError.Error" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A name in a node's TLS certificate leads nowhere, or somewhere else.
pub static SAN_DEAD_NAME: Rule = Rule {
    id: "san-dead-name",
    title: "a name in the TLS certificate leads to nothing that answers for it",
    rationale: "A misspelt name is a missing name: clients dial the right one, and nobody notices the wrong one, as nothing answers to it. A name that leads to other nodes lets this one answer for them.",
    remedy: "correct the name, or take it out",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("Kubernetes: DNS for Services and Pods, Ingress hosts")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// The same SAN twice.
pub static SAN_DUPLICATE: Rule = Rule {
    id: "san-duplicate",
    title: "the same SAN stands more than once",
    rationale: "It does no harm to any client. It tells that two places ask for the same name, and one day only one of \
                them is changed.",
    remedy: "ask for each name once at the next enrolment",
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
    rationale: "Clients dial the Service by its name and reach any of its members. Each member that lacks the name refuses its \
                share of the connections, at random, and all of them after a failover to it.",
    remedy: "enrol again with every name: fabcert enroll --force --gateway-service SERVICE with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict, Origin::Manifests],
};

/// An IP address stands as a DNS name.
pub static SAN_IP_AS_DNS: Rule = Rule {
    id: "san-ip-as-dns",
    title: "IP address in a SAN of type DNS",
    rationale: "A client that dials an IP address looks at SANs of type IP only. The address as a DNS name matches \
                nothing.",
    remedy: "enrol again: the CA makes an IP SAN of a bare address: fabcert enroll --force --san 10.0.0.1",
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
    rationale: "A URL, a port, a space or a list in one SAN is a host name that nobody dials. A SAN whose bytes cannot \
                be read makes Go refuse the whole certificate.",
    remedy: "enrol again with bare names, one each: fabcert enroll --force --san NAME,...",
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
    rationale: "TLS clients compare the name they dial with the SANs of the certificate and with nothing else. A connection by \
                a name that is not there fails before a byte of Fabric is sent.",
    remedy: "enrol again with every name: fabcert enroll --force --san NAME,... with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// A TLS server's certificate names no host at all.
pub static SAN_NONE: Rule = Rule {
    id: "san-none",
    title: "TLS certificate holds no DNS name and no IP address",
    rationale: "A certificate without SANs names no host. Every Go client, so every peer, orderer and the peer CLI, \
                refuses it under whatever name it dials.",
    remedy: "enrol again with the names that clients dial: fabcert enroll --force --san NAME,... with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// The names that clients dial stand on the signing certificate, where they do nothing.
pub static SAN_ON_MSP_ONLY: Rule = Rule {
    id: "san-on-msp-only",
    title: "name that clients dial is on the signing certificate and not on a TLS certificate",
    rationale: "TLS shows the certificate of the TLS folder. Names on the signing certificate of the MSP are never \
                compared with what a client dials: the enrolment asked for them with the wrong profile.",
    remedy: "enrol the TLS certificate with these names: fabcert enroll --tls-dir DIR --san NAME,... (profile tls)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "internal/pkg/comm/server.go", item: "NewGRPCServerFromListener" }],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// Only the short form of a Service's name is held.
pub static SAN_SHORT_ONLY: Rule = Rule {
    id: "san-short-only",
    title: "Service name in its short form only",
    rationale: "The short form of a Service's name resolves inside its own namespace only. Clients elsewhere in the \
                cluster dial a longer form, and TLS checks what they dialled, not what DNS made of it.",
    remedy: "enrol again with the longer forms: fabcert enroll --force --gateway-service SERVICE --namespace NS",
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
    title: "wildcard SAN, which clients read differently",
    rationale: "A wildcard stands for one whole first label and nothing else. Go, Node and Java differ at the edges, and \
                a wildcard also names every other Service beside yours.",
    remedy: "list the names that clients dial in its place: fabcert enroll --force --san NAME,...",
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
