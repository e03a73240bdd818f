//! What a person at a terminal sees, with `script` (util-linux) as the terminal.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a line of a shell at a terminal with this number of columns, types `input`, and gives what the terminal shows.
pub(crate) fn at_a_terminal(columns: usize, line: &str, input: &str, variables: &[(&str, &str)]) -> String {
    dialogue(columns, line, variables, &[("", input)])
}

/// Likewise, with each input typed when the terminal shows the text before it.
fn dialogue(columns: usize, line: &str, variables: &[(&str, &str)], steps: &[(&str, &str)]) -> String {
    answered(columns, line, variables, steps.iter().map(|(text, input)| (*text, |_: &str| (*input).to_owned())))
}

/// What is typed, for what the terminal shows.
type Input<'a> = &'a dyn Fn(&str) -> String;

/// Likewise, with inputs that depend on what the terminal shows.
fn answered<'a>(
    columns: usize,
    line: &str,
    variables: &[(&str, &str)],
    steps: impl Iterator<Item = (&'a str, impl FnOnce(&str) -> String)>,
) -> String {
    let binary = std::env::var("FABCERT_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_fabcert").to_owned());
    let shell = format!("stty rows 40 cols {columns}; fabcert() {{ '{binary}' \"$@\"; }}; {line}");
    let mut child = Command::new("script")
        .args(["-qec", &shell, "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TERM", "xterm")
        .env("FABCERT", binary)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (send, pieces) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(n @ 1..) = out.read(&mut piece) {
            let _ = send.send(piece[..n].to_vec());
        }
    });
    let (mut shown, mut at) = (Vec::new(), 0);
    let text = |shown: &[u8]| String::from_utf8_lossy(shown).replace("\r\n", "\n");
    let end = Instant::now() + Duration::from_secs(60);
    for (wanted, input) in steps {
        at += loop {
            if let Some(found) = text(&shown)[at..].find(wanted) {
                break found + wanted.len();
            }
            let Ok(piece) = pieces.recv_timeout(end.saturating_duration_since(Instant::now())) else {
                panic!("{wanted} is not shown: {}", text(&shown));
            };
            shown.extend(piece);
        };
        typed.write_all(input(&text(&shown)).as_bytes()).unwrap();
    }
    drop(typed);
    shown.extend(pieces.iter().flatten());
    reader.join().unwrap();
    child.wait().unwrap();
    text(&shown)
}

/// The text without colour sequences.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn text_is_wrapped_to_the_terminal_and_not_in_pipes() {
    for line in ["fabcert enroll", "fabcert rules", "fabcert explain san-missing", "fabcert register", "fabcert --help"]
    {
        for columns in [80, 140] {
            let shown = plain(&at_a_terminal(columns, line, "\u{4}", &[("CI", "1")]));
            assert!(shown.lines().count() > 1, "{line}: {shown}");
            for text in shown.lines() {
                assert!(text.chars().count() <= columns.min(120), "{line} at {columns} columns: {text}");
            }
        }
        let piped = at_a_terminal(80, &format!("{line} 2>&1 | cat"), "", &[]);
        assert!(!piped.contains('\u{1b}'), "{piped}");
    }
    let piped = at_a_terminal(80, "fabcert explain san-missing | cat", "", &[]);
    assert!(piped.lines().any(|line| line.chars().count() > 120), "{piped}");
}

#[test]
fn errors_are_in_colour_on_a_terminal_unless_the_environment_says_otherwise() {
    let red = "\u{1b}[1;31merror:\u{1b}[0m";
    let shown = |line: &str, variables: &[(&str, &str)]| at_a_terminal(80, line, "", variables);
    assert!(shown("fabcert explain 999", &[]).contains(red));
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!shown("fabcert explain 999", &[(name, value)]).contains('\u{1b}'), "{name}");
    }
    assert!(!shown("fabcert explain 999 --color never", &[]).contains('\u{1b}'));
    assert!(!shown("fabcert no-such --color never", &[]).contains('\u{1b}'));
    assert!(shown("fabcert explain 999 2>&1 | cat", &[("CLICOLOR_FORCE", "1")]).contains(red));
}

#[test]
fn enroll_asks_for_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let line = format!("cd {}; fabcert enroll --plaintext; echo; stty -a", dir.path().display());
    let steps = [
        ("URL of the CA", "http://127.0.0.1:1\n"),
        ("Enrolment id", "peer1\n"),
        ("Folder for the signing identity", "msp\n"),
        ("Folder for the TLS pair", "\n"),
        ("Enrolment secret of peer1 for http://127.0.0.1:1 (not shown): ", "top-secret\n"),
        ("error:", ""),
    ];
    let shown = dialogue(80, &line, &[], &steps);
    assert!(shown.contains("peer1\n") && !shown.contains("top-secret"), "the secret is echoed: {shown}");
    assert!(shown.contains(" echo ") && !shown.contains("-echo "), "the terminal stays without echo: {shown}");
    for line in [
        "fabcert enroll --output json",
        "CI=true fabcert enroll",
        "fabcert enroll --log-format json",
        "fabcert enroll 2>&1 | cat",
        "echo | fabcert enroll",
    ] {
        assert!(!at_a_terminal(80, line, "", &[]).contains("URL of the CA ("), "{line} asks");
    }
}

