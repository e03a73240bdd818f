//! Scenes that are an organisation's manifests.

use super::stage::Stage;
use super::{Pair, hold};

/// Where nobody says in which namespace anything is.
const NOWHERE: &[(&str, &str, &str)] = &[
    ("peer-a.yaml", "  namespace: ${NS}\n", ""),
    ("peer-b.yaml", "  namespace: ${NS}\n", ""),
    ("orderer.yaml", "  namespace: ${NS}\n", ""),
];

/// A cluster of KIND.
const CLUSTER: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking:\n  kubeProxyMode: iptables\n";

/// A connection profile that dials the gateway and compares with another name.
const PROFILE: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: app, namespace: acme}
data:
  profile.json: |
    {
      "version": "1.0.0",
      "peers": {
        "gw": {
          "url": "grpcs://acme-gateway:7051",
          "grpcOptions": {"ssl-target-name-override": "peer-a"}
        }
      }
    }
"#;

/// An agent that evicts its pod.
const AGENT: &str = r"apiVersion: v1
kind: Pod
metadata: {name: peer-c, namespace: acme}
spec:
  containers:
    - name: agent
      image: fabcert
      command: [fabcert, agent, --restart, evict, --msp-dir, /identity/msp, --tls-dir=/identity/tls]
      volumeMounts: [{name: identity, mountPath: /identity}]
  volumes:
    - name: identity
      VOLUME
";

/// A request to a Fabric CA, and the pod that mounts what it gives as an MSP folder.
const REQUESTED: &str = r#"apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: peer-x, namespace: acme}
spec:
  secretName: peer-x
  commonName: peer-x
  privateKey: {algorithm: ECDSA, size: 256, rotationPolicy: Never}
  issuerRef: {group: fabcert.dev, kind: FabricCAIssuer, name: org1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: peer-x, namespace: acme}
spec:
  template:
    metadata: {labels: {app: peer-x}}
    spec:
      containers:
        - name: tool
          volumeMounts:
            - name: msp
              mountPath: /msp
      volumes:
        - name: msp
          projected:
            sources:
              - secret: {name: peer-x, items: [{key: tls.crt, path: signcerts/cert.pem}]}
---
apiVersion: fabcert.dev/v1alpha1
kind: FabricCAIssuer
metadata: {name: org1, namespace: acme}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: approve}
rules:
  - apiGroups: [cert-manager.io]
    resources: [signers]
    verbs: [approve]
    resourceNames: ["fabriccaissuers.fabcert.dev/*"]
"#;

/// [`REQUESTED`] with one text changed.
fn requested<'s>(stage: &'s Stage, from: &str, to: &str) -> &'s Stage {
    assert!(REQUESTED.contains(from), "{from}");
    stage.manifests(&[]).file("more.yaml", REQUESTED.replace(from, to))
}

