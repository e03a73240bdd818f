//! Registers an identity, or compares what the CA has with what is wanted.

use serde::Serialize;

use super::new_secret::Earlier;
use super::{NOT_AUTHORIZED, NOT_FOUND, NewSecret, REGISTERED, Registrar, code_of, may_know};
use crate::ca::{Attribute, IdentityChange, RegisterRequest, RegisteredIdentity};
use crate::identity::Environment;
use crate::{Error, ErrorKind, Secret};

/// The type of a new identity for which none is given, as that of the Go client.
const DEFAULT_TYPE: &str = "client";

/// The wanted identity; what is `None` is the CA's choice, and is not compared. A new identity without a type is a `client`.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) id: String,
    pub(crate) identity_type: Option<String>,
    /// Empty for the root.
    pub(crate) affiliation: Option<String>,
    pub(crate) max_enrollments: Option<i64>,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) secret: NewSecret,
    /// Whether a missing affiliation is added first.
    pub(crate) create_affiliation: bool,
    pub(crate) if_exists: IfExists,
}

/// What to do about an identity that is registered already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IfExists {
    /// Compare it: a difference is an answer of its own.
    #[default]
    Compare,
    /// Change what differs.
    Update,
    /// An error.
    Fail,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Registered,
    Unchanged,
    Updated,
    Differs,
}

impl Action {
    /// Its word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Unchanged => "unchanged",
            Self::Updated => "updated",
            Self::Differs => "differs",
        }
    }
}

/// The result of a registration.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) action: Action,
    pub(crate) identity: RegisteredIdentity,
    /// Its new secret.
    pub(crate) secret: Option<Secret>,
    /// What the CA has in place of what is wanted, each as a sentence.
    pub(crate) differences: Vec<String>,
}

/// Registers the identity if the CA does not have it.
///
/// # Errors
/// When the CA cannot be reached or refuses, or the identity exists and that is an error.
pub(crate) async fn register(
    registrar: &Registrar,
    wanted: &Registration,
    env: &Environment<'_>,
) -> Result<Registered, Error> {
    let found = registrar.identity(&wanted.id).await?;
    register_or_compare(registrar, wanted, found, env).await
}

/// As [`register`], with what the CA has of the identity.
///
/// # Errors
/// As for [`register`].
pub(super) async fn register_or_compare(
    registrar: &Registrar,
    wanted: &Registration,
    found: Option<RegisteredIdentity>,
    env: &Environment<'_>,
) -> Result<Registered, Error> {
    if let Some(found) = found {
        return existing(registrar, wanted, found).await;
    }
    add_affiliation(registrar, wanted).await?;
    let (secret, prepared) = wanted.secret.prepare(Earlier::IsUsed, env.disk)?;
    let request = RegisterRequest {
        id: &wanted.id,
        identity_type: Some(wanted.identity_type.as_deref().unwrap_or(DEFAULT_TYPE)),
        secret: Some(&secret),
        max_enrollments: wanted.max_enrollments,
        affiliation: wanted.affiliation.as_deref().map(|name| if name.is_empty() { "." } else { name }),
        attrs: &wanted.attrs,
    };
    match registrar.client.register(&registrar.credential(), &request).await {
        Ok(secret) => {
            // What the CA made of it, such as its default limit. The secret is not lost where this fails.
            let identity = match registrar.identity(&wanted.id).await {
                Ok(Some(identity)) => identity,
                Ok(None) => RegisteredIdentity::requested(&request),
                Err(e) => {
                    tracing::warn!("\"{}\" is registered; it could not be looked at: {e}", wanted.id);
                    RegisteredIdentity::requested(&request)
                }
            };
            Ok(Registered { action: Action::Registered, identity, secret: Some(secret), differences: Vec::new() })
        }
        // Registered in between, or not visible.
        Err(e) if code_of(&e) == Some(REGISTERED) => {
            if let Err(detail) = prepared.forget(env.disk) {
                tracing::warn!("{detail}");
            }
            match registrar.client.identity(&registrar.credential(), &wanted.id).await {
                Ok(found) => existing(registrar, wanted, found).await,
                Err(e) if matches!(code_of(&e), Some(NOT_FOUND | NOT_AUTHORIZED)) => Err(hidden(registrar, wanted)),
                Err(e) => Err(registrar.explain(e)),
            }
        }
        // The same request of a run that was killed may be under way still. Of two at once the CA's database takes one, and the CA
        // answers the other with 500 and the words of the database. Both have the secret of the file.
        Err(e) if may_know(&e) && prepared.is_elsewhere() && wanted.if_exists != IfExists::Fail => {
            match registrar.client.identity(&registrar.credential(), &wanted.id).await {
                Ok(found) => existing(registrar, wanted, found).await,
                Err(_) => Err(prepared.after(true, registrar.explain(e), &wanted.id, env.disk)),
            }
        }
        Err(e) => Err(prepared.after(may_know(&e), registrar.explain(e), &wanted.id, env.disk)),
    }
}

async fn add_affiliation(registrar: &Registrar, wanted: &Registration) -> Result<(), Error> {
    if wanted.create_affiliation
        && let Some(name) = wanted.affiliation.as_deref().filter(|name| !name.is_empty())
        && registrar.add_affiliation(name).await?
    {
        tracing::info!("added the affiliation {name}");
    }
    Ok(())
}

/// The error of an identity that exists and that the registrar may not see.
fn hidden(registrar: &Registrar, wanted: &Registration) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("\"{}\" is already registered at {}, and is not visible to this registrar", wanted.id, registrar.url()),
    )
    .with_help("its type or affiliation is outside the registrar's rights, or it was revoked: revoked ids stay taken")
}

