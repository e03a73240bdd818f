//! The help of every command, so that a flag cannot change unnoticed.

use crate::command::{commands, fabcert};

#[test]
fn the_help_of_every_command_is_frozen() {
    // That of the Go client has the machine's name in it; the tests of go_client compare it.
    let commands = commands().into_iter().filter(|command| command != "fabric-ca-client");
    for command in [String::new()].into_iter().chain(commands) {
        let args: Vec<&str> = [&command, "--help"].into_iter().filter(|a| !a.is_empty()).collect();
        let ran = fabcert(&args, None);
        assert_eq!(ran.code, 0, "{ran:?}");
        insta::assert_snapshot!(format!("help_{command}"), ran.stdout);
    }
}

#[test]
fn the_help_of_commands_below_ca_is_frozen() {
    let ran = fabcert(&["ca", "info", "--help"], None);
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!("help_ca_info", ran.stdout);
}

#[test]
fn a_usage_error_is_said_in_text_and_in_json() {
    let text = fabcert(&["enroll", "--no-such-flag"], None);
    assert_eq!(text.code, 2);
    insta::assert_snapshot!("usage_error_text", text.stderr);
    let json = fabcert(&["enroll", "--output", "json", "--url", "https://h", "--msp-dir", "m"], None);
    assert_eq!(json.code, 2);
    insta::assert_snapshot!("usage_error_json", json.stdout);
}
