//! The private key of a certificate is not there.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::Severity;

pub(super) static RULE: Rule = Rule {
    id: "key-missing",
    title: "the private key of the certificate is not there",
    rationale: "Fabric looks in keystore for a file named by the key identifier, then for any plain PEM key \
                that fits. An encrypted or DER key, one behind an EC PARAMETERS block, an empty file under \
                the right name all count as nothing.",
    remedy: "put the key into keystore as plain PKCS#8: openssl pkcs8 -topk8 -nocrypt -in KEY -out \
                keystore/KEY_sk",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "fabric-lib-go bccsp/sw/fileks.go", item: "searchKeystoreForSKI" }],
    refusals: &[33],
    applies: elsewhere,
    check: nothing,
};
