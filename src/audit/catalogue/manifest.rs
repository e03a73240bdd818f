//! Kubernetes manifests.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// A port of a Service that leads to no declared port of a member.
pub static GATEWAY_PORT_MISMATCH: Rule = Rule {
    id: "gateway-port-mismatch",
    title: "a port of a Service leads to no declared port of a selected pod",
    rationale: "Connections to that member fail: always if it is the only one, at random if it is one of several.",
    remedy: "let targetPort name a port that every selected pod declares, or narrow the selector",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("Kubernetes: Service.spec.ports.targetPort")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A gateway Service that binds each client to one member.
pub static GATEWAY_SESSION_AFFINITY: Rule = Rule {
    id: "gateway-session-affinity",
    title: "a gateway Service binds each client to one member",
    rationale: "With ClientIP affinity, all connections from one address reach the same member. Behind an ingress \
                controller or a NAT, all clients share one address: the load is not spread, and a member with a bad \
                certificate is reached always or never.",
    remedy: "remove sessionAffinity: each connection can then reach any member",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("Kubernetes: Service.spec.sessionAffinity")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A gateway Service with one member.
pub static GATEWAY_SINGLE_MEMBER: Rule = Rule {
    id: "gateway-single-member",
    title: "a gateway Service has only one member",
    rationale: "A gateway Service puts several peers behind one name, so that clients survive the loss of one. With \
                one member there is no failover.",
    remedy: "give a second peer the labels that the selector matches",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("Fabric: run two or more peers of an organisation behind one Service")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// How kube-proxy spreads connections.
pub static KUBE_PROXY_MODE: Rule = Rule {
    id: "kube-proxy-mode",
    title: "mode in which kube-proxy spreads connections over the members of a Service",
    rationale: "The member that a connection reaches decides which certificate the client sees, and gRPC keeps one \
                connection for a long time: a member without the name fails a share of the connections, not of the \
                calls.",
    remedy: "nftables is the mode that Kubernetes recommends (stable since 1.33)",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention(
        "Kubernetes: Virtual IPs and Service Proxies; KEP-5495, Remove ipvs mode in kube-proxy",
    )],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A key that occurs twice in one mapping of a manifest.
pub static MANIFEST_REPEATED_KEY: Rule = Rule {
    id: "manifest-repeated-key",
    title: "a mapping of a manifest contains the same key twice",
    rationale: "kubectl and Helm take the last value without a warning; kustomize and the YAML specification refuse \
                the file. The first value is lost.",
    remedy: "remove one of the two keys",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("YAML 1.2.2 section 3.2.1.3: keys are unique; sigs.k8s.io/yaml takes the last")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A template that Helm has not rendered.
pub static MANIFEST_TEMPLATE: Rule = Rule {
    id: "manifest-template",
    title: "a Helm template was skipped",
    rationale: "A template that Helm has not rendered does not show its names. Its Services and certificates were not \
                audited.",
    remedy: "helm template CHART | fabcert audit -",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit reports what it skipped")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A Service in an unknown namespace.
pub static NAMESPACE_UNKNOWN: Rule = Rule {
    id: "namespace-unknown",
    title: "the namespace of a Service is not known",
    rationale: "The manifests do not say where the Service will be applied, so it was matched with workloads of every \
                namespace, and the longer forms of its name could not be checked.",
    remedy: "give the namespace in which they are applied: fabcert audit --namespace NS",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit reports what it skipped")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A connection profile that expects another name than it dials.
pub static OVERRIDE_HIDES_NAME: Rule = Rule {
    id: "override-hides-name",
    title: "a connection profile expects another name than it dials",
    rationale: "ssl-target-name-override makes a client accept a certificate that lacks the dialled name. It hides the \
                missing name until a client without the override connects, and after a failover it expects the same \
                wrong name from every member.",
    remedy: "put the dialled name into the certificates, and remove the override",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("gRPC: GRPC_SSL_TARGET_NAME_OVERRIDE_ARG is for testing only")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// An agent that deletes its identity with its pod.
pub static RESTART_LOSES_IDENTITY: Rule = Rule {
    id: "restart-loses-identity",
    title: "an agent replaces its pod, and the identity is on an emptyDir",
    rationale: "The eviction, or a new template, deletes the pod and its emptyDir: each renewal then costs an \
                enrolment and gives the node a new key, which the channels of an orderer do not know. The agent \
                refuses to start.",
    remedy: "mount a persistent volume there, keep the identity in Secrets with --k8s-secret, or use --restart signal, \
             which keeps the pod",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("Kubernetes: Volumes, emptyDir: deleted when the pod is removed from its node")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// cert-manager may replace a key that others rely on.
pub static ROTATION_POLICY: Rule = Rule {
    id: "rotation-policy",
    title: "cert-manager may replace the key of an orderer or of a CA",
    rationale: "Channel configurations name the TLS certificates of consenters, and all members trust the key of a CA. \
                cert-manager 1.18 and later make a new key at each renewal by default: the channel then no longer \
                knows the orderer, and the certificates of the CA no longer lead to its current key.",
    remedy: "set in spec.privateKey: rotationPolicy: Never",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("cert-manager 1.18 release notes: privateKey.rotationPolicy is Always by default")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A Service with a selector that matches no workload.
pub static SELECTOR_MATCHES_NOTHING: Rule = Rule {
    id: "selector-matches-nothing",
    title: "the selector of a Service matches no workload in the manifests",
    rationale: "A Service without members refuses every connection. One wrong letter in a label is enough.",
    remedy: "make the selector and the pod labels equal",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention("Kubernetes: a Service selects by equality of every pair, in its own namespace")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A route that terminates TLS in front of a Fabric port.
pub static TLS_PASSTHROUGH_MISSING: Rule = Rule {
    id: "tls-passthrough-missing",
    title: "a route to a Fabric port does not pass TLS through",
    rationale: "Fabric clients check the certificate of the peer itself, and peers may require a client certificate. A \
                route that terminates TLS presents its own certificate instead, and by default connects to the TLS \
                port of the peer without TLS.",
    remedy: "pass TLS through: annotation nginx.ingress.kubernetes.io/ssl-passthrough: \"true\" (the controller runs \
             with --enable-ssl-passthrough), termination: passthrough for a Route, a TLSRoute instead of an HTTPRoute",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention(
        "ingress-nginx: SSL passthrough; Gateway API: TLSRoute; OpenShift: passthrough routes",
    )],
    refusals: &[],
    origins: &[Origin::Manifests],
};
