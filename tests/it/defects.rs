//! The Go client's defects, each with the tests that hold what fabcert does instead: the list must be whole and true.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::fabcert;

/// The `docs/defects.md` of this crate.
fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/defects.md")).unwrap()
}

struct Row {
    number: usize,
    tests: Vec<String>,
    does_not_apply: bool,
}

fn rows(page: &str) -> Vec<Row> {
    page.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let number = cells.get(1)?.parse().ok()?;
            let [_, _, defect, ours, tests, _] = cells[..] else { panic!("{line}: not four cells") };
            assert!(!defect.is_empty() && !ours.is_empty(), "{line}");
            let tests = tests.split('`').filter(|t| t.contains("::")).map(str::to_owned).collect();
            Some(Row { number, tests, does_not_apply: ours.starts_with("Does not apply to enrolment") })
        })
        .collect()
}

/// The file in which `a::b::test` stands: a file or a folder's `mod.rs` in `src`, or one in `tests/it`.
fn source_of(test: &str) -> Option<PathBuf> {
    let mut modules: Vec<&str> = test.split("::").collect();
    modules.pop();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    while !modules.is_empty() {
        // A module of integration tests often has the name of the module that it tries.
        for base in ["tests/it", "src"] {
            let path = root.join(base).join(modules.join("/"));
            for file in [path.with_extension("rs"), path.join("mod.rs")] {
                if file.is_file() {
                    return Some(file);
                }
            }
        }
        modules.pop();
    }
    None
}

/// What `cargo test --test it -- --list` prints.
fn integration_tests() -> BTreeSet<String> {
    let listed = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.lines().filter_map(|line| line.strip_suffix(": test").map(str::to_owned)).collect()
}

/// Why the test cannot be run by that name.
fn trouble(test: &str, integration: &BTreeSet<String>) -> Option<String> {
    let Some(file) = source_of(test) else { return Some("there is no such module".to_owned()) };
    let name = test.rsplit("::").next().unwrap();
    let source = std::fs::read_to_string(&file).unwrap();
    let stands = ["", "    "].iter().any(|indent| source.contains(&format!("#[test]\n{indent}fn {name}(")));
    if !stands {
        return Some(format!("no such test in {}", file.display()));
    }
    // Without the dev CA some of them are left out.
    let listed = file.starts_with(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) || cfg!(not(feature = "dev-ca"));
    (!listed && !integration.contains(test)).then(|| format!("{} is not compiled under that path", file.display()))
}

#[test]
fn every_defect_is_held_by_a_test_that_exists() {
    let (rows, integration) = (rows(&page()), integration_tests());
    let numbers: Vec<usize> = rows.iter().map(|r| r.number).collect();
    assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
    for row in rows {
        assert_eq!(row.tests.is_empty(), row.does_not_apply, "{}: either a test, or a reason for none", row.number);
        for test in &row.tests {
            let trouble = trouble(test, &integration);
            assert!(trouble.is_none(), "{}: {test}: {}", row.number, trouble.unwrap());
        }
    }
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    let integration = integration_tests();
    for name in ["defects::a_test_that_was_renamed", "enroll::defects::rows", "nowhere::at_all", "ca::verify::verify"] {
        assert!(trouble(name, &integration).is_some(), "{name}");
    }
}

/// The reverse: what was written for a defect names it, and stands in its row.
#[test]
fn every_test_that_was_written_for_a_defect_stands_in_the_table() {
    let page = page();
    let source = include_str!("enroll/defects.rs");
    let missing: Vec<&str> = source
        .split("#[test]\nfn ")
        .skip(1)
        .map(|rest| rest.split('(').next().unwrap())
        .filter(|name| !page.contains(&format!("`enroll::defects::{name}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_list_in_brackets_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let msp = dir.path().join("msp").display().to_string();
    let anchor = dir.path().join("ca.pem").display().to_string();
    let start = ["enroll", "--dry-run", "--url", "https://a@localhost", "--tls-ca", &anchor, "--msp-dir", &msp];
    for list in ["[a, b]", "[a,b]", "[a]"] {
        let ran = fabcert(&[&start[..], &["--csr.hosts", list]].concat(), Some("x"));
        assert_eq!(ran.code, 4, "{list}: {ran:?}");
        assert!(ran.stderr.contains("bracket"), "{list}: {ran:?}");
    }
}
