//! `affiliation list`, `add`, `modify` and `remove`.

use super::caller::act;
use super::site::Site;
use crate::cli::output;
use crate::text::escape::Lines;
use crate::{Error, ErrorKind};

/// Prints the affiliations as a tree.
///
/// # Errors
/// When the CA refuses.
pub(super) fn list(site: &Site<'_>) -> Result<(), Error> {
    let name = Some(site.own("affiliation")).filter(|name| !name.is_empty());
    let (root, names) = act(site, async |caller| caller.client.affiliation_tree(&caller.credential(), name).await)?;
    output::print(&tree(&root, names))
}

/// The tree below `root`, which is empty for the one above all organisations.
fn tree(root: &str, mut names: Vec<String>) -> Lines {
    let mut lines = Lines::new();
    lines.line(format_args!("affiliation: {}", if root.is_empty() { "." } else { root }));
    names.sort_unstable_by(|a, b| a.split('.').cmp(b.split('.')));
    let above = if root.is_empty() { 0 } else { root.split('.').count() };
    for name in names.iter().filter(|name| *name != root) {
        let level = name.split('.').count().saturating_sub(above);
        lines.line(format_args!("{}affiliation: {name}", "   ".repeat(level)));
    }
    lines
}

/// Adds an affiliation; with `--force` those above it that are missing, too.
///
/// # Errors
/// When the CA refuses.
pub(super) fn add(site: &Site<'_>, name: &str) -> Result<(), Error> {
    let force = site.is_on("force");
    act(site, async |caller| caller.client.add_affiliation(&caller.credential(), name, force).await)?;
    output::print_line(format_args!("Successfully added affiliation: {name}"))
}

/// Renames an affiliation; with `--force` the identities in it move along.
///
/// # Errors
/// When no new name is given, or the CA refuses.
pub(super) fn modify(site: &Site<'_>, name: &str) -> Result<(), Error> {
    let (new, force) = (site.own("name"), site.is_on("force"));
    if new.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "New affiliation not specified").with_help("give it with --name"));
    }
    act(site, async |caller| caller.client.rename_affiliation(&caller.credential(), name, new, force).await)?;
    output::print_line(format_args!("Successfully modified affiliation: {name} is now {new}"))
}

/// Removes an affiliation; with `--force` those below it and the identities in them, too.
///
/// # Errors
/// When the CA refuses.
pub(super) fn remove(site: &Site<'_>, name: &str) -> Result<(), Error> {
    let force = site.is_on("force");
    act(site, async |caller| caller.client.remove_affiliation(&caller.credential(), name, force).await)?;
    output::print_line(format_args!("Successfully removed affiliation: {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_printed_as_by_the_go_client() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        let all = names(&["org1", "org1-x", "org1.a", "org2"]);
        assert_eq!(
            tree("", all).to_string(),
            "affiliation: .\n   affiliation: org1\n      affiliation: org1.a\n   affiliation: org1-x\n   affiliation: org2\n"
        );
        assert_eq!(
            tree("org1.a", names(&["org1.a", "org1.a.b"])).to_string(),
            "affiliation: org1.a\n   affiliation: org1.a.b\n"
        );
    }
}
