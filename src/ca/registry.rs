//! The registry of a CA on the wire: identities, affiliations, certificates and revocations (fabric-ca v1.5.21 `api/client.go`,
//! `lib/serveridentities.go`, `lib/serveraffiliations.go`, `lib/serverrevoke.go`, `lib/servergencrl.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{Attribute, RegisterRequest, null_as_empty, to_json};
use crate::{Secret, Timestamp};

/// An identity in the registry of a CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegisteredIdentity {
    /// Its enrolment id.
    pub id: String,
    /// Its type, as registered: `peer`, `orderer`, `admin`, `client`, or another word.
    #[serde(rename = "type", default)]
    pub identity_type: String,
    /// Its affiliation; empty for the root.
    #[serde(default)]
    pub affiliation: String,
    /// Its limit of enrolments: -1 means unlimited, 0 allows no enrolment.
    #[serde(default)]
    pub max_enrollments: i64,
    /// Its attributes, by name. The CA adds `hf.EnrollmentID`, `hf.Type` and `hf.Affiliation`.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub attrs: Vec<Attribute>,
}

impl RegisteredIdentity {
    /// What a registration asked for.
    pub(crate) fn requested(request: &RegisterRequest<'_>) -> Self {
        Self {
            id: request.id.to_owned(),
            identity_type: request.identity_type.unwrap_or_default().to_owned(),
            affiliation: request.affiliation.filter(|name| *name != ".").unwrap_or_default().to_owned(),
            max_enrollments: request.max_enrollments.unwrap_or_default(),
            attrs: request.attrs.to_vec(),
        }
    }

    fn sorted(mut self) -> Self {
        // The CA gives them in another order each time.
        self.attrs.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }
}

/// A change of an identity; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdentityChange<'a> {
    /// Its new type.
    pub identity_type: Option<&'a str>,
    /// Its new affiliation; empty for the root.
    pub affiliation: Option<&'a str>,
    /// Its new limit of enrolments: -1 means unlimited, 0 allows no enrolment.
    pub max_enrollments: Option<i64>,
    /// New and changed attributes. An empty value removes the attribute.
    pub attrs: &'a [Attribute],
    /// Its new enrolment secret. It also ends the lock after wrong secrets.
    pub secret: Option<&'a Secret>,
}

/// Which certificates [`Client::certificates`](super::Client::certificates) lists; the default is all that the registrar may see.
#[derive(Clone, Debug, Default)]
pub struct CertificateFilter {
    /// Those of one enrolment id.
    pub id: Option<String>,
    /// The serial number, in hex.
    pub serial: Option<String>,
    /// The identifier of the issuer's key, in hex.
    pub aki: Option<String>,
    /// Only certificates that are not revoked.
    pub not_revoked: bool,
    /// Only certificates that have not expired.
    pub not_expired: bool,
    /// Expired from this time on.
    pub expired_from: Option<Timestamp>,
    /// Expired up to this time.
    pub expired_to: Option<Timestamp>,
    /// Revoked from this time on.
    pub revoked_from: Option<Timestamp>,
    /// Revoked up to this time.
    pub revoked_to: Option<Timestamp>,
}

impl CertificateFilter {
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let flag = |is_set: bool| is_set.then(|| "true".to_owned());
        let time = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
        let pairs = [
            ("id", self.id.clone()),
            ("serial", self.serial.as_deref().map(plain_hex)),
            ("aki", self.aki.as_deref().map(plain_hex)),
            ("notrevoked", flag(self.not_revoked)),
            ("notexpired", flag(self.not_expired)),
            ("expired_start", time(self.expired_from)),
            ("expired_end", time(self.expired_to)),
            ("revoked_start", time(self.revoked_from)),
            ("revoked_end", time(self.revoked_to)),
        ];
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Hex without colons and leading zeros. The CA removes leading zeros before it removes colons, so that it does not find `00:0a`.
fn plain_hex(text: &str) -> String {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    digits.to_ascii_lowercase().trim_start_matches('0').to_owned()
}

/// What to revoke.
#[derive(Clone, Copy, Debug)]
pub enum Revocation<'a> {
    /// An identity, for good, with all its certificates.
    Identity(&'a str),
    /// One certificate.
    Certificate {
        /// Its serial number, in hex.
        serial: &'a str,
        /// The identifier of the issuer's key, in hex.
        aki: &'a str,
    },
}

/// The reason of a revocation (RFC 5280 section 5.3.1).
///
/// The CA takes any word, and records a word that it does not know as `unspecified` (fabric-ca v1.5.21 `util/util.go`,
/// `RevocationReasonCodes`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationReason {
    /// `unspecified`.
    #[default]
    Unspecified,
    /// `keycompromise`.
    KeyCompromise,
    /// `cacompromise`.
    CaCompromise,
    /// `affiliationchanged`.
    AffiliationChanged,
    /// `superseded`.
    Superseded,
    /// `cessationofoperation`.
    CessationOfOperation,
    /// `certificatehold`.
    CertificateHold,
    /// `removefromcrl`.
    RemoveFromCrl,
    /// `privilegewithdrawn`.
    PrivilegeWithdrawn,
    /// `aacompromise`.
    AaCompromise,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// Its word, in the only spelling that the CA knows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keycompromise",
            Self::CaCompromise => "cacompromise",
            Self::AffiliationChanged => "affiliationchanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationofoperation",
            Self::CertificateHold => "certificatehold",
            Self::RemoveFromCrl => "removefromcrl",
            Self::PrivilegeWithdrawn => "privilegewithdrawn",
            Self::AaCompromise => "aacompromise",
        }
    }
}

