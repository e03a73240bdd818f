//! The pages for people: every relative link leads to a file and a heading that exist, and every page is in the index.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The README is a product page; what needs more room has a page in `docs/`.
const README_LINES: usize = 200;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages, relative to the root.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        ["README.md", "SECURITY.md", "CHANGELOG.md", "fuzz/README.md"].iter().map(PathBuf::from).collect();
    pages.extend(pages_in_docs().into_iter().map(|name| Path::new("docs").join(name)));
    pages
}

fn pages_in_docs() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("docs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| Path::new(name).extension().is_some_and(|e| e == "md")).collect()
}

/// The lines outside fenced code blocks, each with its number, without their `inline code`.
fn prose(page: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index + 1, line.split('`').step_by(2).collect::<Vec<_>>().join(" ")));
        }
    }
    lines
}

/// The targets of `[text](target)`, each with its line.
fn links(page: &str) -> Vec<(usize, String)> {
    let targets = |(number, line): (usize, String)| -> Vec<(usize, String)> {
        line.split("](").skip(1).filter_map(|rest| Some((number, rest.split_once(')')?.0.to_owned()))).collect()
    };
    prose(page).into_iter().flat_map(targets).collect()
}

/// The anchors that GitHub gives the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let text = line.trim_start_matches('#');
        if fenced || text.len() == line.len() || !text.starts_with(' ') {
            continue;
        }
        let kept = text.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let seen = count.entry(slug.clone()).or_insert(0);
        anchors.insert(if *seen == 0 { slug } else { format!("{slug}-{seen}") });
        *seen += 1;
    }
    anchors
}

/// What is wrong with a link on `page`, which lies at `path` below `root`.
fn trouble(root: &Path, path: &Path, page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let other;
    let linked = if file.is_empty() {
        page
    } else {
        let file = root.join(path).parent().unwrap().join(file);
        if !file.exists() {
            return Some("there is no such file".to_owned());
        }
        // The file is there, and no heading is named.
        anchor?;
        other = std::fs::read_to_string(file).unwrap();
        &other
    };
    let missing = anchor.is_some_and(|anchor| !anchors(linked).contains(anchor));
    missing.then(|| "there is no such heading".to_owned())
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    let mut found = 0;
    for path in pages() {
        let page = std::fs::read_to_string(root().join(&path)).unwrap();
        for (line, target) in links(&page) {
            found += 1;
            let trouble = trouble(root(), &path, &page, &target);
            broken.extend(trouble.map(|trouble| format!("{}:{line}: {target}: {trouble}", path.display())));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(found > 100, "only {found} links were found: are they still read?");
}

#[test]
fn every_page_is_linked_from_the_index() {
    let index = std::fs::read_to_string(root().join("docs/README.md")).unwrap();
    let linked: BTreeSet<String> = links(&index).into_iter().map(|(_, target)| target).collect();
    let mut pages = pages_in_docs();
    pages.remove("README.md");
    let missing: Vec<&String> = pages.iter().filter(|page| !linked.contains(*page)).collect();
    assert!(missing.is_empty(), "docs/README.md has no link to {missing:?}");
}

#[test]
fn the_readme_is_short() {
    let lines = std::fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines; at most {README_LINES} are allowed");
}

/// The exit codes are a contract: the table that people read is the one that `fabcert --help` prints.
#[test]
fn the_readme_has_the_exit_codes_of_the_help() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let help = crate::command::fabcert(&["--help"], None).stdout;
    let section = help.split_once("Exit codes:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let rows: Vec<String> = section
        .lines()
        .filter_map(|line| line.trim().split_once("  "))
        .filter_map(|(code, meaning)| Some((code.parse::<u8>().ok()?, meaning)))
        .map(|(code, meaning)| format!("| {code} | {meaning} |"))
        .collect();
    assert!(rows.len() >= 12, "{section}");
    let missing: Vec<&String> = rows.iter().filter(|row| !readme.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "README.md lacks the rows {missing:#?}");
}

/// The lines of the demo that the README shows are lines of the demo.
#[test]
fn the_readme_shows_the_output_of_the_demo() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let demo = std::fs::read_to_string(root().join("tests/it/snapshots/it__output__demo_human.snap")).unwrap();
    let block = readme.split_once("The demo ends like this").unwrap().1.split("```").nth(1).unwrap();
    let shown: Vec<&str> = block.lines().skip(1).collect();
    assert!(shown.len() >= 3, "{shown:?}");
    let missing: Vec<&&str> = shown.iter().filter(|line| !demo.lines().any(|printed| printed == **line)).collect();
    assert!(missing.is_empty(), "the demo does not print {missing:#?}");
}

fn is_source(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|e| e == "rs")
}

