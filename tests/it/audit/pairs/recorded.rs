//! Scenes that are recorded folders, most of them as they are: what Fabric itself says to them is known too.

use super::{Pair, hold};

/// An identifier that every peer of the recorded organisations has.
const MET: &str =
    "OrganizationalUnitIdentifiers:\n  - {Certificate: cacerts/ca.pem, OrganizationalUnitIdentifier: peer}\nNodeOUs:";

pub(super) const PAIRS: &[Pair] = &[
    ("admin-invalid", |s| s.msp("C05"), |s| s.msp("C05b")),
    ("admins-missing", |s| s.msp("C10"), |s| s.msp("C11")),
    ("ca-constraints", |s| s.msp("B01c"), |s| s.msp("B17")),
    ("ca-key-cert-sign", |s| s.msp("F07"), |s| s.msp("F08")),
    ("ca-ski-missing", |s| s.msp("F03"), |s| s.msp("F08")),
    ("ca-window", |s| s.msp("B23b"), |s| s.msp("B22b")),
    ("cert-revoked", |s| s.msp("E01"), |s| s.msp("E01b")),
    ("chain-ambiguous", |s| s.msp("A22f"), |s| s.msp("A22e")),
    ("chain-broken", |s| s.msp("B20b"), |s| s.msp("B22b")),
    ("chain-wrong-folder", |s| s.msp("B19"), |s| s.msp("B22b")),
    ("config-misspelt", |s| s.msp("A33b"), |s| s.msp("D08b")),
    ("config-ou-ca", |s| s.msp("D02"), |s| s.msp("D08b")),
    ("config-unusable", |s| s.msp("A34"), |s| s.msp("A33b")),
    ("crl-expired", |s| s.msp("E06"), |s| s.msp("E01")),
    ("crl-ignored", |s| s.msp("E02"), |s| s.msp("E01")),
    ("crl-unusable", |s| s.msp("E05"), |s| s.msp("E01b")),
    ("eku-client-missing", |s| s.tls("T11b-eku-server-only"), |s| s.tls("T01")),
    ("eku-server-missing", |s| s.msp("B28"), |s| s.msp("B28e")),
    ("expired", |s| s.tls("T03-expired"), |s| s.tls("T01")),
    ("expiring", |s| s.msp("B32b"), |s| s.msp("A01")),
    ("inner-ca-issues", |s| s.msp("B58b"), |s| s.msp("B58c")),
    ("key-mismatch", |s| s.tls("T02-keymismatch"), |s| s.tls("T01")),
    ("key-missing", |s| s.msp("A05e"), |s| s.msp("A05c")),
    ("key-unfit", |s| s.msp("B34b"), |s| s.msp("B36b")),
    ("key-weak", |s| s.msp("B11d"), |s| s.msp("B11b")),
    ("keystore-many", |s| s.msp("A05f"), |s| s.msp("A05c")),
    ("leaf-is-ca", |s| s.msp("B30"), |s| s.msp("A01")),
    ("msp-extra-block", |s| s.msp("A25b"), |s| s.msp("A27")),
    ("msp-folder-empty", |s| s.msp("A26c"), |s| s.msp("A22")),
    ("msp-key-outside-keystore", |s| s.msp("C08"), |s| s.msp("C11")),
    ("msp-layout", |s| s.msp("G02"), |s| s.msp("A01")),
    ("msp-not-a-certificate", |s| s.msp("B52"), |s| s.msp("A44")),
    ("msp-not-pem", |s| s.msp("A22"), |s| s.msp("A22b")),
    ("msp-tlscacerts-missing", |s| s.msp("F01"), |s| s.msp("F08")),
    ("nodeou-ambiguous", |s| s.msp("D10"), |s| s.msp("D15d")),
    ("nodeou-certificate-missing", |s| s.msp("D01b"), |s| s.msp("D08b")),
    ("nodeou-disabled", |s| s.msp("C11"), |s| s.msp("C05b")),
    ("nodeou-missing", |s| s.msp("D08c"), |s| s.msp("D08b")),
    ("nodeou-role", |s| s.msp("A01").tell(&["--role", "orderer"]), |s| s.msp("A01").tell(&["--role", "peer"])),
    ("nodeou-wrong-ca", |s| s.msp("B20c"), |s| s.msp("B22b")),
    ("not-yet-valid", |s| s.msp("B08"), |s| s.msp("B33b")),
    ("ou-identifier-unmet", |s| s.msp("D20"), |s| s.msp("A01").edit("msp/config.yaml", "NodeOUs:", MET)),
    ("root-mismatch", |s| s.tls("T13b-root-other"), |s| s.tls("T06b-chain-with-root")),
    ("root-not-self-signed", |s| s.msp("B03"), |s| s.msp("B15")),
    ("serial-odd", |s| s.msp("B50b"), |s| s.msp("A01")),
    ("signature-high-s", |s| s.msp("B55"), |s| s.msp("B15")),
    ("signcerts-many", |s| s.msp("A18"), |s| s.msp("A19")),
    ("tls-anchors-unusable", |s| s.tls("T13-root-garbage"), |s| s.tls("T13b-root-other")),
    ("tls-ca-invalid", |s| s.msp("F10b"), |s| s.msp("F05b")),
    ("tls-key-unusable", |s| s.tls("T07-key-encrypted"), |s| s.tls("T02-keymismatch")),
];

#[test]
fn rules_on_recorded_folders() {
    hold(PAIRS);
}
