//! The registry of one CA: identities, their enrolments, and issued certificates.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::{DevCaError, IdentitySpec};
use crate::Timestamp;

/// An attribute of an identity, in its JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// Value; always text.
    pub value: String,
    /// Whether certificates contain it without an attribute request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ecert: bool,
}

impl Attribute {
    pub(super) fn new(name: &str, value: &str, ecert: bool) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), ecert }
    }
}

/// A salted hash of a secret. It uses few rounds, because the dev CA must not hold real secrets.
#[derive(Clone, Serialize, Deserialize)]
struct SecretHash {
    salt: String,
    hash: String,
}

const ROUNDS: NonZeroU32 = NonZeroU32::new(1000).expect("a thousand is not zero");
/// bcrypt, which the real server uses, reads at most this many bytes.
const SECRET_BYTES: usize = 72;

impl SecretHash {
    fn of(secret: &str) -> Result<Self, DevCaError> {
        let mut salt = [0u8; 16];
        SystemRandom::new().fill(&mut salt).map_err(|_| DevCaError::NoRandomness)?;
        let mut hash = [0u8; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, secret.as_bytes(), &mut hash);
        Ok(Self { salt: STANDARD.encode(salt), hash: STANDARD.encode(hash) })
    }

    fn matches(&self, secret: &[u8]) -> bool {
        let secret = &secret[..secret.len().min(SECRET_BYTES)];
        let (Ok(salt), Ok(hash)) = (STANDARD.decode(&self.salt), STANDARD.decode(&self.hash)) else { return false };
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, secret, &hash).is_ok()
    }
}

fn refuse_long(secret: &str) -> Result<(), Refusal> {
    if secret.len() > SECRET_BYTES {
        return Err(Refusal::unclassed("Failed to hash password: bcrypt: password length exceeds 72 bytes"));
    }
    Ok(())
}

/// One identity.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) affiliation: String,
    pub(super) attributes: Vec<Attribute>,
    pub(super) max_enrollments: i64,
    /// Enrolments used.
    pub(super) enrolled: i64,
    pub(super) wrong_secrets: u32,
    pub(super) revoked: bool,
    secret: SecretHash,
}

impl Identity {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }

    /// Whether the boolean attribute `name` exists and is true, parsed as Go's `strconv.ParseBool` does.
    pub(super) fn has_right(&self, name: &str) -> bool {
        self.attribute(name).and_then(go_bool) == Some(true)
    }

    pub(super) fn set_secret(&mut self, secret: &str) -> Result<(), Refusal> {
        refuse_long(secret)?;
        self.secret = SecretHash::of(secret)?;
        self.wrong_secrets = 0;
        Ok(())
    }
}

/// Parses a boolean as Go does.
pub(super) fn go_bool(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// An issued certificate.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Issued {
    /// The identity that it was issued to.
    pub(super) id: String,
    /// Lower-case hex without leading zeros.
    pub(super) serial: String,
    pub(super) not_after: Timestamp,
    pub(super) pem: String,
    pub(super) revoked: bool,
    /// The time of its revocation; `None` in the state of a version that did not keep it.
    #[serde(default)]
    pub(super) revoked_at: Option<Timestamp>,
}

impl Issued {
    fn revoke(&mut self, at: Timestamp) {
        self.revoked = true;
        self.revoked_at.get_or_insert(at);
    }
}

/// A validated new identity.
pub(super) struct NewIdentity<'a> {
    pub(super) id: &'a str,
    pub(super) secret: &'a str,
    pub(super) kind: &'a str,
    pub(super) affiliation: &'a str,
    pub(super) attributes: Vec<Attribute>,
    pub(super) max_enrollments: i64,
}

/// The identities, affiliations and certificates of one CA.
#[derive(Serialize, Deserialize)]
pub(super) struct Registry {
    identities: BTreeMap<String, Identity>,
    pub(super) affiliations: BTreeSet<String>,
    issued: Vec<Issued>,
}

impl Registry {
    /// A registry with the default affiliations of the real server and no identities.
    pub(super) fn new() -> Self {
        let mut registry = Self { identities: BTreeMap::new(), affiliations: BTreeSet::new(), issued: Vec::new() };
        for name in ["org1.department1", "org1.department2", "org2.department1"] {
            registry.add_affiliation(name);
        }
        registry
    }

