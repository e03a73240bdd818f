//! `docs/dependencies.md` lists the direct dependencies, all of them and no others.

use std::collections::BTreeSet;

/// The names in a table of `Cargo.toml`.
fn declared(manifest: &str, table: &str) -> BTreeSet<String> {
    let body = manifest.split(&format!("\n[{table}]\n")).nth(1).unwrap();
    body.lines()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
        .collect()
}

/// The names in the first column of the table below a heading.
fn documented(page: &str, heading: &str) -> BTreeSet<String> {
    let body = page.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = body.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn direct_dependencies_are_all_documented_and_no_others() {
    let (manifest, page) = (include_str!("../../Cargo.toml"), include_str!("../../docs/dependencies.md"));
    for (table, heading) in
        [("dependencies", "Direct dependencies"), ("dev-dependencies", "Dependencies of the tests and benches")]
    {
        let (declared, documented) = (declared(manifest, table), documented(page, heading));
        assert!(declared.len() > 3, "{table}: {declared:?}");
        assert_eq!(declared, documented, "{table}: in Cargo.toml and in docs/dependencies.md");
    }
}
