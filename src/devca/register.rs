//! `register` and `identities` (fabric-ca `lib/serverregister.go`, `lib/serveridentities.go`).

use std::sync::atomic::Ordering;

use ring::rand::{SecureRandom, SystemRandom};

use super::call::{Call, is_within, may_act_on_type, registry_of};
use super::identity::{Attribute, Identity, NewIdentity, Registry, fixed_attributes, go_bool};
use super::refusal::Refusal;
use super::state::Ca;
use super::wire::{Body, Fields, IdentityInfo, IdentityList, Registration, go_json};
use super::{DevCaError, attribute};

/// Registers an identity and returns its secret. The second value is the id, for the `Location` header.
pub(super) fn register(call: &Call<'_>) -> Result<(String, String), Refusal> {
    let ca = call.ca()?;
    let body = Body::parse(call.body)?;
    let fields = body.required()?.fields("api.RegistrationRequestNet")?;
    let mut registry = registry_of(ca);
    let caller = call.token(&registry, ca)?;
    let (id, secret) = add(call, &mut registry, &caller, fields)?;
    drop(registry);
    call.server.save()?;
    Ok((go_json(&Registration { secret })?, id))
}

/// Checks and adds an identity; returns id and secret.
fn add(
    call: &Call<'_>,
    registry: &mut Registry,
    caller: &str,
    fields: Fields<'_>,
) -> Result<(String, String), Refusal> {
    let caller = registry.get(caller).ok_or_else(Refusal::authentication)?;
    let id = fields.text("id")?;
    let kind = Some(fields.text("type")?).filter(|k| !k.is_empty()).unwrap_or(&caller.kind).to_owned();
    let affiliation = match fields.text("affiliation")? {
        "" => caller.affiliation.clone(),
        "." => String::new(),
        given => given.to_owned(),
    };
    let mut attributes = fields.attributes("attrs")?;
    let allowed = may_act_on_type(caller, &kind)
        && is_within(caller, &affiliation)
        && (affiliation.is_empty() || registry.affiliations.contains(&affiliation))
        && attribute::may_register(caller, &attributes, &[]);
    if !allowed {
        return Err(Refusal::authorization());
    }
    let secret = match fields.text("secret")? {
        "" => random_letters()?,
        given => given.to_owned(),
    };
    let max_enrollments = max_enrollments(fields.integer("max_enrollments")?, call.server.config.max_enrollments)?;
    attributes.extend(fixed_attributes(id, &kind, &affiliation));
    // The last of several attributes of one name counts.
    for i in (0..attributes.len()).rev() {
        if attributes[i + 1..].iter().any(|later| later.name == attributes[i].name) {
            attributes.remove(i);
        }
    }
    let new = NewIdentity { id, secret: &secret, kind: &kind, affiliation: &affiliation, attributes, max_enrollments };
    registry.register(new)?;
    Ok((id.to_owned(), secret))
}

/// The enrolment limit of an identity (`getMaxEnrollments`).
fn max_enrollments(wanted: i64, ca: i64) -> Result<i64, Refusal> {
    let refuse = |message: String| Err(Refusal::new(400, 82, message));
    match (wanted, ca) {
        (..-1, _) => {
            refuse(format!("Max enrollment in registration request may not be less than -1, but was {wanted}"))
        }
        (_, 0) => refuse("Registration is disabled".to_owned()),
        (0, ca) => Ok(ca),
        (wanted, -1) => Ok(wanted),
        (-1, _) => refuse("Registration for infinite enrollments is not allowed".to_owned()),
        (wanted, ca) if wanted > ca => {
            refuse(format!("Requested enrollments ({wanted}) exceeds maximum allowable enrollments ({ca})"))
        }
        (wanted, _) => Ok(wanted),
    }
}

/// Twelve random letters, the form of the real server's secrets.
fn random_letters() -> Result<String, DevCaError> {
    let mut bytes = [0u8; 12];
    SystemRandom::new().fill(&mut bytes).map_err(|_| DevCaError::NoRandomness)?;
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    Ok(bytes.iter().map(|b| char::from(letters[usize::from(*b) % letters.len()])).collect())
}

/// `identities`: lists the identities visible to the caller, or adds one.
pub(super) fn identities(call: &Call<'_>) -> Result<(String, Option<String>), Refusal> {
    let (ca, ca_name) = authenticated_ca(call)?;
    let mut registry = registry_of(ca);
    let caller = call.token(&registry, ca)?;
    if call.method == "POST" {
        call.server.identities_posted.store(true, Ordering::Relaxed);
        let body = Body::parse(call.body)?;
        let fields = body.required()?.fields("api.AddIdentityRequest")?;
        if fields.text("id")?.is_empty() {
            return Err(Refusal::new(400, 52, "Missing 'ID' in request to add a new identity"));
        }
        let (id, secret) = add(call, &mut registry, &caller, fields)?;
        let info = registry.get(&id).map(|i| info(i, &secret, Some(&ca_name)));
        let json = go_json(&info)?;
        drop(registry);
        call.server.save()?;
        return Ok((json, Some(id)));
    }
    let caller = registry.get(&caller).ok_or_else(Refusal::authentication)?;
    if caller.attribute("hf.Registrar.Roles").is_none_or(str::is_empty) {
        return Err(Refusal::authorization());
    }
    let seen = registry.all().filter(|i| is_within(caller, &i.affiliation) && may_act_on_type(caller, &i.kind));
    let list = IdentityList { identities: seen.map(|i| info(i, "", None)).collect(), ca_name: &ca_name };
    Ok((go_json(&list)?, None))
}