/// A certificate that a request revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RevokedCertificate {
    /// Its serial number, in hex without leading zeros.
    #[serde(alias = "Serial")]
    pub serial: String,
    /// The identifier of the issuer's key, in hex.
    #[serde(alias = "AKI")]
    pub aki: String,
}

/// Which certificates a CRL lists; the default is every revoked certificate that has not expired.
#[derive(Clone, Copy, Debug, Default)]
pub struct CrlFilter {
    /// Revoked after this time.
    pub revoked_after: Option<Timestamp>,
    /// Revoked before this time.
    pub revoked_before: Option<Timestamp>,
    /// That expire after this time.
    pub expire_after: Option<Timestamp>,
    /// That expire before this time.
    pub expire_before: Option<Timestamp>,
}

#[derive(Serialize)]
struct ChangeBody<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    identity_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    affiliation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_enrollments: Option<i64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attrs: &'a [Attribute],
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caname: Option<&'a str>,
}

#[derive(Serialize)]
struct NameBody<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caname: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct RevokeBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aki: Option<String>,
    reason: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gencrl: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    caname: Option<&'a str>,
}

#[derive(Serialize)]
struct CrlBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    revokedafter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revokedbefore: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expireafter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expirebefore: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caname: Option<&'a str>,
}

pub(super) fn change_body(change: &IdentityChange<'_>, caname: Option<&str>) -> Vec<u8> {
    to_json(&ChangeBody {
        identity_type: change.identity_type,
        // An empty affiliation would change nothing.
        affiliation: change.affiliation.map(|name| if name.is_empty() { "." } else { name }),
        // So would 0; -2 sets the limit to 0 (`lib/serveridentities.go`, `getModifyReq`).
        max_enrollments: change.max_enrollments.map(|limit| if limit == 0 { -2 } else { limit }),
        attrs: change.attrs,
        secret: change.secret.map(Secret::expose),
        caname,
    })
}

pub(super) fn affiliation_body(name: &str, caname: Option<&str>) -> Vec<u8> {
    to_json(&NameBody { name, caname })
}

/// `gencrl` asks for a CRL in the answer.
pub(super) fn revoke_body(
    what: Revocation<'_>,
    reason: RevocationReason,
    gencrl: bool,
    caname: Option<&str>,
) -> Vec<u8> {
    let body = RevokeBody { reason: reason.word(), gencrl, caname, ..RevokeBody::default() };
    to_json(&match what {
        Revocation::Identity(id) => RevokeBody { id: Some(id), ..body },
        Revocation::Certificate { serial, aki } => {
            RevokeBody { serial: Some(plain_hex(serial)), aki: Some(plain_hex(aki)), ..body }
        }
    })
}

pub(super) fn crl_body(filter: &CrlFilter, caname: Option<&str>) -> Vec<u8> {
    let time = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
    to_json(&CrlBody {
        revokedafter: time(filter.revoked_after),
        revokedbefore: time(filter.revoked_before),
        expireafter: time(filter.expire_after),
        expirebefore: time(filter.expire_before),
        caname,
    })
}

/// Reads one identity. `Err` describes the missing or invalid member.
pub(super) fn read_identity(result: Value) -> Result<RegisteredIdentity, &'static str> {
    serde_json::from_value(result).map(RegisteredIdentity::sorted).map_err(|_| "it has no identity")
}

/// Why a row of a list cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is not JSON.
    Malformed,
    /// A member is missing or invalid, in words.
    Lacking(&'static str),
}

/// Reads one row of a list of identities (JSON).
pub(super) fn read_identity_row(row: &[u8]) -> Result<RegisteredIdentity, Unread> {
    read_row(row, "it has no identity").map(RegisteredIdentity::sorted)
}

fn read_row<'a, T: Deserialize<'a>>(row: &'a [u8], lacking: &'static str) -> Result<T, Unread> {
    serde_json::from_slice(row).map_err(|e| if e.is_data() { Unread::Lacking(lacking) } else { Unread::Malformed })
}

