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