/// A path in backticks that names a source file or folder, as the pages write it: from the root, or below `src/`.
fn source_paths(page: &str) -> Vec<(usize, String)> {
    let is_path = |code: &str| {
        code.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.".contains(c))
            && (is_source(code) || code.contains('/') && code.ends_with('/') || code.starts_with("src/"))
            && !code.contains("NAME")
    };
    let mut fenced = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(page.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let codes = line.split('`').skip(1).step_by(2).filter(|code| is_path(code));
            found.extend(codes.map(|code| (number, code.to_owned())));
        }
    }
    found
}

/// In every page the source files, in the architecture page the folders too.
#[test]
fn pages_name_source_files_that_exist() {
    let exists = |path: &str| ["", "src"].iter().any(|base| root().join(base).join(path).exists());
    let mut missing = Vec::new();
    let mut count = 0;
    for path in pages() {
        let is_architecture = path.ends_with("architecture.md");
        let page = std::fs::read_to_string(root().join(&path)).unwrap();
        for (line, named) in source_paths(&page) {
            let is_judged = is_architecture || is_source(&named);
            count += usize::from(is_judged);
            if is_judged && !exists(&named) {
                missing.push(format!("{}:{line}: {named}", path.display()));
            }
        }
    }
    assert!(count > 50, "only {count} paths were found: are they still read?");
    assert!(missing.is_empty(), "{missing:#?}");
    let read = "`src/a.rs`, `b/`, `Type`, `a/NAME.rs`, `x -> y`\n```\n`c.rs`\n```\n";
    assert_eq!(source_paths(read), [(1, "src/a.rs".to_owned()), (1, "b/".to_owned())]);
}

/// The tree of the architecture page has each module of `src`, and no other.
#[test]
fn the_architecture_page_has_every_room() {
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let tree = page.split_once("src/\n").unwrap().1.split_once("\nexamples/").unwrap().0;
    let room = |name: &str| name.trim_end_matches('/').trim_end_matches(".rs").to_owned();
    let mut documented = BTreeSet::new();
    for line in tree.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let mut words = line.split_whitespace();
        documented.extend(words.next().map(room));
        documented.extend(words.take_while(|word| is_source(word)).map(room));
    }
    let entries = std::fs::read_dir(root().join("src")).unwrap();
    let rooms: BTreeSet<String> = entries.map(|entry| room(entry.unwrap().file_name().to_str().unwrap())).collect();
    assert_eq!(documented, rooms, "in docs/architecture.md and in src");
}

#[test]
fn broken_links_and_headings_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let page = "# One two\n\nSee [a](there.md), [b](there.md#x-y), [c](#one-two), `[d](code.md)`.\n\n```text\n[e](code.md)\n# Code\n```\n";
    std::fs::write(dir.path().join("there.md"), "## X `y`\n\n## X y\n").unwrap();
    assert_eq!(
        links(page),
        [(3, "there.md"), (3, "there.md#x-y"), (3, "#one-two")].map(|(line, target)| (line, target.to_owned()))
    );
    let trouble = |target: &str| trouble(dir.path(), Path::new("page.md"), page, target);
    for good in ["there.md", "there.md#x-y", "there.md#x-y-1", "#one-two", "https://example.com/gone"] {
        assert_eq!(trouble(good), None, "{good}");
    }
    for bad in ["gone.md", "there.md#z", "#code", "#one", "gone.md#x-y"] {
        assert!(trouble(bad).is_some(), "{bad}");
    }
}
