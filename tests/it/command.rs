//! The binary under test, in an environment that holds nothing of the machine's.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a run of the binary gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    #[cfg_attr(not(feature = "dev-ca"), allow(dead_code, reason = "only the tests of faults look at it"))]
    pub(crate) stderr: String,
}

impl Ran {
    /// The result as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// Runs `fabcert` with these arguments and, where there is one, this secret in the environment.
pub(crate) fn fabcert(args: &[&str], secret: Option<&str>) -> Ran {
    let variables: Vec<(&str, &str)> = secret.iter().map(|secret| ("FABCERT_SECRET", *secret)).collect();
    fabcert_in(args, &variables)
}

/// Runs `fabcert` in an environment that holds nothing but these variables.
pub(crate) fn fabcert_in(args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let Output { status, stdout, stderr } = command(args, variables).output().unwrap();
    Ran {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Every command, as the help lists them.
pub(crate) fn commands() -> Vec<String> {
    let help = fabcert(&["--help"], None).stdout;
    let list = help.split_once("Commands:\n").unwrap().1.lines().take_while(|line| !line.is_empty());
    let words = list.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    words.filter(|word| *word != "help").map(str::to_owned).collect()
}

/// `fabcert`, not started yet.
pub(crate) fn command(args: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command =
        Command::new(std::env::var_os("FABCERT_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_fabcert").into()));
    command.args(args).env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// Every path below `dir` with its mode and content.
pub(crate) fn tree(dir: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if meta.is_dir() {
            found.insert(name.clone(), (meta.permissions().mode(), Vec::new()));
            found.extend(tree(&path).into_iter().map(|(p, v)| (format!("{name}/{p}"), v)));
        } else {
            found.insert(name, (meta.permissions().mode(), std::fs::read(&path).unwrap()));
        }
    }
    found
}
