//! A program and its arguments, as `--hook` gives them: a JSON array, so that no shell takes part.

use std::ffi::OsString;
use std::str::FromStr;

/// A program and its arguments. The arguments may hold secrets: only the program is printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HookCommand(Vec<String>);

impl std::fmt::Debug for HookCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HookCommand").field(&self.program()).finish_non_exhaustive()
    }
}

impl FromStr for HookCommand {
    type Err = String;

    /// Reads a JSON array of strings. The error does not repeat the text.
    fn from_str(text: &str) -> Result<Self, String> {
        const SHAPE: &str = "expected a JSON array of strings: the program and its arguments";
        let argv: Vec<String> = serde_json::from_str(text).map_err(|e| match e.classify() {
            serde_json::error::Category::Data => SHAPE.to_owned(),
            _ => format!("{SHAPE}; this is not JSON: line {}, column {}", e.line(), e.column()),
        })?;
        match argv.first() {
            None => Err(format!("{SHAPE}; the array is empty")),
            Some(program) if program.is_empty() => Err(format!("{SHAPE}; the name of the program is empty")),
            Some(_) if argv.iter().any(|word| word.contains('\0')) => Err("a word holds a NUL character".to_owned()),
            Some(_) => Ok(Self(argv)),
        }
    }
}

impl HookCommand {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub(super) fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The words in JSON.
    pub(super) fn words(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The command with no environment but `variables`.
    pub(super) fn with(&self, variables: &[(&'static str, OsString)]) -> std::process::Command {
        let mut command = std::process::Command::new(self.program());
        command.args(&self.0[1..]).env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_array_of_strings_is_a_command() {
        let command: HookCommand = r#"["systemctl", "restart", "a b"]"#.parse().unwrap();
        assert_eq!(command.program(), "systemctl");
        assert_eq!(command.words(), r#"["systemctl","restart","a b"]"#);
        assert_eq!(format!("{command:?}"), r#"HookCommand("systemctl", ..)"#, "arguments may be secret");
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for (text, expected) in [
            ("systemctl restart s3cret", "not JSON: line 1, column 1"),
            (r#"["systemctl","s3cret""#, "not JSON: line 1, column 21"),
            (r#""s3cret""#, "expected a JSON array"),
            (r#"["s3cret",1]"#, "expected a JSON array"),
            ("[]", "the array is empty"),
            (r#"["","s3cret"]"#, "name of the program is empty"),
            (r#"["a","s3cret\u0000"]"#, "NUL"),
        ] {
            let error = text.parse::<HookCommand>().unwrap_err();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{text}: {error}");
        }
    }
}
