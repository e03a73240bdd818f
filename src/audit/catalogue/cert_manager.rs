//! Certificates that cert-manager asks a Fabric CA for.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// Certificates of fabcert's issuer that nobody may approve.
pub static CM_APPROVAL_MISSING: Rule = Rule {
    id: "cm-approval-missing",
    title: "nobody may approve the requests for an issuer of a Fabric CA",
    rationale: "cert-manager's approver acts for its own issuers alone unless a role lets it approve for another one. Without \
                it each request waits without end, and neither cert-manager nor the issuer reports an error.",
    remedy: "bind a ClusterRole with apiGroups: [cert-manager.io], resources: [signers], verbs: [approve], resourceNames: \
             [fabriccaissuers.fabcert.dev/*, fabriccaclusterissuers.fabcert.dev/*] to the service account of cert-manager",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Convention(
        "cert-manager: CertificateRequest, approval conditions and the verb approve on signers",
    )],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A lifetime that a Fabric CA does not read.
pub static CM_DURATION_IGNORED: Rule = Rule {
    id: "cm-duration-ignored",
    title: "a Certificate asks a Fabric CA for a lifetime",
    rationale: "A Fabric CA takes the lifetime of a certificate from its signing profile, and reads none in a request. \
                cert-manager renews by what was issued.",
    remedy: "remove spec.duration, or name a profile with that expiry in the annotation fabcert.dev/profile",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("fabric-ca: signing.profiles.NAME.expiry in fabric-ca-server-config.yaml; FABC-806")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A request without an enrolment id.
pub static CM_NO_COMMON_NAME: Rule = Rule {
    id: "cm-no-common-name",
    title: "a Certificate for a Fabric CA has no common name",
    rationale: "The common name is the enrolment id, in whose name the CA issues. A request without it fails.",
    remedy: "set spec.commonName to the enrolment id",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("fabric-ca: the common name of a CSR must be the id that enrols (error 77)")],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// An RSA key for an MSP.
pub static CM_RSA_MSP: Rule = Rule {
    id: "cm-rsa-msp",
    title: "cert-manager makes an RSA key for an MSP",
    rationale: "Fabric's MSP takes ECDSA keys, and Ed25519 from 3.0: a node with an RSA key does not start. cert-manager's \
                default is RSA.",
    remedy: "set in spec.privateKey: algorithm: ECDSA, size: 256",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "bccsp/sw/keyimport.go", item: "x509PublicKeyImportOptsKeyImporter.KeyImport" },
        Source::Convention("cert-manager: spec.privateKey.algorithm is RSA by default"),
    ],
    refusals: &[],
    origins: &[Origin::Manifests],
};

/// A mounted file that no renewal reaches.
pub static CM_SUBPATH: Rule = Rule {
    id: "cm-subpath",
    title: "a certificate of cert-manager is mounted with subPath",
    rationale: "The kubelet does not update a file that is mounted with subPath: after a renewal the pod still has the old \
                certificate, and a container that starts again may have the new key beside it.",
    remedy: "mount the whole volume, with items for the names of the files",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention(
        "Kubernetes: a container that uses a Secret as a subPath volume mount receives no updates",
    )],
    refusals: &[],
    origins: &[Origin::Manifests],
};