/// `identities/{id}`: returns, changes or removes an identity.
pub(super) fn identity(call: &Call<'_>, id: &str) -> Result<String, Refusal> {
    let (ca, ca_name) = authenticated_ca(call)?;
    let mut registry = registry_of(ca);
    let caller = call.token(&registry, ca)?;
    let is_removal = call.method == "DELETE";
    if is_removal && !call.server.config.allow_removal {
        return Err(Refusal::new(403, 56, "Identity removal is disabled"));
    }
    if is_removal && id == caller && go_bool(&call.query("force")) != Some(true) {
        return Err(Refusal::new(403, 56, "Need to use 'force' option to delete your own identity"));
    }
    let not_found = || Refusal::new(404, 63, "Failed to get User: sql: no rows in result set");
    let found = registry.get(id).ok_or_else(not_found)?;
    let caller = registry.get(&caller).ok_or_else(Refusal::authentication)?;
    if !is_within(caller, &found.affiliation) || !may_act_on_type(caller, &found.kind) {
        return Err(Refusal::authorization());
    }
    if call.method == "GET" {
        return Ok(go_json(&info(found, "", Some(&ca_name)))?);
    }
    if is_removal {
        let json = go_json(&info(found, "", Some(&ca_name)))?;
        registry.remove(id, call.server.now());
        drop(registry);
        call.server.save()?;
        return Ok(json);
    }
    let body = Body::parse(call.body)?;
    let change = Change::read(body.required()?.fields("api.ModifyIdentityRequest")?)?;
    change.check(&registry, caller, found)?;
    let changed = registry.get_mut(id).ok_or_else(not_found)?;
    change.apply(changed)?;
    let json = go_json(&info(changed, change.secret, Some(&ca_name)))?;
    drop(registry);
    call.server.save()?;
    Ok(json)
}

fn authenticated_ca<'a>(call: &Call<'a>) -> Result<(&'a Ca, String), Refusal> {
    call.require_header()?;
    Ok((call.ca()?, call.ca_name()?))
}

fn info<'a>(identity: &'a Identity, secret: &'a str, ca_name: Option<&'a str>) -> IdentityInfo<'a> {
    IdentityInfo {
        id: &identity.id,
        kind: &identity.kind,
        affiliation: &identity.affiliation,
        attrs: &identity.attributes,
        max_enrollments: identity.max_enrollments,
        secret,
        ca_name,
    }
}

/// A change to an identity; empty members change nothing.
struct Change<'a> {
    kind: &'a str,
    affiliation: &'a str,
    attributes: Vec<Attribute>,
    max_enrollments: i64,
    secret: &'a str,
}

impl<'a> Change<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, Refusal> {
        Ok(Self {
            kind: fields.text("type")?,
            affiliation: fields.text("affiliation")?,
            attributes: fields.attributes("attrs")?,
            max_enrollments: fields.integer("max_enrollments")?,
            secret: fields.text("secret")?,
        })
    }

    fn check(&self, registry: &Registry, caller: &Identity, target: &Identity) -> Result<(), Refusal> {
        if !matches!(self.affiliation, "" | ".") && !registry.affiliations.contains(self.affiliation) {
            let message = format!("Affiliation '{}' is not supported", self.affiliation);
            return Err(Refusal::new(400, 58, message));
        }
        let allowed = (self.affiliation.is_empty() || is_within(caller, self.affiliation))
            && (self.kind.is_empty() || may_act_on_type(caller, self.kind))
            && attribute::may_register(caller, &self.attributes, &target.attributes);
        if allowed { Ok(()) } else { Err(Refusal::authorization()) }
    }

    /// A new secret also resets the password lock.
    fn apply(&self, identity: &mut Identity) -> Result<(), Refusal> {
        let mut attributes = self.attributes.clone();
        if !self.affiliation.is_empty() {
            let affiliation = if self.affiliation == "." { "" } else { self.affiliation };
            affiliation.clone_into(&mut identity.affiliation);
            attributes.push(Attribute::new("hf.Affiliation", affiliation, true));
        }
        if !self.kind.is_empty() {
            self.kind.clone_into(&mut identity.kind);
            attributes.push(Attribute::new("hf.Type", self.kind, true));
        }
        for attribute in attributes {
            identity.attributes.retain(|a| a.name != attribute.name);
            if !attribute.value.is_empty() {
                identity.attributes.push(attribute);
            }
        }
        match self.max_enrollments {
            0 => {}
            -2 => identity.max_enrollments = 0,
            max => identity.max_enrollments = max,
        }
        if !self.secret.is_empty() {
            identity.set_secret(self.secret)?;
        }
        Ok(())
    }
}