    /// Adds `a.b.c` with its parents.
    pub(super) fn add_affiliation(&mut self, name: &str) {
        let mut rest = name;
        while !rest.is_empty() {
            self.affiliations.insert(rest.to_owned());
            rest = rest.rsplit_once('.').map_or("", |(parent, _)| parent);
        }
    }

    /// Adds the registrar `admin` with the rights of the real server's bootstrap identity.
    pub(super) fn add_bootstrap_admin(&mut self) -> Result<(), DevCaError> {
        let attributes = [
            ("hf.IntermediateCA", "1"),
            ("hf.GenCRL", "1"),
            ("hf.Registrar.Attributes", "*"),
            ("hf.AffiliationMgr", "1"),
            ("hf.Registrar.Roles", "*"),
            ("hf.Registrar.DelegateRoles", "*"),
            ("hf.Revoker", "1"),
        ]
        .map(|(name, value)| Attribute::new(name, value, false))
        .to_vec();
        self.insert(NewIdentity {
            id: "admin",
            secret: "adminpw",
            kind: "client",
            affiliation: "",
            attributes,
            max_enrollments: -1,
        })
    }

    /// Registers `spec` unless its id exists.
    pub(super) fn add_spec(&mut self, spec: &IdentitySpec) -> Result<(), DevCaError> {
        if self.identities.contains_key(&spec.id) {
            return Ok(());
        }
        self.add_affiliation(&spec.affiliation);
        let mut attributes = spec.attributes.clone();
        attributes.extend(fixed_attributes(&spec.id, &spec.kind, &spec.affiliation));
        self.insert(NewIdentity {
            id: &spec.id,
            secret: spec.secret.expose(),
            kind: &spec.kind,
            affiliation: &spec.affiliation,
            attributes,
            max_enrollments: if spec.max_enrollments == 0 { -1 } else { spec.max_enrollments },
        })
    }

    fn insert(&mut self, new: NewIdentity<'_>) -> Result<(), DevCaError> {
        let identity = Identity {
            id: new.id.to_owned(),
            kind: new.kind.to_owned(),
            affiliation: new.affiliation.to_owned(),
            attributes: new.attributes,
            max_enrollments: new.max_enrollments,
            enrolled: 0,
            wrong_secrets: 0,
            revoked: false,
            secret: SecretHash::of(new.secret)?,
        };
        self.identities.entry(new.id.to_owned()).or_insert(identity);
        Ok(())
    }

