//! What `enroll` asks a person for.

use std::path::PathBuf;

use super::IdentityArgs;
use super::request::url_parts;
use crate::Error;
use crate::cli::prompt::Prompt;
use crate::identity::{CaAccess, SecretSource};

/// Asks for the missing secrets, once for each identity at a CA: no CA gets the secret of another.
pub(super) fn secrets<'a>(accesses: impl Iterator<Item = &'a mut CaAccess>, prompt: Prompt) -> Result<(), Error> {
    let mut answered: Vec<CaAccess> = Vec::new();
    for ca in accesses.filter(|ca| matches!(ca.secret, SecretSource::None)) {
        let is_same = |known: &&CaAccess| known.id == ca.id && known.url == ca.url && known.ca_name == ca.ca_name;
        ca.secret = if let Some(known) = answered.iter().find(is_same) {
            known.secret.clone()
        } else {
            let name = ca.ca_name.as_deref().map(|name| format!("{name} at ")).unwrap_or_default();
            prompt.secret(&format!("Enrolment secret of {} for {name}{}", ca.id, ca.url))?
        };
        answered.push(ca.clone());
    }
    Ok(())
}

/// Asks for what is missing, in the order in which a person has it at hand. Empty answers leave it missing.
pub(super) fn inputs(args: &mut IdentityArgs, prompt: Prompt) -> Result<(), Error> {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let path = |text: String| given(text).map(PathBuf::from);
    if args.ca.url.is_none() {
        args.ca.url = given(prompt.line("URL of the CA", "https://org1-ca:7054")?);
    }
    let Some(url) = &args.ca.url else { return Ok(()) };
    let (is_plaintext, has_id) = url_parts(url);
    if args.ca.id.is_none() && !has_id {
        args.ca.id = given(prompt.line("Enrolment id", "org1-peer1")?);
    }
    if args.ca.connection.tls_ca.is_empty() && !is_plaintext {
        args.ca.connection.tls_ca.extend(path(prompt.line("PEM file with the CA certificates to trust", "ca.pem")?));
    }
    if args.target.folders() == (None, None) {
        args.target.msp_dir = path(prompt.line("Folder for the signing identity, empty for none", "msp")?);
        args.target.tls_dir = path(prompt.line("Folder for the TLS pair, empty for none", "tls")?);
    }
    if args.target.tls_dir.is_some() && !args.names.has_some() {
        let names = prompt.line("Names that clients dial, separated by commas", "org1-peer1,org1-peer-gateway-svc")?;
        args.names.san.extend(names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
    }
    Ok(())
}
