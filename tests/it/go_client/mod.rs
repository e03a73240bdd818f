//! The command line of the Go client: each line by the real fabric-ca-client 1.5.21 and by fabcert under its name, against one
//! real CA, with identities of their own. What is compared: exit code, files (names, modes, content but for keys and dates),
//! the words on standard output, and what the CA holds then.

mod flows;
mod own;
mod public;
mod scene;
mod scripts;

use std::fmt::Write as _;

use scene::Done;

/// A line on which the programs differ on purpose.
pub(super) struct Difference {
    /// What the line contains.
    pub(super) line: &'static str,
    pub(super) reason: &'static str,
}

/// The differences of two runs, each as a sentence. Of a run that fails only the exit code counts: the Go client leaves
/// folders and keys behind.
fn differences(go: &Done, fabcert: &Done) -> Vec<String> {
    let mut all = Vec::new();
    if go.code != fabcert.code {
        all.push(format!("exit code {} {}\n{}\n{}", go.code, fabcert.code, go.stderr, fabcert.stderr));
    }
    if go.code != 0 || fabcert.code != 0 {
        return all;
    }
    if go.stdout != fabcert.stdout {
        all.push(format!("stdout\n    {:?}\n    {:?}", go.stdout, fabcert.stdout));
    }
    for (path, says) in &go.files {
        match fabcert.files.get(path) {
            None => all.push(format!("{path} is missing")),
            Some(other) if other != says => all.push(format!("{path}\n    {says}\n    {other}")),
            Some(_) => {}
        }
    }
    all.extend(fabcert.files.keys().filter(|path| !go.files.contains_key(*path)).map(|path| format!("{path} is new")));
    all
}

/// Checks that all lines are alike but for those of `known`, and that each of these differs.
fn check(found: &[(String, Vec<String>)], known: &[Difference]) {
    let (mut report, mut wrong) = (String::new(), 0);
    for (line, differences) in found {
        let reason = known.iter().find(|known| line.contains(known.line)).map(|known| known.reason);
        if differences.is_empty() == reason.is_some() {
            wrong += 1;
            let _ = writeln!(report, "{line}\n  expected: {reason:?}");
            for difference in differences {
                let _ = writeln!(report, "  {difference}");
            }
        }
    }
    let alike = found.iter().filter(|(_, differences)| differences.is_empty()).count();
    assert!(wrong == 0, "{alike} of {} lines are alike\n{report}", found.len());
}
