//! Rights to register attributes (fabric-ca `lib/attr`), and the attribute extension of certificates.

use std::collections::BTreeMap;

use super::identity::{Attribute, Identity, go_bool};
use super::refusal::Refusal;
use super::wire::go_json;

const BOOLEANS: [&str; 4] = ["hf.Revoker", "hf.IntermediateCA", "hf.GenCRL", "hf.AffiliationMgr"];
const ROLES: &str = "hf.Registrar.Roles";
const DELEGATE_ROLES: &str = "hf.Registrar.DelegateRoles";
const PATTERNS: &str = "hf.Registrar.Attributes";
const FIXED: [&str; 3] = ["hf.EnrollmentID", "hf.Type", "hf.Affiliation"];

/// Whether `registrar` may give all `requested` attributes to an identity that already has `owned`.
pub(super) fn may_register(registrar: &Identity, requested: &[Attribute], owned: &[Attribute]) -> bool {
    requested.iter().all(|attribute| may_register_one(registrar, attribute, requested, owned))
}

fn may_register_one(registrar: &Identity, wanted: &Attribute, all: &[Attribute], owned: &[Attribute]) -> bool {
    let patterns = registrar.attribute(PATTERNS).unwrap_or("");
    let name = wanted.name.as_str();
    if !matches_pattern(patterns, name) {
        return false;
    }
    if FIXED.contains(&name) {
        return false;
    }
    if BOOLEANS.contains(&name) {
        return registrar.has_right(name) && (wanted.value.is_empty() || go_bool(&wanted.value).is_some());
    }
    let has = |name: &str| all.iter().chain(owned).any(|a| a.name == name);
    match name {
        PATTERNS => list(&wanted.value)
            .all(|value| matches_pattern(patterns, value) && (!value.starts_with("hf.") || has(value))),
        ROLES | DELEGATE_ROLES => {
            let Some(own) = registrar.attribute(name) else { return false };
            let within_own = list(own).any(|v| v == "*") || is_subset(&wanted.value, own);
            let roles = all.iter().chain(owned).find(|a| a.name == ROLES).map_or("", |a| a.value.as_str());
            let within_roles = name == ROLES || list(roles).any(|v| v == "*") || is_subset(&wanted.value, roles);
            within_own && within_roles
        }
        _ => !name.starts_with("hf."),
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|v| !v.is_empty())
}

fn is_subset(small: &str, big: &str) -> bool {
    list(small).all(|s| list(big).any(|b| b.eq_ignore_ascii_case(s)))
}

fn matches_pattern(patterns: &str, name: &str) -> bool {
    list(patterns).any(|p| p.strip_suffix('*').map_or(p == name, |prefix| name.starts_with(prefix)))
}

/// The JSON of the attribute extension; `None` if the certificate gets no extension.
pub(super) fn extension(requests: Option<&[(&str, bool)]>, owned: &[Attribute]) -> Result<Option<String>, Refusal> {
    let by_default: Vec<(&str, bool)> = owned.iter().filter(|a| a.ecert).map(|a| (a.name.as_str(), false)).collect();
    if requests.is_none() && by_default.is_empty() {
        return Ok(None);
    }
    let requests = requests.unwrap_or(&by_default);
    let mut attrs = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, optional) in requests {
        match owned.iter().find(|a| a.name == *name) {
            Some(attribute) => {
                attrs.insert(*name, attribute.value.as_str());
            }
            None if *optional => {}
            None => missing.push(*name),
        }
    }
    if !missing.is_empty() {
        let names = missing.join(" ");
        return Err(Refusal::unclassed(format!("The following required attributes are missing: [{names}]")));
    }
    Ok(Some(go_json(&BTreeMap::from([("attrs", attrs)]))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned() -> Vec<Attribute> {
        vec![Attribute::new("b", "<1>", true), Attribute::new("a", "2", true), Attribute::new("c", "3", false)]
    }

    #[test]
    fn the_extension_follows_the_request() {
        let json = |requests: Option<&[(&str, bool)]>| extension(requests, &owned()).map_err(|r| (r.status, r.code));
        assert_eq!(json(None), Ok(Some(r#"{"attrs":{"a":"2","b":"\u003c1\u003e"}}"#.into())));
        assert_eq!(json(Some(&[])), Ok(Some(r#"{"attrs":{}}"#.into())));
        assert_eq!(json(Some(&[("c", false)])), Ok(Some(r#"{"attrs":{"c":"3"}}"#.into())));
        assert_eq!(json(Some(&[("x", true)])), Ok(Some(r#"{"attrs":{}}"#.into())));
        assert_eq!(json(Some(&[("x", false)])), Err((500, 0)));
        assert_eq!(extension(None, &[Attribute::new("c", "3", false)]).ok(), Some(None));
    }
}
