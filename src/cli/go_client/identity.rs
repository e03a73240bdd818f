//! `identity list`, `add`, `modify` and `remove`.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::caller::act;
use super::register::forget_refusals;
use super::site::Site;
use crate::ca::{Attribute, IdentityChange, RegisterRequest, RegisteredIdentity};
use crate::cli::output;
use crate::text::escape::Lines;
use crate::{Error, ErrorKind, Secret};

/// Prints one identity, or all that the caller may see.
///
/// # Errors
/// When the CA refuses.
pub(super) fn list(site: &Site<'_>) -> Result<(), Error> {
    let id = site.own("id");
    let mut lines = Lines::new();
    let mut each = |found: RegisteredIdentity| {
        lines.line(format_args!("{}", Described(&found, None)));
    };
    act(site, async |caller| {
        if id.is_empty() {
            return caller.client.identities(&caller.credential(), &mut each).await;
        }
        each(caller.client.identity(&caller.credential(), id).await?);
        Ok(())
    })?;
    if lines.is_empty() {
        lines.line(format_args!("No results returned"));
    }
    output::print(&lines)
}

/// Registers an identity.
///
/// # Errors
/// When the CA refuses.
pub(super) fn add(site: &Site<'_>, id: &str) -> Result<(), Error> {
    let wanted = Wanted::of(site, "user")?;
    let secret = wanted.secret();
    let request = RegisterRequest {
        id,
        identity_type: wanted.kind(),
        secret: secret.as_ref(),
        max_enrollments: wanted.max_enrollments(),
        affiliation: wanted.affiliation(),
        attrs: &wanted.attrs,
    };
    let (secret, found) = act(site, async |caller| {
        let secret = caller.client.register(&caller.credential(), &request).await?;
        // The secret is not lost where this fails.
        let found = caller.client.identity(&caller.credential(), id).await;
        Ok((secret, found.unwrap_or_else(|_| RegisteredIdentity::requested(&request))))
    })?;
    forget_refusals(site, id);
    let printed =
        output::print_line(format_args!("Successfully added identity - {}", Described(&found, Some(secret.expose()))));
    output::after(printed, || format!("the identity \"{id}\" is registered"))
}

/// Changes an identity; what is not given stays.
///
/// # Errors
/// When the CA refuses.
pub(super) fn modify(site: &Site<'_>, id: &str) -> Result<(), Error> {
    let wanted = Wanted::of(site, "")?;
    let secret = wanted.secret();
    let change = IdentityChange {
        identity_type: wanted.kind(),
        affiliation: wanted.affiliation(),
        max_enrollments: wanted.max_enrollments(),
        attrs: &wanted.attrs,
        secret: secret.as_ref(),
    };
    let found = act(site, async |caller| caller.client.modify_identity(&caller.credential(), id, &change).await)?;
    // Anything else changes nothing about a refused secret, nor about the CA's count.
    if secret.is_some() || change.max_enrollments.is_some() {
        forget_refusals(site, id);
    }
    let shown = secret.as_ref().map_or("", Secret::expose);
    let printed =
        output::print_line(format_args!("Successfully modified identity - {}", Described(&found, Some(shown))));
    output::after(printed, || format!("the identity \"{id}\" is changed"))
}

/// Removes an identity.
///
/// # Errors
/// When the CA refuses.
pub(super) fn remove(site: &Site<'_>, id: &str) -> Result<(), Error> {
    let force = site.is_on("force");
    let found = act(site, async |caller| {
        let found = caller.client.identity(&caller.credential(), id).await.ok();
        caller.client.remove_identity(&caller.credential(), id, force).await?;
        Ok(found)
    })?;
    let text = found.map_or_else(|| format!("Name: {id}"), |found| Described(&found, None).to_string());
    output::print_line(format_args!("Successfully removed identity - {text}"))
}

/// An identity as the Go client prints it, with its secret if there is one to show.
struct Described<'a>(&'a RegisteredIdentity, Option<&'a str>);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RegisteredIdentity { id, identity_type, affiliation, max_enrollments, attrs, .. } = self.0;
        write!(
            f,
            "Name: {id}, Type: {identity_type}, Affiliation: {affiliation}, Max Enrollments: {max_enrollments}, "
        )?;
        if let Some(secret) = self.1 {
            write!(f, "Secret: {secret}, ")?;
        }
        f.write_str("Attributes: [")?;
        for (at, Attribute { name, value, ecert, .. }) in attrs.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{{Name:{name} Value:{value} ECert:{ecert}}}")?;
        }
        f.write_str("]")
    }
}

/// What an identity is to be: by flags, or by `--json`.
struct Wanted {
    kind: String,
    affiliation: String,
    secret: String,
    max_enrollments: i64,
    attrs: Vec<Attribute>,
}

