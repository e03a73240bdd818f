//! Channel configurations, at the command line.

use std::path::Path;

use crate::command::fabcert;

fn testdata(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/channel").join(file).display().to_string()
}

/// Asserts a snapshot without what changes: the folder of the test data, and how far a day is away.
fn shown(name: &str, text: &str) {
    insta::with_settings!({ filters => vec![(r", (starts |expired )?(in )?\d+ days( ago)?", ", DISTANCE")] }, {
        insta::assert_snapshot!(name, text.replace(&testdata(""), ""));
    });
}

#[test]
fn inspect_shows_blocks() {
    for name in ["raft", "bft"] {
        let text = fabcert(&["inspect", &testdata(&format!("{name}.block"))], None);
        assert_eq!(text.code, 0, "{text:?}");
        shown(&format!("inspect_{name}_block"), &text.stdout);
    }
    let json = fabcert(&["inspect", "--output", "json", &testdata("raft.block")], None);
    shown("inspect_block_json", &json.stdout);
}

/// The findings of rules about channels in an audit of these files of the test data: rule, path and names.
fn findings(files: &[&str]) -> Vec<(String, String, Vec<String>)> {
    let paths: Vec<String> = files.iter().map(|file| testdata(file)).collect();
    let mut args = vec!["audit", "--no-policy", "--output", "json", "--at", "2026-12-01T00:00:00Z"];
    args.extend(paths.iter().map(String::as_str));
    let report = fabcert(&args, None).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap().iter();
    all.filter(|f| ["channel-", "consenter-"].iter().any(|of| text(&f["rule"]).starts_with(of)))
        .map(|f| {
            let path = text(&f["path"]).rsplit_once("channel/").unwrap().1.to_owned();
            (text(&f["rule"]), path, f["names"].as_array().unwrap().iter().map(text).collect())
        })
        .collect()
}

/// As real blocks: orderer3 has no folder, and no certificate holds the address of the load balancer.
#[test]
fn audit_holds_blocks_against_folders() {
    let found = |rule: &str, path: &str, name: &str| (rule.to_owned(), path.to_owned(), vec![name.to_owned()]);
    let expected = [
        found("channel-host-missing", "raft.block", "ordering.example.com"),
        found("consenter-not-on-disk", "raft.block", "orderer3.orderers.example.com:7050"),
    ];
    let mut raft = findings(&["raft.block", "nodes"]);
    raft.sort();
    assert_eq!(raft, expected);
    // In whichever order they are read.
    let mut reversed = findings(&["nodes", "raft.block"]);
    reversed.sort();
    assert_eq!(reversed, expected);
    assert_eq!(
        findings(&["bft.block", "nodes"]),
        [],
        "the blocks of BFT know identities, which no MSP folder here has"
    );
    assert_eq!(findings(&["raft.block"]), [], "nothing to hold it against");
}
