//! `affiliations` (fabric-ca `lib/serveraffiliations.go`).

use serde::Serialize;

use super::call::{Call, is_within, registry_of};
use super::identity::{Identity, Registry, go_bool};
use super::refusal::Refusal;
use super::wire::{Body, go_json};

/// A node of the tree, `AffiliationInfo`.
#[derive(Serialize)]
struct Node {
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    affiliations: Vec<Self>,
}

/// `AffiliationResponse`.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    node: Node,
    caname: String,
}

/// `affiliations` and `affiliations/{name}`: lists, adds and renames. The result, and whether something was added.
pub(super) fn affiliations(call: &Call<'_>, name: &str) -> Result<(String, bool), Refusal> {
    call.require_header()?;
    let (ca, caname) = (call.ca()?, call.ca_name()?);
    let mut registry = registry_of(ca);
    let caller = call.token(&registry, ca)?;
    let caller = registry.get(&caller).ok_or_else(Refusal::authentication)?;
    let new = if matches!(call.method, "POST" | "PUT") {
        let body = Body::parse(call.body)?;
        body.required()?.fields("api.AddAffiliationRequest")?.text("name")?.to_owned()
    } else {
        String::new()
    };
    let is_allowed = |name: &str| name.is_empty() || is_within(caller, name);
    // Removal is off, as in the real server's default configuration.
    if !caller.has_right("hf.AffiliationMgr") || !is_allowed(name) || !is_allowed(&new) || call.method == "DELETE" {
        return Err(Refusal::authorization());
    }
    let force = go_bool(&call.query("force")).unwrap_or(false);
    match call.method {
        "POST" => add(&mut registry, &new, force)?,
        "PUT" => rename(&mut registry, name, &new, force)?,
        _ if name.is_empty() => {
            let node = tree(&registry, caller);
            return Ok((go_json(&Answer { node, caname })?, false));
        }
        _ => {}
    }
    let shown = if new.is_empty() { name } else { &new };
    if !registry.affiliations.contains(shown) {
        return Err(Refusal::new(404, 63, "Failed to get affiliation: sql: no rows in result set"));
    }
    let json = go_json(&Answer { node: branch(&registry, shown), caname })?;
    drop(registry);
    call.server.save()?;
    Ok((json, call.method == "POST"))
}

fn add(registry: &mut Registry, name: &str, with_parents: bool) -> Result<(), Refusal> {
    if registry.affiliations.contains(name) {
        return Err(Refusal::new(409, 60, "Affiliation already exists"));
    }
    let parent = name.rsplit_once('.').map_or("", |(parent, _)| parent);
    if !parent.is_empty() && !registry.affiliations.contains(parent) && !with_parents {
        return Err(Refusal::new(404, 63, "Failed to get affiliation: sql: no rows in result set"));
    }
    registry.add_affiliation(name);
    Ok(())
}

fn rename(registry: &mut Registry, name: &str, new: &str, force: bool) -> Result<(), Refusal> {
    if !registry.affiliations.contains(name) {
        return Err(Refusal::new(404, 63, "Failed to get affiliation: sql: no rows in result set"));
    }
    let renamed = |old: &str| match old.strip_prefix(name) {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => Some(format!("{new}{rest}")),
        _ => None,
    };
    if !force && registry.all().any(|identity| renamed(&identity.affiliation).is_some()) {
        let message =
            "The request to modify affiliation has the identities that will be affected; the force option is needed";
        return Err(Refusal::new(400, 64, message));
    }
    registry.affiliations =
        registry.affiliations.iter().map(|old| renamed(old).unwrap_or_else(|| old.clone())).collect();
    for identity in registry.all_mut() {
        if let Some(new) = renamed(&identity.affiliation) {
            identity.affiliation = new;
        }
    }
    Ok(())
}

/// What the caller may see: one root, or several below one without a name.
fn tree(registry: &Registry, caller: &Identity) -> Node {
    let own = caller.affiliation.as_str();
    if !own.is_empty() {
        return branch(registry, own);
    }
    let mut roots: Vec<Node> = children(registry, "").map(|name| branch(registry, name)).collect();
    match roots.pop() {
        Some(only) if roots.is_empty() => only,
        last => {
            roots.extend(last);
            Node { name: String::new(), affiliations: roots }
        }
    }
}

fn branch(registry: &Registry, name: &str) -> Node {
    let affiliations = children(registry, name).map(|child| branch(registry, child)).collect();
    Node { name: name.to_owned(), affiliations }
}

fn children<'a>(registry: &'a Registry, parent: &'a str) -> impl Iterator<Item = &'a str> {
    let of = |name: &str| name.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
    registry.affiliations.iter().map(String::as_str).filter(move |name| of(name) == parent)
}