pub(super) const PAIRS: &[Pair] = &[
    ("ca-lifetime-short", |s| s.manifests(&[("issuer.yaml", "  duration: 87600h\n", "")]), |s| s.manifests(&[])),
    (
        "cm-approval-missing",
        |s| requested(s, "fabriccaissuers.fabcert.dev/*", "issuers.cert-manager.io/*"),
        |s| requested(s, "fabriccaissuers.fabcert.dev/*", "fabriccaissuers.fabcert.dev/acme.org1"),
    ),
    (
        "cm-duration-ignored",
        |s| requested(s, "  commonName", "  duration: 2160h\n  commonName"),
        |s| requested(s, "  issuerRef: {group: fabcert.dev, kind: FabricCAIssuer, name: org1}", "  duration: 2160h"),
    ),
    (
        "cm-no-common-name",
        |s| requested(s, "  commonName: peer-x\n", ""),
        |s| requested(s, "commonName: peer-x", "commonName: peer-y"),
    ),
    (
        "cm-rsa-msp",
        |s| requested(s, "algorithm: ECDSA, size: 256, ", ""),
        |s| requested(s, "algorithm: ECDSA, size: 256", "algorithm: Ed25519"),
    ),
    (
        "cm-subpath",
        |s| {
            requested(
                s,
                "mountPath: /msp\n",
                "mountPath: /msp/signcerts/cert.pem\n              subPath: signcerts/cert.pem\n",
            )
        },
        |s| requested(s, "mountPath: /msp", "mountPath: /etc/msp"),
    ),
    (
        "gateway-port-mismatch",
        |s| s.manifests(&[("gateway.yaml", "targetPort: grpc", "targetPort: 7151")]),
        |s| s.manifests(&[("gateway.yaml", "targetPort: grpc", "targetPort: 7051")]),
    ),
    (
        "gateway-session-affinity",
        |s| s.manifests(&[("gateway.yaml", "spec:\n  selector:", "spec:\n  sessionAffinity: ClientIP\n  selector:")]),
        |s| s.manifests(&[("gateway.yaml", "spec:\n  selector:", "spec:\n  sessionAffinity: None\n  selector:")]),
    ),
    ("gateway-single-member", |s| s.manifests(&[("peer-a.yaml", "        role: peer\n", "")]), |s| s.manifests(&[])),
    ("kube-proxy-mode", |s| s.manifests(&[]).file("more.yaml", CLUSTER), |s| s.manifests(&[])),
    (
        "manifest-repeated-key",
        |s| s.manifests(&[("gateway.yaml", "  name: acme-gateway\nspec", "  name: gw\n  name: acme-gateway\nspec")]),
        |s| {
            s.manifests(&[(
                "gateway.yaml",
                "  name: acme-gateway\nspec",
                "  <<: {name: gw}\n  name: acme-gateway\nspec",
            )])
        },
    ),
    (
        "manifest-template",
        |s| s.manifests(&[("gateway.yaml", "name: acme-gateway\nspec", "name: {{ .Values.name }}\nspec")]),
        |s| s.manifests(&[]),
    ),
    ("member-stale", |s| members(s, "peer-c"), |s| members(s, "peer-a")),
    ("namespace-unknown", |s| s.manifests(NOWHERE), |s| s.manifests(NOWHERE).tell(&["--namespace", "acme"])),
    (
        "override-hides-name",
        |s| s.manifests(&[]).file("more.yaml", PROFILE),
        |s| s.manifests(&[]).file("more.yaml", PROFILE.replace("\"peer-a\"", "\"acme-gateway\"")),
    ),
    (
        "restart-loses-identity",
        |s| s.manifests(&[]).file("agent.yaml", AGENT.replace("VOLUME", "emptyDir: {}")),
        |s| s.manifests(&[]).file("agent.yaml", AGENT.replace("VOLUME", "persistentVolumeClaim: {claimName: peer-c}")),
    ),
    (
        "rotation-policy",
        |s| s.manifests(&[("orderer.yaml", "rotationPolicy: Never", "rotationPolicy: Always")]),
        |s| s.manifests(&[]),
    ),
    (
        "san-dead-name",
        |s| s.manifests(&[("peer-a.yaml", "- localhost", "- ord-1")]),
        |s| s.manifests(&[("peer-a.yaml", "- localhost", "- peer-a.acme.example")]),
    ),
    (
        "selector-matches-nothing",
        |s| s.manifests(&[("gateway.yaml", "    org: acme\n", "    org: acmee\n")]),
        |s| s.manifests(&[]),
    ),
    (
        "tls-passthrough-missing",
        |s| s.manifests(&[("gateway.yaml", "ssl-passthrough: \"true\"", "ssl-redirect: \"true\"")]),
        |s| s.manifests(&[]),
    ),
];

/// A policy by which the TLS folder is that of a workload.
fn members<'s>(stage: &'s Stage, workload: &str) -> &'s Stage {
    let policy = format!("version: 1\nmembers:\n  - {{workload: {workload}, tls: tls}}\n");
    stage.manifests(&[]).server(|_| ()).file("fabcert.yaml", policy)
}

#[test]
fn rules_on_manifests() {
    hold(PAIRS);
}
