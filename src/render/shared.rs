//! The shared objects of an organisation: the gateway Service, its Ingress, the disruption budget, the network policy.

use super::Organisation;

pub(super) fn render(org: &Organisation) -> String {
    let mut documents = vec![gateway(org)];
    documents.extend(org.external_host.as_ref().map(|host| ingress(org, host.as_str())));
    if org.peers.len() > 1 {
        documents.push(budget(org));
    }
    if org.network_policy {
        documents.push(policy(org));
    }
    documents.join("---\n")
}

fn gateway(org: &Organisation) -> String {
    let Organisation { gateway, namespace, name, .. } = org;
    format!(
        "# Clients dial this name and reach any peer of {name}: every peer's TLS certificate contains it.
apiVersion: v1
kind: Service
metadata:
  name: {gateway}
  namespace: {namespace}
  labels:
    org: {name}
spec:
  selector:
    org: {name}
    role: peer
  ports:
    - name: grpc
      port: 7051
      targetPort: grpc
"
    )
}

fn ingress(org: &Organisation, host: &str) -> String {
    let Organisation { gateway, namespace, name, ingress_class, .. } = org;
    format!(
        "# The controller must run with --enable-ssl-passthrough: clients verify the peer's certificate.
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {gateway}
  namespace: {namespace}
  labels:
    org: {name}
  annotations:
    nginx.ingress.kubernetes.io/ssl-passthrough: \"true\"
    nginx.ingress.kubernetes.io/backend-protocol: GRPCS
spec:
  ingressClassName: {ingress_class}
  rules:
    - host: {host}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {gateway}
                port:
                  name: grpc
  tls:
    - hosts:
        - {host}
"
    )
}

fn budget(org: &Organisation) -> String {
    let Organisation { namespace, name, .. } = org;
    format!(
        "# Draining nodes never evicts the last peer.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {name}-peers
  namespace: {namespace}
spec:
  minAvailable: 1
  selector:
    matchLabels:
      org: {name}
      role: peer
"
    )
}

fn policy(org: &Organisation) -> String {
    let Organisation { namespace, name, .. } = org;
    format!(
        "# All clients may reach the peer port; only pods of this namespace may reach chaincode and metrics.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {name}-peers
  namespace: {namespace}
spec:
  podSelector:
    matchLabels:
      org: {name}
      role: peer
  policyTypes: [Ingress]
  ingress:
    - ports:
        - port: grpc
    - from:
        - podSelector: {{}}
      ports:
        - port: chaincode
        - port: operations
"
    )
}
