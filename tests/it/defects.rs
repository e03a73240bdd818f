//! The Go client's defects, each with the test that holds what fabcert does instead: the list must be whole and true.

use std::path::{Path, PathBuf};

use crate::command::fabcert;

struct Row {
    number: usize,
    tests: Vec<String>,
    leaves_out: bool,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/defects.md")).unwrap();
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let number = cells.get(1)?.parse().ok()?;
            let tests = cells[4].split('`').filter(|t| t.contains("::")).map(str::to_owned).collect();
            Some(Row { number, tests, leaves_out: cells[3].contains("no enrolment") })
        })
        .collect()
}

/// The file in which `a::b::test` stands: a file or a folder's `mod.rs` in `src`, or one in `tests/it`.
fn source_of(test: &str) -> Option<PathBuf> {
    let mut modules: Vec<&str> = test.split("::").collect();
    modules.pop();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    while !modules.is_empty() {
        for base in ["src", "tests/it"] {
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

#[test]
fn every_defect_is_held_by_a_test_that_exists() {
    let rows = rows();
    let numbers: Vec<usize> = rows.iter().map(|r| r.number).collect();
    assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
    for row in rows {
        assert!(!row.tests.is_empty() || row.leaves_out, "{} is held by nothing", row.number);
        for test in &row.tests {
            let file = source_of(test).unwrap_or_else(|| panic!("{test}: there is no such module"));
            let name = test.rsplit("::").next().unwrap();
            let source = std::fs::read_to_string(&file).unwrap();
            let stands = source.contains(&format!("#[test]\n    fn {name}("))
                || source.contains(&format!("#[test]\nfn {name}("));
            let awaits = source.contains(&format!("async fn {name}("));
            assert!(stands || awaits, "{test}: no such test in {}", file.display());
        }
    }
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
