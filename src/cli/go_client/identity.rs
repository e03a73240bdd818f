//! `identity list`, `add`, `modify` and `remove`.

use std::fmt::Write as _;

use serde::Deserialize;

use super::caller::act;
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
    let mut all = Vec::new();
    act(site, async |caller| {
        if id.is_empty() {
            let mut each = |found: RegisteredIdentity| all.push(described(&found, None));
            return caller.client.identities(&caller.credential(), &mut each).await;
        }
        all.push(described(&caller.client.identity(&caller.credential(), id).await?, None));
        Ok(())
    })?;
    if all.is_empty() {
        all.push("No results returned".to_owned());
    }
    let mut lines = Lines::new();
    for line in all {
        lines.line(format_args!("{line}"));
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
    let printed =
        output::print_line(format_args!("Successfully added identity - {}", described(&found, Some(secret.expose()))));
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
    let shown = secret.as_ref().map_or("", Secret::expose);
    let printed =
        output::print_line(format_args!("Successfully modified identity - {}", described(&found, Some(shown))));
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
    let text = found.map_or_else(|| format!("Name: {id}"), |found| described(&found, None));
    output::print_line(format_args!("Successfully removed identity - {text}"))
}

/// An identity as the Go client prints it.
fn described(identity: &RegisteredIdentity, secret: Option<&str>) -> String {
    let RegisteredIdentity { id, identity_type, affiliation, max_enrollments, attrs, .. } = identity;
    let mut text =
        format!("Name: {id}, Type: {identity_type}, Affiliation: {affiliation}, Max Enrollments: {max_enrollments}, ");
    // Writing to a string does not fail.
    if let Some(secret) = secret {
        let _ = write!(text, "Secret: {secret}, ");
    }
    let attr = |a: &Attribute| format!("{{Name:{} Value:{} ECert:{}}}", a.name, a.value, a.ecert);
    let attrs: Vec<String> = attrs.iter().map(attr).collect();
    let _ = write!(text, "Attributes: [{}]", attrs.join(" "));
    text
}

/// What an identity is to be: by flags, or by `--json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    #[serde(rename = "type")]
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
                attrs: site.attributes("attrs")?,
            });
        }
        if ["type", "affiliation", "secret", "maxenrollments", "attrs"]
            .iter()
            .any(|name| site.line.given.contains_key(*name))
        {
            return Err(Error::new(ErrorKind::Usage, "Can't use 'json' flag in conjunction with other flags")
                .with_help("give everything in --json, or by flags"));
        }
        // The text may hold a secret, which the parser's words could repeat.
        serde_json::from_str(json).map_err(|e| {
            let message = format!("Invalid value for --json option: line {}, column {}", e.line(), e.column());
            Error::new(ErrorKind::Usage, message)
                .with_help("expected an object with type, affiliation, secret, max_enrollments, attrs")
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
