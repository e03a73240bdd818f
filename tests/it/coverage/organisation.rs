//! An organisation's manifests, healthy but for what a test changes.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ran, command};

/// A folder with the manifests of an organisation.
pub(crate) struct Organisation {
    dir: TempDir,
}

/// The peers' names.
pub(super) const PEERS: [&str; 2] = ["peer-a", "peer-b"];
/// What fills the placeholders.
pub(crate) const SET: [&str; 4] = ["--set", "NS=acme", "--set", "DOMAIN=acme.example"];

impl Organisation {
    pub(crate) fn new() -> Self {
        let this = Self { dir: tempfile::tempdir().unwrap() };
        for peer in PEERS {
            this.write(&format!("{peer}.yaml"), &node(peer));
        }
        this.write("gateway.yaml", GATEWAY);
        this.write("orderer.yaml", ORDERER);
        this.write("issuer.yaml", ISSUER);
        this
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    pub(super) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    /// Changes a text that must be there, once.
    pub(crate) fn change(&self, file: &str, from: &str, to: &str) -> &Self {
        let text = self.read(file);
        assert!(text.contains(from), "{file} holds no {from:?}");
        self.write(file, &text.replacen(from, to, 1));
        self
    }

    pub(super) fn audit(&self, more: &[&str]) -> Ran {
        audit_in(self.dir.path(), ".", &[&SET[..], more].concat())
    }

    /// Rule, severity, file and line of every finding of an audit, but those about longer forms that nobody dials.
    pub(super) fn found(&self, more: &[&str]) -> Vec<String> {
        reported(&self.audit(more)).into_iter().filter(|f| !f.starts_with("san-short-only")).collect()
    }

    /// The line, from 1, at which a text stands.
    pub(super) fn line(&self, file: &str, text: &str) -> usize {
        self.read(file).lines().position(|l| l.contains(text)).unwrap_or_else(|| panic!("no {text} in {file}")) + 1
    }
}

/// Audits `path` from `dir`, with the result as JSON.
pub(super) fn audit_in(dir: &Path, path: &str, more: &[&str]) -> Ran {
    let args = [&["audit", path, "--no-policy", "--output", "json", "--at", "2026-11-24T00:00:00Z"], more].concat();
    let output = command(&args, &[]).current_dir(dir).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `rule severity file:line names`, sorted.
pub(super) fn reported(ran: &Ran) -> Vec<String> {
    assert!(ran.code <= 1, "{ran:?}");
    let report = ran.json();
    let line = |f: &Value| {
        let names: Vec<&str> = f["names"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
        let text = |key: &str| f[key].as_str().unwrap().to_owned();
        format!("{} {} {}:{} {}", text("rule"), text("severity"), text("path"), f["line"], names.join(","))
            .trim_end()
            .to_owned()
    };
    let mut lines: Vec<String> = report["findings"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

/// A peer with everything of its own.
pub(super) fn node(peer: &str) -> String {
    let other = PEERS.iter().find(|p| **p != peer).unwrap();
    format!(
        r#"# {peer} of acme
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: {peer}-tls
  namespace: ${{NS}}
spec:
  privateKey:
    algorithm: ECDSA
    size: 256
  dnsNames:            # what clients dial
    - localhost
    - {peer}           # short
    - {peer}.${{NS}}.svc.cluster.local
    - acme-gateway
    - gw.${{DOMAIN}}   # through the ingress
  ipAddresses:
    - 127.0.0.1
  secretName: {peer}-tls
  issuerRef:
    name: acme-tls-ca
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {peer}-env
data:
  FABRIC_CFG_PATH: /etc/fabric
  CORE_PEER_ID: {peer}.acme.example
  CORE_PEER_ADDRESS: {peer}:7051
  CORE_PEER_LISTENADDRESS: 0.0.0.0:7051
  CORE_PEER_CHAINCODEADDRESS: {peer}:7052
  CORE_PEER_CHAINCODELISTENADDRESS: 0.0.0.0:7052
  CORE_PEER_GOSSIP_BOOTSTRAP: {other}:7051
  CORE_PEER_GOSSIP_EXTERNALENDPOINT: {peer}.${{NS}}.svc.cluster.local:7051
  CORE_PEER_TLS_ENABLED: "true"
  CORE_PEER_TLS_CERT_FILE: tls/tls.crt
  CORE_OPERATIONS_LISTENADDRESS: 0.0.0.0:9443
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {peer}
spec:
  replicas: 1
  selector:
    matchLabels: {{app: {peer}}}
  template:
    metadata:
      labels:
        app: {peer}
        org: acme
        role: peer
    spec:
      containers:
        - name: peer
          image: registry.example/peer:3
          envFrom:
            - configMapRef: {{name: {peer}-env}}
          ports:
            - containerPort: 7051
              name: grpc
            - containerPort: 7052
          volumeMounts:
            - name: tls
              mountPath: /etc/fabric/tls
      volumes:
        - name: tls
          secret: {{secretName: {peer}-tls}}
---
apiVersion: v1
kind: Service
metadata:
  name: {peer}
spec:
  selector: {{app: {peer}}}
  ports:
    - {{name: grpc, port: 7051, targetPort: grpc}}
    - {{name: chaincode, port: 7052}}
    - {{name: operations, port: 9443}}
"#
    )
}

pub(super) const GATEWAY: &str = r#"apiVersion: v1
kind: Service
metadata:
  name: acme-gateway
spec:
  selector:
    org: acme
    role: peer
  ports:
    - name: grpc
      port: 7051
      targetPort: grpc
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: acme-gateway
  annotations:
    nginx.ingress.kubernetes.io/ssl-passthrough: "true"
spec:
  rules:
    - host: gw.${DOMAIN}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: acme-gateway
                port: {name: grpc}
"#;

const ORDERER: &str = r#"apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: ord-1-tls
  namespace: ${NS}
spec:
  privateKey:
    rotationPolicy: Never
  dnsNames: [ord-1, localhost]
  secretName: ord-1-tls
  issuerRef: {name: acme-tls-ca}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ord-1
spec:
  serviceName: ord-1
  template:
    metadata:
      labels: {app: ord-1}
    spec:
      containers:
        - name: orderer
          env:
            - {name: ORDERER_GENERAL_LISTENPORT, value: "7050"}
            - {name: ORDERER_GENERAL_TLS_ENABLED, value: "true"}
            - {name: ORDERER_GENERAL_TLS_CERTIFICATE, value: /tls/tls.crt}
          ports: [{containerPort: 7050}]
          volumeMounts: [{name: tls, mountPath: /tls}]
      volumes:
        - name: tls
          secret: {secretName: ord-1-tls}
---
apiVersion: v1
kind: Service
metadata:
  name: ord-1
spec:
  clusterIP: None
  selector: {app: ord-1}
  ports: [{port: 7050}]
"#;

const ISSUER: &str = r#"apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: acme-tls-ca
  namespace: ${NS}
spec:
  isCA: true
  duration: 87600h
  commonName: tlsca.acme.example
  privateKey:
    algorithm: ECDSA
    rotationPolicy: Never
  secretName: acme-tls-ca
  issuerRef: {name: root}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: acme-tls-ca, namespace: "${NS}"}
spec:
  ca: {secretName: acme-tls-ca}
"#;