async fn existing(
    registrar: &Registrar,
    wanted: &Registration,
    found: RegisteredIdentity,
) -> Result<Registered, Error> {
    let done = |action, identity, differences| Ok(Registered { action, identity, secret: None, differences });
    let differences = differences(wanted, &found);
    match wanted.if_exists {
        IfExists::Fail => Err(Error::new(
            ErrorKind::Refused,
            format!("\"{}\" is already registered at {}", wanted.id, registrar.url()),
        )
        .with_items(differences)
        .with_help("--if-exists update changes what differs; fabcert ca identity rotate-secret sets a new secret")),
        _ if differences.is_empty() => done(Action::Unchanged, found, differences),
        IfExists::Compare => done(Action::Differs, found, differences),
        IfExists::Update => {
            if wanted.affiliation.as_deref() != Some(found.affiliation.as_str()) {
                add_affiliation(registrar, wanted).await?;
            }
            let change = IdentityChange {
                identity_type: wanted.identity_type.as_deref(),
                affiliation: wanted.affiliation.as_deref(),
                max_enrollments: wanted.max_enrollments,
                attrs: &wanted.attrs,
                secret: None,
            };
            let changed = registrar.modify(&wanted.id, &change).await?;
            done(Action::Updated, changed, differences)
        }
    }
}

/// What the CA has in place of what is wanted. Attributes that are not wanted stay, and do not count.
fn differences(wanted: &Registration, found: &RegisteredIdentity) -> Vec<String> {
    let or_root = |name: &str| if name.is_empty() { "the root".to_owned() } else { name.to_owned() };
    let mut all = Vec::new();
    if let Some(kind) = wanted.identity_type.as_deref().filter(|kind| *kind != found.identity_type) {
        all.push(format!("type is {}, not {kind}", found.identity_type));
    }
    if let Some(name) = wanted.affiliation.as_deref().filter(|name| *name != found.affiliation) {
        all.push(format!("affiliation is {}, not {}", or_root(&found.affiliation), or_root(name)));
    }
    if let Some(limit) = wanted.max_enrollments.filter(|limit| *limit != found.max_enrollments) {
        all.push(format!("max enrollments is {}, not {limit}", found.max_enrollments));
    }
    for attr in &wanted.attrs {
        let ecert = |is: bool| if is { " (in certificates)" } else { "" };
        match found.attrs.iter().find(|known| known.name == attr.name) {
            None if attr.value.is_empty() => {}
            None => all.push(format!("attribute {} is missing", attr.name)),
            Some(known) if known == attr => {}
            Some(known) => all.push(format!(
                "attribute {} is \"{}\"{}, not \"{}\"{}",
                attr.name,
                known.value,
                ecert(known.ecert),
                attr.value,
                ecert(attr.ecert)
            )),
        }
    }
    all
}

/// Reads `NAME=VALUE`, or `NAME=VALUE:ecert` for an attribute that certificates contain without a request (fabric-ca v1.5.21
/// `lib/util.go`, `ConvertAttrs`).
///
/// # Errors
/// When there is no `=`, or the name is empty.
pub(crate) fn attribute(text: &str) -> Result<Attribute, &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, or NAME=VALUE:ecert")?;
    if name.is_empty() {
        return Err("the attribute has no name; expected NAME=VALUE, or NAME=VALUE:ecert");
    }
    let (value, ecert) = match value.strip_suffix(":ecert") {
        Some(value) => (value, true),
        None => (value, false),
    };
    Ok(Attribute { name: name.to_owned(), value: value.to_owned(), ecert })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Registration {
        Registration {
            id: "p".into(),
            identity_type: Some("peer".into()),
            affiliation: Some("org1".into()),
            max_enrollments: Some(1),
            attrs: vec![attribute("role=a:ecert").unwrap()],
            secret: NewSecret::Printed,
            create_affiliation: false,
            if_exists: IfExists::Compare,
        }
    }

    fn found(json: serde_json::Value) -> RegisteredIdentity {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_identity_that_is_as_wanted_has_no_difference() {
        let same = found(serde_json::json!({"id": "p", "type": "peer", "affiliation": "org1", "max_enrollments": 1,
            "attrs": [{"name": "role", "value": "a", "ecert": true}, {"name": "hf.Type", "value": "peer", "ecert": true}]}));
        assert!(differences(&wanted(), &same).is_empty());
        let open =
            Registration { identity_type: None, affiliation: None, max_enrollments: None, attrs: vec![], ..wanted() };
        assert!(
            differences(&open, &found(serde_json::json!({"id": "p", "type": "x", "max_enrollments": 7}))).is_empty()
        );
    }

    #[test]
    fn each_difference_is_a_sentence() {
        let other = found(serde_json::json!({"id": "p", "type": "client", "max_enrollments": -1,
            "attrs": [{"name": "role", "value": "b"}]}));
        assert_eq!(
            differences(&wanted(), &other),
            [
                "type is client, not peer",
                "affiliation is the root, not org1",
                "max enrollments is -1, not 1",
                "attribute role is \"b\", not \"a\" (in certificates)",
            ]
        );
    }

    #[test]
    fn attributes_are_written_as_for_the_go_client() {
        let read = |text| attribute(text).map(|a| (a.name, a.value, a.ecert));
        assert_eq!(read("a=b:ecert"), Ok(("a".into(), "b".into(), true)));
        assert_eq!(read("a=b=c"), Ok(("a".into(), "b=c".into(), false)));
        assert_eq!(read("a="), Ok(("a".into(), String::new(), false)));
        assert!(read("a").is_err() && read("=b").is_err());
    }
}