#[test]
fn each_ca_is_asked_for_its_own_secret() {
    let dir = tempfile::tempdir().unwrap();
    let line = |more: &str| {
        let ca = "fabcert enroll --plaintext --url http://a@127.0.0.1:1 --msp-dir msp --tls-dir tls --san a";
        format!("cd {}; {ca} {more}", dir.path().display())
    };
    let first = "Enrolment secret of a for http://127.0.0.1:1 (not shown): ";
    for (more, second) in [
        ("--tls-url http://b@127.0.0.1:2", "Enrolment secret of b for http://127.0.0.1:2 (not shown): "),
        ("--tls-url http://127.0.0.1:2", "Enrolment secret of a for http://127.0.0.1:2 (not shown): "),
        ("--tls-ca-name tlsca", "Enrolment secret of a for tlsca at http://127.0.0.1:1 (not shown): "),
        ("--tls-id b", "Enrolment secret of b for http://127.0.0.1:1 (not shown): "),
    ] {
        dialogue(140, &line(more), &[], &[(first, "one\n"), (second, "two\n"), ("error:", "")]);
    }
    let shown = dialogue(140, &line(""), &[], &[(first, "one\n"), ("error:", "")]);
    assert_eq!(shown.matches("Enrolment secret").count(), 1, "{shown}");
}

#[test]
fn a_typed_secret_is_cleaned_as_that_of_a_file() {
    let line = "cd /; fabcert enroll --plaintext --url http://a@127.0.0.1:1 --msp-dir /proc/none/msp; echo code $?";
    for (typed, refused) in [("pw\u{1b}[A\n", "a control character"), ("\n", "is empty"), ("p\0w\n", "NUL")] {
        let shown = dialogue(140, line, &[], &[("(not shown): ", typed), ("code ", "")]);
        assert!(shown.contains(&format!("the secret that was typed {refused}")) || shown.contains(refused), "{shown}");
        assert!(shown.contains("code 4"), "{shown}");
    }
}

#[test]
fn a_signal_at_the_secret_prompt_restores_the_echo() {
    let dir = tempfile::tempdir().unwrap();
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129), ("QUIT", 131)] {
        let enroll = "exec $FABCERT enroll --plaintext --url http://a@127.0.0.1:1 --msp-dir msp";
        let line = format!("cd {}; sh -c 'echo pid $$; {enroll}'; echo code $?; stty -a", dir.path().display());
        let kill = |shown: &str| {
            let pid = shown.split("pid ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
            assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
            String::new()
        };
        let none = |_: &str| String::new();
        let steps: [(_, Input<'_>); 2] = [("(not shown): ", &kill), ("code ", &none)];
        let shown = answered(80, &line, &[], steps.into_iter());
        assert!(shown.contains(&format!("code {code}\n")), "{signal}: {shown}");
        assert!(shown.contains(" echo ") && !shown.contains("-echo "), "{signal}: {shown}");
    }
}

#[test]
fn examples_keep_their_lines_on_a_narrow_terminal() {
    let shown = at_a_terminal(50, "fabcert enroll --help", "", &[]);
    assert!(shown.contains("--tls-ca ca.pem \\\n"), "{shown}");
    assert!(shown.lines().filter(|line| line.trim_end().ends_with("--tls-ca")).count() == 0, "{shown}");
}

/// What bash proposes for the last of `words`.
fn bash_proposes(words: &[&str]) -> String {
    let script = crate::command::fabcert(&["completions", "bash"], None).stdout;
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let call = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _fabcert fabcert '{last}' '{before}'; echo \"${{COMPREPLY[*]}}\"",
        quoted.join(" "),
        words.len() - 1
    );
    // The system bounds one argument at 128 KiB.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, call).unwrap();
    let ran = Command::new("bash").arg("--norc").arg(file.path()).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn bash_completes_rules_formats_and_values() {
    for flag in ["-D", "--deny", "-A", "--allow", "-W", "--warn"] {
        let proposed = bash_proposes(&["fabcert", "audit", flag, "san-m"]);
        assert!(proposed.contains("san-missing"), "{flag}: {proposed}");
    }
    assert!(bash_proposes(&["fabcert", "audit", "--format", "sa"]).contains("sarif"));
    assert!(bash_proposes(&["fabcert", "enroll", "--role", "pe"]).contains("peer"));
    assert!(bash_proposes(&["fabcert", "enroll", "--layout", "cry"]).contains("cryptogen"));
    assert!(bash_proposes(&["fabcert", "enroll", "--key-algorithm", "p"]).contains("p384"));
    assert!(bash_proposes(&["fabcert", "explain", "san-m"]).contains("san-missing"));
    let commands = bash_proposes(&["fabcert", "ver"]);
    assert!(!commands.contains("rollback"), "{commands}");
    for shell in ["zsh", "fish"] {
        let script = crate::command::fabcert(&["completions", shell], None).stdout;
        assert!(script.contains("san-missing") && script.contains("sarif"), "{shell}");
    }
}

#[test]
fn man_pages_have_the_sections_of_a_man_page_and_no_hyphens() {
    let dir = tempfile::tempdir().unwrap();
    let ran = crate::command::fabcert(&["man", dir.path().to_str().unwrap()], None);
    assert_eq!(ran.code, 0, "{ran:?}");
    let page = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert!(!dir.path().join("fabcert-version.1").exists(), "a hidden command has no page");
    for name in ["fabcert.1", "fabcert-enroll.1", "fabcert-audit.1", "fabcert-explain.1"] {
        let page = page(name);
        for section in ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
            let heading = [format!(".SH {section}\n"), format!(".SH \"{section}\"\n")];
            assert!(heading.iter().any(|heading| page.contains(heading)), "{name} has no {section}");
        }
        assert!(page.contains("\n.nh\n.ad l\n"), "{name}");
    }
    let enroll = page("fabcert-enroll.1");
    for variable in ["FABCERT_URL", "FABCERT_SECRET", "FABCERT_TLS_DIR"] {
        assert!(enroll.contains(&format!(".B {variable}\n")), "{variable}");
    }
    assert!(enroll.contains("\\-\\-tls\\-ca ca.pem \\e\n"), "{enroll}");
}
