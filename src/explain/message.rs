//! Lines of the logs of peers, orderers and clients, and the rule that explains each.

use crate::audit::catalogue::{
    ADMINS_MISSING, CA_CONSTRAINTS, CA_SKI_MISSING, CERT_REVOKED, CHAIN_AMBIGUOUS, CHAIN_BROKEN, CHAIN_INCOMPLETE,
    CONFIG_OU_CA, CONFIG_UNUSABLE, CRL_UNUSABLE, EKU_SERVER_MISSING, EXPIRED, EXT_CRITICAL_UNKNOWN, INNER_CA_ISSUES,
    KEY_MISMATCH, KEY_MISSING, KEY_UNFIT, LEAF_IS_CA, MSP_FOLDER_EMPTY, MSP_LAYOUT, NAME_CONSTRAINTS, NODEOU_AMBIGUOUS,
    NODEOU_MISSING, NODEOU_WRONG_CA, OU_IDENTIFIER_UNMET, PATH_LENGTH, ROOT_MISMATCH, ROOT_NOT_SELF_SIGNED, Rule,
    SAN_MISSING, SAN_NONE, SIGNING_KEY_PUBLIC, TLS_PASSTHROUGH_MISSING,
};

/// Words of a line, and the rule that explains it. The first row that fits counts.
const MESSAGES: [(&str, &Rule); 50] = [
    // The default certificates of ingress controllers that end TLS.
    ("ingress.local", &TLS_PASSTHROUGH_MISSING),
    ("Ingress Controller Fake Certificate", &TLS_PASSTHROUGH_MISSING),
    ("traefik.default", &TLS_PASSTHROUGH_MISSING),
    ("could not load signing certificate from directory", &MSP_LAYOUT),
    ("no signing certificate found", &MSP_FOLDER_EMPTY),
    ("could not load a valid ca certificate", &MSP_LAYOUT),
    ("no ca certificate found", &MSP_FOLDER_EMPTY),
    ("failed unmarshalling configuration file", &CONFIG_UNUSABLE),
    ("administrators must be declared", &ADMINS_MISSING),
    ("KeyMaterial not found", &KEY_MISSING),
    ("signing identity expired", &EXPIRED),
    ("certificate has expired or is not yet valid", &EXPIRED),
    ("certifiersIdentifier does not match", &NODEOU_WRONG_CA),
    ("does not have an OU that resolves to", &NODEOU_MISSING),
    ("not a combination of them", &NODEOU_AMBIGUOUS),
    ("not in root or intermediate certs", &CONFIG_OU_CA),
    ("certificate has been revoked", &CERT_REVOKED),
    ("the supplied identity is not valid: x509: certificate signed by unknown authority", &CHAIN_BROKEN),
    ("certificate signed by unknown authority", &ROOT_MISMATCH),
    ("certificate is valid for", &SAN_MISSING),
    ("doesn't contain any IP SANs", &SAN_MISSING),
    ("legacy Common Name field", &SAN_NONE),
    ("private key does not match public key", &KEY_MISMATCH),
    ("incompatible key usage", &EKU_SERVER_MISSING),
    // Node and Java.
    ("does not match certificate's altnames", &SAN_MISSING),
    ("No subject alternative", &SAN_MISSING),
    ("No name matching", &SAN_MISSING),
    ("self-signed certificate in certificate chain", &ROOT_MISMATCH),
    ("unable to verify the first certificate", &CHAIN_INCOMPLETE),
    ("PKIX path building failed", &ROOT_MISMATCH),
    ("failed loading intermediate ca certs", &MSP_LAYOUT),
    ("failed loading TLS ca certs", &MSP_LAYOUT),
    ("failed loading crls", &MSP_LAYOUT),
    ("failed loading configuration file", &CONFIG_UNUSABLE),
    ("did not have the CA attribute", &CA_CONSTRAINTS),
    ("Subject Key Identifier extension", &CA_SKI_MISSING),
    ("only supports a single validation chain", &CHAIN_AMBIGUOUS),
    ("failed to traverse certificate verification chain", &ROOT_NOT_SELF_SIGNED),
    ("Parent certificate should be a leaf", &INNER_CA_ISSUES),
    ("Certificate Authority equals true", &LEAF_IS_CA),
    ("RSA is not supported", &KEY_UNFIT),
    ("Ed25519 is not supported", &KEY_UNFIT),
    ("Unsupported 'SignKey' provided", &SIGNING_KEY_PUBLIC),
    ("unhandled critical extension", &EXT_CRITICAL_UNKNOWN),
    ("name constraints", &NAME_CONSTRAINTS),
    ("too many intermediates for path length", &PATH_LENGTH),
    ("none of the identity's organizational units", &OU_IDENTIFIER_UNMET),
    ("could not parse RevocationList", &CRL_UNUSABLE),
    ("Authority Key Identifier for crl", &CRL_UNUSABLE),
    ("could not load a valid admin certificate", &MSP_LAYOUT),
];

/// The rule that explains a line.
pub fn rule_of_message(line: &str) -> Option<&'static Rule> {
    MESSAGES.iter().find(|(words, _)| line.contains(words)).map(|(_, rule)| *rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_explained_by_its_words() {
        let line = "x509: certificate is valid for org1-peer1, not org1-peer-gateway-svc";
        assert_eq!(rule_of_message(line).map(|r| r.id), Some("san-missing"));
        let line = "x509: certificate is valid for ingress.local, not org1-peer1.example.com";
        assert_eq!(
            rule_of_message(line).map(|r| r.id),
            Some("tls-passthrough-missing"),
            "the peer does not answer here"
        );
        assert!(rule_of_message("all is well").is_none());
    }

    #[test]
    fn no_row_hides_another() {
        for (words, rule) in MESSAGES {
            assert_eq!(rule_of_message(words).map(|r| r.id), Some(rule.id), "{words}");
        }
    }
}
