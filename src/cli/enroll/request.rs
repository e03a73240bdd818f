//! The request that the arguments of `enroll` describe.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{EnrollArgs, IdentityArgs};
use crate::ca::{AttrRequest, CaUrl};
use crate::cli::args::{CaArgs, LayoutArg, TlsCaArgs, below_home, check_apart, fabric_env};
use crate::cli::input::Missing;
use crate::cli::process;
use crate::disk::Disk;
use crate::identity::held::{Held, HeldForm, inherit};
use crate::identity::{Authentication, CaAccess, MspForm, Request, SecretSource, SignRequest, TlsFiles, TlsRequest};
use crate::pki::name::NameSet;
use crate::proof::{Purpose, RoleRule};
use crate::{Error, ErrorKind, Secret};

/// Whether a URL is plain HTTP, and whether it contains an enrolment id. A URL that does not parse is reported later.
pub(super) fn url_parts(url: &str) -> (bool, bool) {
    let has_id = |id: Option<String>| id.is_some_and(|id| !id.is_empty());
    CaUrl::parse(url).map_or((false, true), |(url, id, _)| (url.is_plaintext(), has_id(id)))
}

/// Whether a run needs names and a secret: a re-enrolment has the names of the current certificate, and that certificate as its
/// credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Issue {
    First,
    Again(Authentication),
}

/// Everything that an enrolment needs and the arguments do not hold. A missing secret alone is reported when it is needed:
/// a run with nothing to do needs none.
fn missing(args: &IdentityArgs, command: &'static str, issue: Issue, env: fabric_env::Lookup<'_>) -> Missing {
    let is_first = issue == Issue::First;
    let mut missing = Missing::of(command);
    let IdentityArgs { ca, tls_ca, names, target, .. } = args;
    let (is_plaintext, has_id) = ca.url.as_deref().map_or((false, false), url_parts);
    let has_id = ca.id.as_deref().map_or(has_id, |id| !id.is_empty());
    if ca.url.is_none() {
        missing.add(&["url"]);
    }
    if is_first && !has_id {
        missing.add(&["id"]);
    }
    if ca.connection.tls_ca.is_empty() && !is_plaintext && !ca.connection.plaintext {
        missing.add(&["tls-ca"]);
    }
    let needs_tls_anchors = tls_ca.tls_url.as_deref().is_some_and(|url| !url_parts(url).0);
    if needs_tls_anchors && tls_ca.tls_url_ca.is_empty() && ca.connection.tls_ca.is_empty() {
        missing.add(&["tls-url-ca"]);
    }
    if target.folders() == (None, None) {
        missing.add(&["msp-dir", "tls-dir"]);
    }
    if is_first && target.tls_dir.is_some() && !names.has_some() {
        missing.add(&["san", "hostname", "gateway-service", "from-manifests"]);
    }
    let in_url = |url: &str| CaUrl::parse(url).map_or(true, |(_, _, secret)| secret.is_some());
    let has_secret = ca.secret_file.is_some()
        || env("FABCERT_SECRET").is_some_and(|secret| !secret.is_empty())
        || ca.url.as_deref().is_some_and(in_url);
    let needs_secret = match issue {
        Issue::First => missing.is_something(),
        Issue::Again(authentication) => authentication == Authentication::Token { secret_if_expired: true },
    };
    if needs_secret && !has_secret {
        missing.add(&["secret-file"]);
    }
    missing
}

/// Takes what no argument gives from the variables of the Go client.
pub(in crate::cli) fn complete(args: &mut IdentityArgs, env: fabric_env::Lookup<'_>) {
    let IdentityArgs { ca, names, target, key, profile, attrs, .. } = args;
    fabric_env::apply(env, ca, names, target, key, profile, attrs);
}

/// The request that the arguments describe, if they hold all that it needs.
pub(in crate::cli) fn checked_request(args: EnrollArgs, env: fabric_env::Lookup<'_>) -> Result<Request, Error> {
    let EnrollArgs { identity, wait, force, .. } = args;
    Ok(Request { force, wait, ..identity_request(identity, "enroll", env)? })
}