impl Wanted {
    fn of(site: &Site<'_>, default_type: &str) -> Result<Self, Error> {
        let json = site.own("json");
        if json.is_empty() {
            let kind = if site.line.given.contains_key("type") { site.own("type") } else { default_type };
            return Ok(Self {
                kind: kind.to_owned(),
                affiliation: site.own("affiliation").to_owned(),
                secret: site.own("secret").to_owned(),
                max_enrollments: site.own("maxenrollments").parse().unwrap_or_default(),
                attrs: site.attributes()?,
            });
        }
        if ["type", "affiliation", "secret", "maxenrollments", "attrs"]
            .iter()
            .any(|name| site.line.given.contains_key(*name))
        {
            return Err(Error::new(ErrorKind::Usage, "Can't use 'json' flag in conjunction with other flags")
                .with_help("give everything in --json, or by flags"));
        }
        Self::of_json(json).map_err(|why| {
            Error::new(ErrorKind::Usage, format!("Invalid value for --json option: {why}"))
                .with_help("expected an object with type, affiliation, secret, max_enrollments, attrs")
        })
    }

    /// Reads `--json` as Go's `encoding/json` does: keys in any case, and what is null or missing is empty.
    fn of_json(text: &str) -> Result<Self, String> {
        // The text may hold a secret, which the parser's words could repeat.
        let value = serde_json::from_str(text).map_err(|e| format!("line {}, column {}", e.line(), e.column()))?;
        let Value::Object(mut members) = plain(value) else { return Err("it is not an object".to_owned()) };
        let attrs: Vec<GivenAttribute> = member(&mut members, "attrs")?;
        let attribute = |a: GivenAttribute| Attribute { name: a.name, value: a.value, ecert: a.ecert };
        Ok(Self {
            kind: member(&mut members, "type")?,
            affiliation: member(&mut members, "affiliation")?,
            secret: member(&mut members, "secret")?,
            max_enrollments: member(&mut members, "max_enrollments")?,
            attrs: attrs.into_iter().map(attribute).collect(),
        })
    }

    fn kind(&self) -> Option<&str> {
        Some(self.kind.as_str()).filter(|text| !text.is_empty())
    }

    fn affiliation(&self) -> Option<&str> {
        Some(self.affiliation.as_str()).filter(|text| !text.is_empty())
    }

    fn secret(&self) -> Option<Secret> {
        Some(&self.secret).filter(|text| !text.is_empty()).map(Secret::new)
    }

    /// The limit; the CA takes 0 as "no change", or as its own limit.
    fn max_enrollments(&self) -> Option<i64> {
        Some(self.max_enrollments).filter(|limit| *limit != 0)
    }
}

/// An attribute in `--json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct GivenAttribute {
    name: String,
    value: String,
    ecert: bool,
}

/// The value with its keys in lower case, and without members that are null.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            members.map(|(key, value)| (key.to_ascii_lowercase(), plain(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other => other,
    }
}

/// Takes a member out of an object; the default where it is missing.
fn member<T: DeserializeOwned + Default>(members: &mut Map<String, Value>, key: &str) -> Result<T, String> {
    let value = members.remove(key);
    value.map_or_else(
        || Ok(T::default()),
        |v| serde_json::from_value(v).map_err(|_| format!("{key} is not of its kind")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_keys_in_any_case_and_null_is_empty() {
        let read = |text: &str| Wanted::of_json(text).unwrap();
        let wanted = read(r#"{"Type":"peer","MAX_ENROLLMENTS":4,"secret":null,"Attrs":[{"Name":"a","Value":"b"}]}"#);
        assert_eq!((wanted.kind(), wanted.max_enrollments()), (Some("peer"), Some(4)));
        assert!(wanted.secret().is_none());
        assert_eq!(wanted.attrs, [Attribute { name: "a".into(), value: "b".into(), ecert: false }]);
        assert!(read(r#"{"attrs":null}"#).attrs.is_empty());
        let value = &read(r#"{"attrs":[{"name":"z","value":null,"ECert":true}]}"#).attrs[0];
        assert_eq!((value.value.as_str(), value.ecert), ("", true));
    }

    #[test]
    fn json_that_is_wrong_is_named_without_what_it_holds() {
        let why = |text: &str| Wanted::of_json(text).err().unwrap();
        assert_eq!(why(r#"{"type":"#), "line 1, column 8");
        assert_eq!(why("[]"), "it is not an object");
        assert_eq!(why(r#"{"max_enrollments":"hidden"}"#), "max_enrollments is not of its kind");
        assert_eq!(why(r#"{"secret":["hidden"]}"#), "secret is not of its kind");
    }
}