    /// Registers an identity for a registrar.
    pub(super) fn register(&mut self, new: NewIdentity<'_>) -> Result<(), Refusal> {
        if self.identities.contains_key(new.id) {
            return Err(Refusal::new(409, 74, format!("Identity '{}' is already registered", new.id)));
        }
        refuse_long(new.secret).map_err(|r| r.within(&format!("Registration of '{}' failed", new.id)))?;
        Ok(self.insert(new)?)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Identity> {
        self.identities.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Identity> {
        self.identities.get_mut(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Identity> {
        self.identities.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Identity> {
        self.identities.values_mut()
    }

    /// Checks a secret in the order of the real server (`user.Login`): lock, secret, revocation, limit. A correct
    /// secret resets the count of wrong ones.
    pub(super) fn log_in(
        &mut self,
        id: &str,
        secret: &[u8],
        attempts_allowed: u32,
        ca_max: i64,
    ) -> Result<(), Refusal> {
        let identity = self.identities.get_mut(id).ok_or_else(Refusal::authentication)?;
        if attempts_allowed > 0 && identity.wrong_secrets == attempts_allowed {
            return Err(Refusal::new(
                401,
                73,
                format!(
                    "Incorrect password entered {attempts_allowed} times, \
                     max incorrect password limit of {attempts_allowed} reached"
                ),
            ));
        }
        if !identity.secret.matches(secret) {
            identity.wrong_secrets += 1;
            return Err(Refusal::authentication());
        }
        if identity.max_enrollments == 0 || identity.revoked || identity.used_up(ca_max) {
            return Err(Refusal::authentication());
        }
        identity.wrong_secrets = 0;
        Ok(())
    }

    /// Counts a successful enrolment.
    pub(super) fn count_enrollment(&mut self, id: &str, ca_max: i64) -> Result<(), Refusal> {
        match self.identities.get_mut(id) {
            Some(identity) if !identity.used_up(ca_max) => {
                identity.enrolled += 1;
                Ok(())
            }
            _ => Err(Refusal::unclassed(format!("No rows were affected when updating the state of identity {id}"))),
        }
    }

    pub(super) fn record(&mut self, issued: Issued) {
        self.issued.push(issued);
    }

    pub(super) fn issued_as(&self, serial: &str) -> Option<&Issued> {
        self.issued.iter().find(|c| c.serial == serial)
    }

    pub(super) fn issued(&self) -> impl Iterator<Item = &Issued> {
        self.issued.iter()
    }

    /// Revokes the identity permanently, and all its certificates. Returns whether it exists.
    pub(super) fn revoke(&mut self, id: &str, at: Timestamp) -> bool {
        self.issued.iter_mut().filter(|c| c.id == id).for_each(|c| c.revoke(at));
        self.identities.get_mut(id).map(|identity| identity.revoked = true).is_some()
    }

    /// Removes the identity. Its certificates stay, revoked.
    pub(super) fn remove(&mut self, id: &str, at: Timestamp) {
        self.revoke(id, at);
        self.identities.remove(id);
    }

    /// Revokes one certificate.
    pub(super) fn revoke_certificate(&mut self, serial: &str, at: Timestamp) {
        self.issued.iter_mut().filter(|c| c.serial == serial).for_each(|c| c.revoke(at));
    }
}

impl Identity {
    fn used_up(&self, ca_max: i64) -> bool {
        let max = match (self.max_enrollments, ca_max) {
            (own, -1) => own,
            (-1, ca) => ca,
            (own, ca) => own.min(ca),
        };
        max != -1 && self.enrolled >= max
    }
}

/// The attributes that every registration adds.
pub(super) fn fixed_attributes(id: &str, kind: &str, affiliation: &str) -> [Attribute; 3] {
    [
        Attribute::new("hf.EnrollmentID", id, true),
        Attribute::new("hf.Type", kind, true),
        Attribute::new("hf.Affiliation", affiliation, true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        let mut registry = Registry::new();
        registry.add_spec(&IdentitySpec::new("peer0", "peerpw", "peer").at("org3.a").limited_to(2)).unwrap();
        registry
    }

    fn log_in(registry: &mut Registry, secret: &str) -> Result<(), (u16, i64)> {
        registry.log_in("peer0", secret.as_bytes(), 10, -1).map_err(|r| (r.status, r.code))
    }

    #[test]
    fn ten_wrong_secrets_lock_and_a_correct_one_resets_the_count() {
        let mut registry = registry();
        for _ in 0..9 {
            assert_eq!(log_in(&mut registry, "nope"), Err((401, 20)));
        }
        assert_eq!(log_in(&mut registry, "peerpw"), Ok(()));
        for _ in 0..10 {
            assert_eq!(log_in(&mut registry, "nope"), Err((401, 20)));
        }
        assert_eq!(log_in(&mut registry, "peerpw"), Err((401, 73)));
        registry.get_mut("peer0").unwrap().set_secret("new").unwrap();
        assert_eq!(log_in(&mut registry, "new"), Ok(()));
    }

    #[test]
    fn used_up_enrolments_look_like_a_wrong_secret_without_counting() {
        let mut registry = registry();
        registry.count_enrollment("peer0", -1).unwrap();
        registry.count_enrollment("peer0", -1).unwrap();
        assert_eq!(log_in(&mut registry, "peerpw"), Err((401, 20)));
        assert_eq!(registry.get("peer0").unwrap().wrong_secrets, 0);
        assert_eq!(registry.count_enrollment("peer0", -1).unwrap_err().status, 500);
    }

    #[test]
    fn the_limit_of_the_ca_caps_the_limit_of_the_identity() {
        let mut registry = registry();
        registry.count_enrollment("peer0", 1).unwrap();
        assert!(registry.count_enrollment("peer0", 1).is_err());
    }

    #[test]
    fn only_the_first_72_bytes_of_a_secret_count() {
        let mut registry = Registry::new();
        registry.add_spec(&IdentitySpec::new("peer0", "x".repeat(72), "peer")).unwrap();
        assert_eq!(log_in(&mut registry, &"x".repeat(80)), Ok(()));
        assert_eq!(log_in(&mut registry, &"x".repeat(71)), Err((401, 20)));
    }

    #[test]
    fn the_state_contains_no_secrets() {
        let text = serde_json::to_string(&registry()).unwrap();
        assert!(!text.contains("peerpw"));
        let mut back: Registry = serde_json::from_str(&text).unwrap();
        assert_eq!(log_in(&mut back, "peerpw"), Ok(()));
        assert!(back.affiliations.contains("org3") && back.affiliations.contains("org3.a"));
    }
}