/// The request of `command` for an identity that may not be enrolled yet.
pub(in crate::cli) fn identity_request(
    args: IdentityArgs,
    command: &'static str,
    env: fabric_env::Lookup<'_>,
) -> Result<Request, Error> {
    missing(&args, command, Issue::First, env).check()?;
    request(args, Issue::First, env)
}

/// The request for new certificates of the identities in the folders. Reads the folders.
pub(in crate::cli) fn reenroll_request(
    args: EnrollArgs,
    secret_if_expired: bool,
    disk: &Disk,
    env: fabric_env::Lookup<'_>,
) -> Result<Request, Error> {
    let authentication = Authentication::Token { secret_if_expired };
    let issue = Issue::Again(authentication);
    let EnrollArgs { identity: mut args, wait, force, .. } = args;
    missing(&args, "reenroll", issue, env).check()?;
    let (msp_dir, tls_dir) = args.target.folders();
    let of_folder = |dir: &Option<PathBuf>| dir.as_deref().map(|dir| Held::required(dir, disk)).transpose();
    let (sign, tls) = (of_folder(&msp_dir)?, of_folder(&tls_dir)?);
    let is_profile_given = args.profile.is_some();
    let in_url = args.ca.url.as_deref().and_then(|url| CaUrl::parse(url).ok()?.1);
    let has_tls_id = args.tls_ca.tls_id.is_some();
    for held in sign.iter().chain(&tls) {
        let is_tls = held.form != HeldForm::Msp && sign.is_some();
        let given =
            if is_tls && has_tls_id { args.tls_ca.tls_id.as_ref() } else { args.ca.id.as_ref().or(in_url.as_ref()) };
        if let Some(given) = given.filter(|_| !is_tls || has_tls_id || args.tls_ca.tls_url.is_none()) {
            held.check_id(given)?;
        }
    }
    if let Some(first) = sign.as_ref().or(tls.as_ref()) {
        args.ca.id = Some(first.id().to_owned());
    }
    if let (Some(sign), Some(tls)) = (&sign, &tls)
        && sign.id() != tls.id()
    {
        args.tls_ca.tls_id = Some(tls.id().to_owned());
    }
    if let (Some(HeldForm::Tls(TlsFiles::MspShaped)), None, None) =
        (sign.as_ref().map(|held| held.form), &tls, &args.profile)
    {
        args.profile = Some("tls".to_owned());
    }
    let mut request = request(args, issue, env)?;
    (request.wait, request.force, request.always) = (wait, force, true);
    let held: Vec<Held> = sign.into_iter().chain(tls).collect();
    inherit(&mut request, &held, is_profile_given);
    Ok(request)
}

