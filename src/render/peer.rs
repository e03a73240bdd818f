//! A peer: its Service, its volume, and the workload, which enrols before the peer starts.

use super::{Organisation, Storage, WorkloadKind};
use crate::text::yaml::{double_quoted as quoted, scalar};

pub(super) fn render(org: &Organisation, index: usize) -> String {
    let peer = Peer { org, index };
    let mut documents = vec![peer.service()];
    documents.extend(peer.claim());
    documents.push(peer.workload());
    documents.join("---\n")
}

pub(super) struct Peer<'a> {
    pub(super) org: &'a Organisation,
    index: usize,
}

impl Peer<'_> {
    pub(super) fn name(&self) -> String {
        self.org.peers[self.index].to_string()
    }

    fn full_name(&self) -> String {
        format!("{}.{}.svc.{}", self.name(), self.org.namespace, self.org.cluster_domain)
    }

    pub(super) fn is_set(&self) -> bool {
        self.org.workload == WorkloadKind::StatefulSet
    }

    fn service(&self) -> String {
        let (name, namespace, org) = (&self.org.peers[self.index], &self.org.namespace, &self.org.name);
        let (name, namespace, org) = (name.scalar(), namespace.scalar(), org.scalar());
        let headless = if self.is_set() { "  clusterIP: None\n" } else { "" };
        format!(
            "apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    org: {org}
spec:
{headless}  selector:
    app: {name}
  ports:
    - name: grpc
      port: 7051
      targetPort: grpc
    - name: chaincode
      port: 7052
      targetPort: chaincode
    - name: operations
      port: 9443
      targetPort: operations
"
        )
    }

    /// The spec of a claim, indented.
    fn claim_spec(&self, indent: &str) -> Option<String> {
        let Storage::Claim { size, class } = &self.org.storage else { return None };
        let class = class.as_ref().map(|c| format!("{indent}storageClassName: {}\n", c.scalar())).unwrap_or_default();
        Some(format!(
            "{indent}accessModes: [ReadWriteOnce]\n{class}{indent}resources:\n{indent}  requests:\n{indent}    storage: {}\n",
            quoted(size)
        ))
    }

    fn claim(&self) -> Option<String> {
        let spec = self.claim_spec("  ").filter(|_| !self.is_set())?;
        let (name, namespace) = (self.org.peers[self.index].scalar(), self.org.namespace.scalar());
        Some(format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n{spec}"
        ))
    }

    fn workload(&self) -> String {
        let (name, namespace, org) = (&self.org.peers[self.index], &self.org.namespace, &self.org.name);
        let (name, namespace, org) = (name.scalar(), namespace.scalar(), org.scalar());
        let (kind, more) = if self.is_set() {
            ("StatefulSet", format!("  serviceName: {name}\n"))
        } else {
            // Two peers must never write to the same ledger.
            ("Deployment", "  strategy:\n    type: Recreate\n".to_owned())
        };
        let templates = self
            .claim_spec("        ")
            .filter(|_| self.is_set())
            .map(|spec| format!("  volumeClaimTemplates:\n    - metadata:\n        name: state\n      spec:\n{spec}"));
        format!(
            "apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    org: {org}
spec:
  replicas: 1
{more}  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
        org: {org}
        role: peer
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
{}      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        fsGroup: 1000
        seccompProfile:
          type: RuntimeDefault
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    org: {org}
                    role: peer
      initContainers:
{}      containers:
{}      volumes:
{}{}",
            self.process_namespace(),
            self.enrolment(),
            self.container(),
            self.volumes(),
            templates.unwrap_or_default()
        )
    }

    fn container(&self) -> String {
        let (name, org) = (self.name(), self.org);
        let others = &org.peers;
        let bootstrap = &others[(self.index + 1) % others.len()];
        let full = self.full_name();
        let env: String = [
            ("FABRIC_LOGGING_SPEC", "INFO".to_owned()),
            ("CORE_PEER_ID", name.clone()),
            ("CORE_PEER_LOCALMSPID", org.msp_id.clone()),
            ("CORE_PEER_MSPCONFIGPATH", "/identity/msp".to_owned()),
            ("CORE_PEER_ADDRESS", format!("{name}:7051")),
            ("CORE_PEER_LISTENADDRESS", "0.0.0.0:7051".to_owned()),
            ("CORE_PEER_CHAINCODEADDRESS", format!("{name}:7052")),
            ("CORE_PEER_CHAINCODELISTENADDRESS", "0.0.0.0:7052".to_owned()),
            ("CORE_PEER_GOSSIP_BOOTSTRAP", format!("{bootstrap}:7051")),
            ("CORE_PEER_GOSSIP_EXTERNALENDPOINT", format!("{full}:7051")),
            ("CORE_PEER_GATEWAY_ENABLED", "true".to_owned()),
            ("CORE_PEER_TLS_ENABLED", "true".to_owned()),
            ("CORE_PEER_TLS_CERT_FILE", "/identity/tls/server.crt".to_owned()),
            ("CORE_PEER_TLS_KEY_FILE", "/identity/tls/server.key".to_owned()),
            ("CORE_PEER_TLS_ROOTCERT_FILE", "/identity/tls/ca.crt".to_owned()),
            ("CORE_PEER_FILESYSTEMPATH", "/var/hyperledger/production".to_owned()),
            ("CORE_LEDGER_SNAPSHOTS_ROOTDIR", "/var/hyperledger/production/snapshots".to_owned()),
            ("CORE_OPERATIONS_LISTENADDRESS", "0.0.0.0:9443".to_owned()),
            // The cluster has no Docker: chaincode runs as a service.
            ("CORE_VM_ENDPOINT", String::new()),
        ]
        .iter()
        .map(|(key, value)| "            - name: ".to_owned() + key + "\n              value: " + &quoted(value) + "\n")
        .collect();
        format!(
            "        - name: peer
          image: {}
          command: {}
          env:
{env}          ports:
            - name: grpc
              containerPort: 7051
            - name: chaincode
              containerPort: 7052
            - name: operations
              containerPort: 9443
          readinessProbe:
            httpGet:
              path: /healthz
              port: operations
            periodSeconds: 10
          livenessProbe:
            tcpSocket:
              port: grpc
            initialDelaySeconds: 30
            periodSeconds: 20
{CONTEXT}          volumeMounts:
{}{}{}            - name: tmp
              mountPath: /tmp
",
            quoted(&org.peer_image),
            self.command(),
            self.mount("identity", "/identity"),
            self.mount("ledger", "/var/hyperledger/production"),
            self.pid_mount(),
        )
    }

    /// Identity and ledger are two folders of one claim; without a claim each is a volume.
    pub(super) fn mount(&self, part: &str, path: &str) -> String {
        match self.org.storage {
            Storage::Claim { .. } => {
                format!("            - name: state\n              mountPath: {path}\n              subPath: {part}\n")
            }
            Storage::EmptyDir => format!("            - name: {part}\n              mountPath: {path}\n"),
        }
    }

    fn volumes(&self) -> String {
        let name = self.name();
        let state = match self.org.storage {
            Storage::Claim { .. } if self.is_set() => String::new(),
            Storage::Claim { .. } => {
                format!(
                    "        - name: state\n          persistentVolumeClaim:\n            claimName: {}\n",
                    scalar(&name)
                )
            }
            Storage::EmptyDir => {
                "        # Each new pod enrols again and gets a new key: register the identity with enough enrolments.\n        \
                 - name: identity\n          emptyDir: {}\n        - name: ledger\n          emptyDir: {}\n"
                    .to_owned()
            }
        };
        format!(
            "{state}{}        - name: tmp
          emptyDir: {{}}
        # kubectl create secret generic {name}-enroll --from-file=secret=FILE
        - name: enroll-secret
          secret:
            secretName: {name}-enroll
        # kubectl create configmap {ca} --from-file=ca.pem=FILE
        - name: ca
          configMap:
            name: {anchors}
",
            self.pid_volume(),
            ca = self.org.ca_anchors,
            anchors = self.org.ca_anchors.scalar()
        )
    }
}

/// The security context of every container.
pub(super) const CONTEXT: &str = "          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
";
