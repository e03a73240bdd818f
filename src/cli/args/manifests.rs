//! The values of placeholders in manifests.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use clap::Args;

use crate::manifests::Variables;
use crate::{Error, ErrorKind};

/// The values of placeholders in manifests.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct ManifestArgs {
    /// Value of the placeholder ${NAME} in manifests. Repeatable; the variable takes one on each line
    #[arg(
        long = "set",
        value_name = "NAME=VALUE",
        value_delimiter = '\n',
        env = "FABCERT_SET",
        help_heading = "Manifests"
    )]
    pub(in crate::cli) set: Vec<String>,
    /// Variable of the environment that gives the value of the placeholder of its name. Repeat it, or separate several with
    /// commas; no other variable is used
    #[arg(long = "env", value_name = "NAME", value_delimiter = ',', env = "FABCERT_ENV", help_heading = "Manifests")]
    pub(in crate::cli) env: Vec<String>,
}

impl ManifestArgs {
    /// The values of placeholders. `--set` overrides the environment.
    pub(in crate::cli) fn variables(&self) -> Result<Variables, Error> {
        let mut variables = Variables::new();
        for name in &self.env {
            if let Some(value) = named(name)?.and_then(|name| std::env::var(name).ok()) {
                variables.insert(name.clone(), value);
            }
        }
        for text in &self.set {
            let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                return Err(Error::new(ErrorKind::Usage, format!("--set \"{text}\": expected NAME=VALUE"))
                    .with_help("for example --set ORG1_NS=fabric"));
            };
            variables.insert(name.to_owned(), value.to_owned());
        }
        Ok(variables)
    }
}

/// The name, if a manifest may use the variable; `None` for an empty name.
///
/// # Errors
/// For something else than a name, and for fabcert's own variables, which hold the enrolment secret.
fn named(name: &str) -> Result<Option<&str>, Error> {
    const HELP: &str = "for example --env DOMAIN,ORG1_NS; a value without the environment: --set DOMAIN=example.com";
    let is_name =
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.starts_with(|c: char| c.is_ascii_digit());
    let was_a_switch = ["true", "yes", "on", "false", "no", "off"].iter().any(|word| name.eq_ignore_ascii_case(word));
    if !is_name || was_a_switch {
        return Err(Error::new(
            ErrorKind::Usage,
            "--env (FABCERT_ENV) takes the names of variables, and no other word",
        )
        .with_help(HELP));
    }
    if name.starts_with("FABCERT_") {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("--env {name}: a manifest cannot use fabcert's own variables"),
        )
        .with_help(HELP));
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_used_by_name_only() {
        assert_eq!(named("DOMAIN").unwrap(), Some("DOMAIN"));
        assert_eq!(named("_x1").unwrap(), Some("_x1"));
        assert_eq!(named("").unwrap(), None);
        for word in ["1", "true", "No", "k8s/", "A*", "A=b", "A B", "FABCERT_SECRET", "FABCERT_URL"] {
            assert_eq!(named(word).unwrap_err().exit_code(), 2, "{word}");
        }
    }
}
