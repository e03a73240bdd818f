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
    /// Take values of placeholders from the environment too
    #[arg(long = "env", env = "FABCERT_ENV", help_heading = "Manifests")]
    pub(in crate::cli) env: bool,
}

impl ManifestArgs {
    /// The values of placeholders. `--set` overrides the environment.
    pub(in crate::cli) fn variables(&self) -> Result<Variables, Error> {
        let mut variables = if self.env { std::env::vars().collect() } else { Variables::new() };
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
