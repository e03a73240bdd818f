//! Kubernetes manifests.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// A port of a Service that leads to no port of a member.
pub static GATEWAY_PORT_MISMATCH: Rule = Rule {
    id: "gateway-port-mismatch",
    title: "a port of a Service leads to no port of a pod that it selects",
    rationale: "Connections to that member fail: always where it is the only one, at random where it is one of several.",
    remedy: "let targetPort name a port that every selected pod declares, or narrow the selector",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("Kubernetes: Service.spec.ports.targetPort")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A gateway Service that keeps each client at one member.
pub static GATEWAY_SESSION_AFFINITY: Rule = Rule {
    id: "gateway-session-affinity",
    title: "a gateway Service keeps each client at one member",
    rationale: "With ClientIP affinity all connections from one address meet the same member; behind an ingress controller or a NAT that is everybody. The load is not spread, and a member with a bad certificate is met always or never.",
    remedy: "leave sessionAffinity out: each connection then meets any member",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("Kubernetes: Service.spec.sessionAffinity")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A gateway Service with one member.
pub static GATEWAY_SINGLE_MEMBER: Rule = Rule {
    id: "gateway-single-member",
    title: "a gateway Service has one member only",
    rationale: "A Service in front of several peers is there so that clients outlive the loss of one. With one member there is nothing to fail over to.",
    remedy: "give a second peer the labels of the selector",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("Fabric: run two or more peers of an organisation behind one Service")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// How kube-proxy spreads connections.
pub static KUBE_PROXY_MODE: Rule = Rule {
    id: "kube-proxy-mode",
    title: "how the cluster spreads connections over the members of a Service",
    rationale: "Which member a connection meets decides which certificate it meets, and gRPC keeps one connection for long: a member without the name fails a share of the connections, not of the calls.",
    remedy: "nftables is the mode that Kubernetes recommends (stable since 1.33)",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention(
        "Kubernetes: Virtual IPs and Service Proxies; KEP-5495, Remove ipvs mode in kube-proxy",
    )],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A key that stands twice in one mapping of a manifest.
pub static MANIFEST_REPEATED_KEY: Rule = Rule {
    id: "manifest-repeated-key",
    title: "a key stands twice in one mapping of a manifest",
    rationale: "kubectl and Helm take the last value and say nothing; kustomize and the YAML specification refuse the file. The first value is lost.",
    remedy: "take one of them out",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("YAML 1.2.2 section 3.2.1.3: keys are unique; sigs.k8s.io/yaml takes the last")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A template that Helm has yet to fill.
pub static MANIFEST_TEMPLATE: Rule = Rule {
    id: "manifest-template",
    title: "a template was left out",
    rationale: "What Helm has yet to fill says nothing about names. Its Services and certificates were not looked at.",
    remedy: "helm template CHART | fabcert audit -",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit says what it did not see")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A Service whose namespace nothing tells.
pub static NAMESPACE_UNKNOWN: Rule = Rule {
    id: "namespace-unknown",
    title: "the namespace of a Service is not known",
    rationale: "Nothing in the manifests says where it will be, so it was matched with workloads of every namespace, and the longer forms of its name could not be looked for.",
    remedy: "say where they are applied: fabcert audit --namespace NS",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit says what it did not see")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A connection profile that looks for another name than it dials.
pub static OVERRIDE_HIDES_NAME: Rule = Rule {
    id: "override-hides-name",
    title: "a connection profile looks for another name than it dials",
    rationale: "ssl-target-name-override makes a client accept a certificate that lacks the dialled name. It hides the missing name until a client without it comes, and after a failover it asks every member for the same wrong name.",
    remedy: "put the dialled name into the certificates, and take the override out",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("gRPC: GRPC_SSL_TARGET_NAME_OVERRIDE_ARG is for testing only")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// cert-manager may replace a key that others rely on.
pub static ROTATION_POLICY: Rule = Rule {
    id: "rotation-policy",
    title: "cert-manager may replace the key of an orderer or of a CA",
    rationale: "Channel configurations name the TLS certificates of consenters, and a CA's key is what everybody trusts. cert-manager 1.18 and later make a new key at each renewal unless told otherwise: the orderer is then a stranger to its channel, and every certificate of the CA is of a CA that is gone.",
    remedy: "add below spec.privateKey: rotationPolicy: Never",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("cert-manager 1.18 release notes: privateKey.rotationPolicy is Always by default")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A Service whose selector fits no workload.
pub static SELECTOR_MATCHES_NOTHING: Rule = Rule {
    id: "selector-matches-nothing",
    title: "the selector of a Service fits no workload of the manifests",
    rationale: "A Service without members refuses every connection. One wrong letter in a label is enough.",
    remedy: "make selector and pod labels equal",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("Kubernetes: a Service selects by equality of every pair, in its own namespace")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A route that ends TLS in front of a Fabric port.
pub static TLS_PASSTHROUGH_MISSING: Rule = Rule {
    id: "tls-passthrough-missing",
    title: "a route to a Fabric port does not let TLS through",
    rationale: "Fabric's clients check the peer's own certificate, and peers may ask for theirs. A route that ends TLS shows its own certificate instead, and speaks to a TLS port without TLS unless it is told to.",
    remedy: "let TLS through: annotation nginx.ingress.kubernetes.io/ssl-passthrough: \"true\" (the controller runs with --enable-ssl-passthrough), termination: passthrough for a Route, a TLSRoute instead of an HTTPRoute",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention(
        "ingress-nginx: SSL passthrough; Gateway API: TLSRoute; OpenShift: passthrough routes",
    )],
    refusals: &[],
    origins: &[Origin::Manifests],
};
