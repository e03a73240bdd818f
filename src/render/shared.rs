//! The shared objects of an organisation: the gateway Service, its Ingress, the disruption budget, the network policy.

use super::Organisation;
use crate::text::yaml::scalar;

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
    let (service, space, org) = (gateway.scalar(), namespace.scalar(), name.scalar());
    format!(
        "# Clients dial this name and reach any peer of {name}: every peer's TLS certificate contains it.
apiVersion: v1
kind: Service
metadata:
  name: {service}
  namespace: {space}
  labels:
    org: {org}
spec:
  selector:
    org: {org}
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
    let (service, space, org) = (gateway.scalar(), namespace.scalar(), name.scalar());
    let (class, dialled) = (ingress_class.scalar(), scalar(host));
    format!(
        "# The controller must run with --enable-ssl-passthrough: clients verify the peer's certificate.
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {service}
  namespace: {space}
  labels:
    org: {org}
  annotations:
    nginx.ingress.kubernetes.io/ssl-passthrough: \"true\"
    nginx.ingress.kubernetes.io/backend-protocol: GRPCS
spec:
  ingressClassName: {class}
  rules:
    - host: {dialled}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {service}
                port:
                  name: grpc
  tls:
    - hosts:
        - {dialled}
"
    )
}

fn budget(org: &Organisation) -> String {
    let Organisation { namespace, name, .. } = org;
    let (space, org) = (namespace.scalar(), name.scalar());
    format!(
        "# One peer at a time, whatever their number: when nodes are drained, and when peers are restarted for new certificates.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {name}-peers
  namespace: {space}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      org: {org}
      role: peer
"
    )
}

fn policy(org: &Organisation) -> String {
    let Organisation { namespace, name, sidecar, .. } = org;
    let (space, org) = (namespace.scalar(), name.scalar());
    let health = if *sidecar { "        - port: health\n" } else { "" };
    format!(
        "# All clients may reach the peer port; only pods of this namespace may reach chaincode and metrics.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {name}-peers
  namespace: {space}
spec:
  podSelector:
    matchLabels:
      org: {org}
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
{health}"
    )
}
