//! Manifests as arguments.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use clap::Args;

use crate::k8s::Variables;
use crate::{Error, ErrorKind};

/// What fills the placeholders of manifests.
#[derive(Args, Debug)]
pub(super) struct ManifestArgs {
    /// Value of a placeholder ${NAME} in manifests; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", env = "FABCERT_SET", help_heading = "Manifests")]
    pub(super) set: Vec<String>,
    /// Take placeholders from the environment too
    #[arg(long = "env", env = "FABCERT_ENV", help_heading = "Manifests")]
    pub(super) env: bool,
}

/// The values of placeholders: what --set says goes over the environment.
pub(super) fn variables(args: &ManifestArgs) -> Result<Variables, Error> {
    let mut variables = if args.env { std::env::vars().collect() } else { Variables::new() };
    for text in &args.set {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Error::new(ErrorKind::Usage, format!("--set \"{text}\" is no NAME=VALUE"))
                .with_help("write it as --set ORG1_NS=fabric"));
        };
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}