/// The request that the arguments describe. Reads standard input if it holds the secret, and manifests, but no other file.
fn request(args: IdentityArgs, issue: Issue, env: fabric_env::Lookup<'_>) -> Result<Request, Error> {
    let IdentityArgs { ca, tls_ca, names, target, key, channels, profile, attrs, .. } = args;
    let home = target.home.as_deref();
    let (msp_dir, tls_dir) = target.folders();
    check_apart(msp_dir.as_deref(), tls_dir.as_deref())?;
    let both = msp_dir.is_some() && tls_dir.is_some();
    // The Go client does the same with the profile tls.
    let msp_shaped =
        !both && profile.as_deref() == Some("tls") && target.layout.unwrap_or_default() == LayoutArg::FabricCa;
    let name_set = names.name_set(issue == Issue::First && (tls_dir.is_some() || msp_shaped))?;
    if both && profile.is_some() {
        return Err(Error::new(ErrorKind::Usage, "--profile needs one folder, --msp-dir or --tls-dir")
            .with_help("with both folders the signing certificate uses the default profile of the CA, and the TLS certificate the profile tls"));
    }
    let (msp_dir, tls_dir, files) = match msp_dir {
        Some(dir) if msp_shaped => (None, Some(dir), TlsFiles::MspShaped),
        dir => (dir, tls_dir, TlsFiles::Three(target.tls_names.unwrap_or_default().into())),
    };
    let drop_sans = names.drops(&name_set)?;
    let subject = names.subject()?;
    let sign_ca = access(&ca, home, env)?;
    let node_ous = !target.no_node_ous;
    let tls = tls_dir
        .map(|target_dir| -> Result<TlsRequest, Error> {
            Ok(TlsRequest {
                target: target_dir,
                ca: tls_access(&ca, &tls_ca, &sign_ca, home, env)?,
                names: name_set.clone(),
                profile: profile.clone().unwrap_or_else(|| "tls".to_owned()),
                files,
                role: if both { RoleRule::Any } else { target.role_rule(Purpose::Tls) },
                due_at: None,
            })
        })
        .transpose()?;
    let sign = msp_dir.map(|target_dir| SignRequest {
        target: target_dir,
        ca: sign_ca,
        names: if both { NameSet::default() } else { name_set },
        profile,
        msp: MspForm { layout: target.layout.unwrap_or_default().into(), node_ous },
        role: target.role_rule(Purpose::Sign),
        due_at: None,
    });
    if let Some(sign) = &sign
        && !both
        && !sign.names.is_empty()
        && sign.profile.as_deref() != Some("tls")
    {
        tracing::warn!(
            "the names are added to the signing certificate, which TLS does not use; for a TLS certificate, add --tls-dir"
        );
    }
    Ok(Request {
        sign,
        tls,
        subject,
        attributes: if attrs.is_empty() {
            None
        } else {
            Some(attrs.iter().map(|a| attribute(a)).collect::<Result<_, _>>()?)
        },
        drop_sans,
        key: key.request(),
        new_tls_key: key.new_tls_key,
        channels: channels.request(),
        given: target.given(),
        key_mode: target.key_access().mode,
        group: target.group,
        force: false,
        replace: false,
        authentication: match issue {
            Issue::First => Authentication::Secret,
            Issue::Again(authentication) => authentication,
        },
        always: false,
        wait: None,
    })
}

fn attribute(text: &str) -> Result<AttrRequest, Error> {
    let (name, optional) = match text.split_once(':') {
        None => (text, false),
        Some((name, "opt")) => (name, true),
        Some(_) => {
            return Err(Error::new(ErrorKind::Usage, format!("--attrs {text}: expected NAME or NAME:opt")));
        }
    };
    Ok(AttrRequest { name: name.to_owned(), optional })
}

fn access(ca: &CaArgs, home: Option<&Path>, env: fabric_env::Lookup<'_>) -> Result<CaAccess, Error> {
    let text = ca.url.as_deref().ok_or_else(|| {
        Error::new(ErrorKind::Usage, "expected the URL of the CA")
            .with_help("give --url https://ID@HOST[:PORT], or set FABCERT_URL or FABRIC_CA_CLIENT_URL")
    })?;
    let (url, url_id, url_secret) = parse_url("--url", text, ca.connection.plaintext)?;
    let id = ca.id.clone().or(url_id).ok_or_else(|| {
        Error::new(ErrorKind::Usage, "expected an enrolment id")
            .with_help("give --id ID, or add it to the URL: https://ID@HOST")
    })?;
    let mut access = ca.connection.access(url, id, home)?;
    anchors_needed(&access, "--tls-ca")?;
    access.secret = secret(ca.secret_file.as_ref(), "FABCERT_SECRET", env, url_secret)?;
    Ok(access)
}

