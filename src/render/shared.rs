//! What the peers of an organisation share: the gateway Service, its Ingress, the disruption budget, the network policy.

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
        "# Clients dial this name and reach any peer of {name}: each peer's TLS certificate holds it.
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
        "# The controller runs with --enable-ssl-passthrough: clients check the peer's own certificate.
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
        "# A drained node never takes the last peer.
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
        "# Anybody may reach the peers' own port; chaincode and metrics only from this namespace.
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