/// A node of the tree of affiliations.
#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    affiliations: Vec<Self>,
}

/// Reads the tree of affiliations as their full names, sorted. `Err` describes the missing or invalid member.
pub(super) fn read_affiliations(result: Value) -> Result<Vec<String>, &'static str> {
    let mut open: Vec<Branch> = vec![serde_json::from_value(result).map_err(|_| "it has no affiliations")?];
    let mut names = Vec::new();
    while let Some(branch) = open.pop() {
        // The root above several organisations has no name.
        names.extend(Some(branch.name).filter(|name| !name.is_empty()));
        open.extend(branch.affiliations);
    }
    names.sort_unstable();
    Ok(names)
}

#[derive(Deserialize)]
struct CertificateRow {
    #[serde(rename = "PEM")]
    pem: String,
}

/// Reads one row of a list of certificates (JSON): PEM.
pub(super) fn read_certificate_row(row: &[u8]) -> Result<Vec<u8>, Unread> {
    read_row(row, "a certificate of its list has no PEM").map(|row: CertificateRow| row.pem.into_bytes())
}

#[derive(Deserialize)]
struct RevokeResult {
    #[serde(rename = "RevokedCerts", default, deserialize_with = "null_as_empty")]
    revoked: Vec<RevokedCertificate>,
}

/// Reads the result of `revoke`. `Err` describes the missing or invalid member.
pub(super) fn read_revoked(result: Value) -> Result<Vec<RevokedCertificate>, &'static str> {
    serde_json::from_value(result)
        .map(|result: RevokeResult| result.revoked)
        .map_err(|_| "its RevokedCerts cannot be read")
}

/// Reads the result of `gencrl`: PEM, `X509 CRL`. `Err` describes the missing or invalid member.
pub(super) fn read_crl(result: &Value) -> Result<Vec<u8>, &'static str> {
    let encoded = result.get("CRL").and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or("it has no CRL")?;
    STANDARD.decode(encoded).map_err(|_| "its CRL is not base64")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(body: &[u8]) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn a_change_says_only_what_changes() {
        assert_eq!(parsed(&change_body(&IdentityChange::default(), None)), json!({}));
        let change = IdentityChange { affiliation: Some(""), max_enrollments: Some(0), ..IdentityChange::default() };
        assert_eq!(
            parsed(&change_body(&change, Some("ca1"))),
            json!({"affiliation": ".", "max_enrollments": -2, "caname": "ca1"})
        );
    }

    #[test]
    fn hex_is_sent_in_the_form_that_the_ca_finds() {
        let body = revoke_body(
            Revocation::Certificate { serial: "00:0A:BC", aki: "0DEF" },
            RevocationReason::KeyCompromise,
            false,
            None,
        );
        assert_eq!(parsed(&body), json!({"serial": "abc", "aki": "def", "reason": "keycompromise"}));
        let body = revoke_body(Revocation::Identity("a"), RevocationReason::Unspecified, true, None);
        assert_eq!(parsed(&body)["gencrl"], json!(true));
        let filter = CertificateFilter { serial: Some("00:0A".into()), not_revoked: true, ..Default::default() };
        assert_eq!(filter.query(), [("serial", "a".to_owned()), ("notrevoked", "true".to_owned())]);
    }

    #[test]
    fn affiliations_are_full_names_in_order() {
        let tree = json!({"name": "", "caname": "", "affiliations": [
            {"name": "org2", "affiliations": null},
            {"name": "org1", "affiliations": [{"name": "org1.department1"}]},
        ]});
        assert_eq!(read_affiliations(tree).unwrap(), ["org1", "org1.department1", "org2"]);
    }

    #[test]
    fn identities_have_their_attributes_by_name() {
        let identity = json!({"id": "p", "type": "peer", "affiliation": "", "max_enrollments": -1, "attrs": [
            {"name": "hf.Type", "value": "peer", "ecert": true}, {"name": "a", "value": "b"}]});
        let identity = read_identity(identity).unwrap();
        assert_eq!(identity.attrs[0], Attribute { name: "a".into(), value: "b".into(), ecert: false });
        assert!(read_identity(json!({"id": "p", "attrs": null})).unwrap().attrs.is_empty());
        assert!(read_identity(json!("")).is_err());
    }

    #[test]
    fn a_repeated_revocation_lists_nothing() {
        assert_eq!(read_revoked(json!({"RevokedCerts": null, "CRL": ""})).unwrap(), []);
        let one = read_revoked(json!({"RevokedCerts": [{"Serial": "ab", "AKI": "cd"}]})).unwrap();
        assert_eq!((one[0].serial.as_str(), one[0].aki.as_str()), ("ab", "cd"));
    }
}