/// Access to the TLS CA: its own flags, and those of the first CA for the rest.
fn tls_access(
    ca: &CaArgs,
    tls: &TlsCaArgs,
    first: &CaAccess,
    home: Option<&Path>,
    env: fabric_env::Lookup<'_>,
) -> Result<CaAccess, Error> {
    let mut access = first.clone();
    let mut url_secret = None;
    if let Some(text) = &tls.tls_url {
        let (url, id, secret) = parse_url("--tls-url", text, ca.connection.plaintext)?;
        access.url = url;
        access.ca_name = None;
        if let Some(id) = id {
            access.id = id;
        }
        url_secret = secret;
        if !tls.tls_url_ca.is_empty() {
            access.anchors = tls.tls_url_ca.iter().map(|p| below_home(home, p).into()).collect();
        }
        anchors_needed(&access, "--tls-url-ca")?;
    }
    if let Some(name) = &tls.tls_ca_name {
        access.ca_name = Some(name.clone()).filter(|n| !n.is_empty());
    }
    if let Some(id) = &tls.tls_id {
        access.id.clone_from(id);
    }
    match secret(tls.tls_secret_file.as_ref(), "FABCERT_TLS_SECRET", env, url_secret)? {
        SecretSource::None => {}
        other => access.secret = other,
    }
    Ok(access)
}

fn parse_url(flag: &str, text: &str, plaintext: bool) -> Result<(CaUrl, Option<String>, Option<Secret>), Error> {
    let parts = CaUrl::parse(text).map_err(|e| Error::from(e).about(flag))?;
    if parts.0.is_plaintext() && !plaintext {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("{flag}: {} is plain HTTP: the secret would cross the network unencrypted", parts.0),
        )
        .with_help("use https://, or allow plain HTTP with --plaintext"));
    }
    if parts.1.is_none() && parts.2.is_some() {
        return Err(Error::new(ErrorKind::Usage, format!("{flag}: the URL contains a secret but no enrolment id")));
    }
    Ok(parts)
}

fn anchors_needed(access: &CaAccess, flag: &str) -> Result<(), Error> {
    if access.url.is_plaintext() || !access.anchors.is_empty() {
        return Ok(());
    }
    let message = format!("no certificate to trust for {}: {flag} is missing", access.url);
    Err(Error::new(ErrorKind::Usage, message).with_help(
        "give a PEM file with the root, an intermediate, or the certificate of the server; the system's trust store is not used",
    ))
}

/// Where the secret comes from: the file, else the environment, else the URL. A warning names the sources that are not
/// read.
///
/// # Errors
/// When standard input, the variable or the URL holds no secret.
pub(in crate::cli) fn secret(
    file: Option<&PathBuf>,
    variable: &'static str,
    env: fabric_env::Lookup<'_>,
    in_url: Option<Secret>,
) -> Result<SecretSource, Error> {
    let given = env(variable).filter(|v| !v.is_empty());
    let file_flag = match variable {
        "FABCERT_SECRET" => "--secret-file",
        "FABCERT_NEW_SECRET" => "--new-secret-file",
        _ => "--tls-secret-file",
    };
    let sources =
        [(file.is_some(), file_flag), (given.is_some(), variable), (in_url.is_some(), "the secret in the URL")];
    let mut sources = sources.into_iter().filter_map(|(is_given, source)| is_given.then_some(source));
    if let Some(used) = sources.next() {
        for ignored in sources {
            tracing::warn!("the secret is taken from {used}; {ignored} is not used");
        }
    }
    if let Some(path) = file {
        if path.as_os_str() == "-" {
            return SecretSource::given(&process::read_secret()?, "standard input");
        }
        return Ok(SecretSource::File(path.clone()));
    }
    if let Some(value) = given {
        return SecretSource::given(Zeroizing::new(value).as_bytes(), variable);
    }
    match in_url {
        Some(secret) => {
            tracing::warn!(
                "the URL contains the enrolment secret, which process lists and shell histories show; prefer --secret-file or {variable}"
            );
            SecretSource::given(secret.expose().as_bytes(), "the secret in the URL")
        }
        None => Ok(SecretSource::None),
    }
}
