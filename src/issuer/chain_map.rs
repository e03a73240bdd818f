//! The ConfigMap with the CA's chain, one certificate a key, from which a projected volume makes the folders of an MSP.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::kind::IssuerKind;
use crate::msp::MspConfig;
use crate::pki::x509::Cert;

/// The name of the ConfigMap of an issuer.
pub(super) fn name(kind: IssuerKind, issuer: &str) -> String {
    match kind {
        IssuerKind::Namespaced => format!("{issuer}-chain"),
        IssuerKind::Cluster => format!("{issuer}-cluster-chain"),
    }
}

/// Its content. `cas` are the CAs below the root, the issuing one first.
pub(super) fn content(root: &Cert, cas: &[Cert]) -> Value {
    let mut data = BTreeMap::from([("root.pem".to_owned(), root.to_pem()), ("tls-root.pem".to_owned(), root.to_pem())]);
    data.extend(cas.iter().zip(1..).map(|(ca, number)| (format!("intermediate-{number}.pem"), ca.to_pem())));
    // The paths that the volume of the documentation has.
    let issuing = if cas.is_empty() { "cacerts/ca.pem" } else { "intermediatecerts/1.pem" };
    data.insert("config.yaml".to_owned(), MspConfig::for_issuer(issuing).to_yaml());
    json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "fabcert"}}, "data": data})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_yaml_names_the_issuing_ca() {
        let cas = Cert::all_from_pem(include_bytes!("../../testdata/certs/two-intermediates-cas.pem")).unwrap();
        let (root, below) = (&cas[0], [cas[1].clone(), cas[1].clone()]);
        let data = content(root, &below)["data"].clone();
        assert!(data["config.yaml"].as_str().unwrap().contains("intermediatecerts/1.pem"));
        assert_eq!(data["intermediate-2.pem"], below[1].to_pem().as_str());
        assert!(content(root, &[])["data"]["config.yaml"].as_str().unwrap().contains("cacerts/ca.pem"));
    }

    #[test]
    fn the_kinds_have_names_of_their_own() {
        assert_ne!(name(IssuerKind::Cluster, "org1"), name(IssuerKind::Namespaced, "org1"));
    }
}
