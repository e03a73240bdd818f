//! `fabcert enroll`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use zeroize::Zeroizing;

use super::args::{
    CaArgs, KeyArgs, LayoutArg, NameArgs, OutputArgs, OutputForm, TargetArgs, TlsCaArgs, below_home, fabric_env,
    parse_duration,
};
use super::input::Missing;
use super::next::{Next, words};
use super::prompt::Prompt;
use super::{outcome, output, process};
use crate::ca::{AttrRequest, CaUrl};
use crate::disk::Disk;
use crate::enroll::{self, Action, Outcome};
use crate::identity::{CaAccess, Environment, MspForm, Request, SecretSource, SignRequest, TlsFiles, TlsRequest};
use crate::pki::name::NameSet;
use crate::proof::{Purpose, RoleRule};
use crate::{Error, ErrorKind, PemSource, Secret};

const EXAMPLES: &str = "\
Examples:
  Enrol the MSP and TLS folders of a peer, with every name that clients dial:
    fabcert enroll --url https://org1-ca --tls-ca ca.pem \\
        --id org1-peer1 --secret-file /run/secrets/enroll --role peer \\
        --hostname org1-peer1 --namespace fabric \\
        --gateway-service org1-peer-gateway-svc \\
        --msp-dir /var/hyperledger/peer/msp --tls-dir /var/hyperledger/peer/tls

  Take the names from your manifests:
    fabcert enroll --url https://org1-ca --tls-ca ca.pem \\
        --id org1-peer1 --secret-file /run/secrets/enroll --tls-dir tls \\
        --from-manifests k8s/ --workload org1-peer1 --set DOMAIN=example.com

  Run a line of fabric-ca-client, with only the name of the program changed:
    fabcert enroll --url https://org1-peer1:peerpw@org1-ca \\
        --tls.certfiles ca.pem --mspdir /var/hyperledger/peer/msp \\
        --csr.hosts org1-peer1,org1-peer-gateway-svc

  Print what would be done, without a request: add --dry-run.

A second run with the same arguments changes nothing, opens no connection and
exits with 0. Variables of the Go client (FABRIC_CA_CLIENT_URL, _MSPDIR,
_CSR_HOSTS, _TLS_CERTFILES, ...) are read for what neither a flag nor FABCERT_*
sets.";

/// Enrol an identity.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct EnrollArgs {
    #[command(flatten)]
    pub(super) ca: CaArgs,
    #[command(flatten)]
    tls_ca: TlsCaArgs,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// Signing profile at the CA, for one folder alone. With --msp-dir, the profile tls makes a TLS folder with the layout
    /// of the Go client
    #[arg(
        long,
        value_name = "PROFILE",
        env = "FABCERT_PROFILE",
        alias = "enrollment.profile",
        help_heading = "Request"
    )]
    profile: Option<String>,
    /// Attributes to request, NAME or NAME:opt, in place of the default attributes of the CA
    #[arg(
        long,
        value_name = "NAME[:opt]",
        value_delimiter = ',',
        env = "FABCERT_ATTRS",
        alias = "enrollment.attrs",
        help_heading = "Request"
    )]
    attrs: Vec<String>,
    /// Keep trying for this time while the CA cannot be reached. The same secret is sent again only after pauses of 10 s, 1 min, 10 min and 1 h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, env = "FABCERT_WAIT", help_heading = "Request")]
    wait: Option<Duration>,
    /// Enrol even if a good certificate is in place, or the CA refused or answered with something else before
    #[arg(long, env = "FABCERT_FORCE", help_heading = "Request")]
    force: bool,
    /// Print the names with their reasons and the files with their modes. Sends no request and writes nothing
    #[arg(long, env = "FABCERT_DRY_RUN", help_heading = "Request")]
    dry_run: bool,
    /// --csr.cn of the Go client, whose enroll command ignores it as well
    #[arg(long = "csr.cn", hide = true)]
    csr_cn: Option<String>,
    /// --myhost of the Go client, which only affects its configuration file
    #[arg(short = 'm', long = "myhost", hide = true)]
    myhost: Option<String>,
    /// --enrollment.type of the Go client; only x509
    #[arg(long = "enrollment.type", hide = true, value_parser = ["x509"])]
    enrollment_type: Option<String>,
    /// --loglevel of the Go client, without effect
    #[arg(long = "loglevel", hide = true)]
    loglevel: Option<String>,
}

pub(super) fn run(mut args: EnrollArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let form = output.output;
    let env = |name: &str| std::env::var(name).ok();
    complete(&mut args, &env);
    let prompt = Prompt::on_a_terminal(output);
    if let Some(prompt) = prompt {
        ask(&mut args, prompt)?;
    }
    let dry_run = args.dry_run;
    let gateways = args.names.gateway_service.clone();
    let disk = Disk::real().with_patience(args.ca.timeout);
    let mut request = checked_request(args, &env)?;
    let environment = Environment { disk: &disk, now: &process::now };
    if let Some(prompt) =
        prompt.filter(|_| !dry_run && accesses(&mut request).any(|ca| matches!(ca.secret, SecretSource::None)))
    {
        let plan = enroll::plan(&request, &environment)?;
        if plan.certificates.iter().any(|c| c.reason.is_some()) {
            let secret = prompt.secret(&format!("Enrolment secret of {}", plan.id))?;
            for ca in accesses(&mut request).filter(|ca| matches!(ca.secret, SecretSource::None)) {
                ca.secret = SecretSource::Given(secret.clone());
            }
        }
    }
    if dry_run {
        let plan = enroll::plan(&request, &environment)?;
        match form {
            OutputForm::Json => output::print_json(&plan)?,
            OutputForm::Human => output::page(&plan.to_string())?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let outcome = process::runtime()?.block_on(process::until_signal(enroll::enroll(&request, &environment)))?;
    match form {
        OutputForm::Json => output::print_json(&outcome)?,
        OutputForm::Human => output::print(&outcome::page(&outcome, process::now()))?,
    }
    if outcome.action == Action::Enrolled {
        audit_next(&outcome, &gateways).print(output);
    }
    Ok(ExitCode::SUCCESS)
}

/// The audit of the folders of an identity, for the names that clients dial.
pub(super) fn audit_next(outcome: &Outcome, gateways: &[String]) -> Next {
    let folders = outcome.identity.msp_dir.iter().chain(&outcome.identity.tls_dir);
    let mut line = words(&["fabcert", "audit"]);
    line.extend(folders.map(|folder| folder.display().to_string()));
    if outcome.identity.tls_dir.is_some() && !gateways.is_empty() {
        line.extend(["--gateway-service".to_owned(), gateways.join(",")]);
    }
    let mut next = Next::default();
    next.step("see what Fabric and clients make of the folders", &line);
    next
}

/// The CAs of a request.
fn accesses(request: &mut Request) -> impl Iterator<Item = &mut CaAccess> {
    let tls = request.tls.as_mut().map(|tls| &mut tls.ca);
    request.sign.as_mut().map(|sign| &mut sign.ca).into_iter().chain(tls)
}

/// Asks for what is missing, in the order in which a person has it at hand. Empty answers leave it missing.
fn ask(args: &mut EnrollArgs, prompt: Prompt) -> Result<(), Error> {
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
    if args.ca.tls_ca.is_empty() && !is_plaintext {
        args.ca.tls_ca.extend(path(prompt.line("PEM file with the CA certificates to trust", "ca.pem")?));
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

/// Whether a URL is plain HTTP, and whether it contains an enrolment id. A URL that does not parse is reported later.
fn url_parts(url: &str) -> (bool, bool) {
    CaUrl::parse(url).map_or((false, true), |(url, id, _)| (url.is_plaintext(), id.is_some()))
}

/// Everything that an enrolment needs and the arguments do not hold. A missing secret alone is reported when it is needed:
/// a run with nothing to do needs none.
fn missing(args: &EnrollArgs, env: fabric_env::Lookup<'_>) -> Missing {
    let mut missing = Missing::of("enroll");
    let EnrollArgs { ca, tls_ca, names, target, .. } = args;
    let (is_plaintext, has_id) = ca.url.as_deref().map_or((false, false), url_parts);
    if ca.url.is_none() {
        missing.add(&["url"]);
    }
    if ca.id.is_none() && !has_id {
        missing.add(&["id"]);
    }
    if ca.tls_ca.is_empty() && !is_plaintext && !ca.plaintext {
        missing.add(&["tls-ca"]);
    }
    let needs_tls_anchors = tls_ca.tls_url.as_deref().is_some_and(|url| !url_parts(url).0);
    if needs_tls_anchors && tls_ca.tls_url_ca.is_empty() && ca.tls_ca.is_empty() {
        missing.add(&["tls-url-ca"]);
    }
    if target.folders() == (None, None) {
        missing.add(&["msp-dir", "tls-dir"]);
    }
    if target.tls_dir.is_some() && !names.has_some() {
        missing.add(&["san", "hostname", "gateway-service", "from-manifests"]);
    }
    let in_url = |url: &str| CaUrl::parse(url).map_or(true, |(_, _, secret)| secret.is_some());
    let has_secret = ca.secret_file.is_some()
        || env("FABCERT_SECRET").is_some_and(|secret| !secret.is_empty())
        || ca.url.as_deref().is_some_and(in_url);
    if missing.is_something() && !has_secret {
        missing.add(&["secret-file"]);
    }
    missing
}

/// Takes what no argument gives from the variables of the Go client.
pub(super) fn complete(args: &mut EnrollArgs, env: fabric_env::Lookup<'_>) {
    let EnrollArgs { ca, names, target, key, profile, attrs, .. } = args;
    fabric_env::apply(env, ca, names, target, key, profile, attrs);
}

/// The request that the arguments describe, if they hold all that it needs.
pub(super) fn checked_request(args: EnrollArgs, env: fabric_env::Lookup<'_>) -> Result<Request, Error> {
    missing(&args, env).check()?;
    request(args, env)
}

/// The request that the arguments describe. Reads standard input if it holds the secret, and manifests, but no other file.
fn request(args: EnrollArgs, env: fabric_env::Lookup<'_>) -> Result<Request, Error> {
    let EnrollArgs { ca, tls_ca, names, target, key, profile, attrs, wait, force, .. } = args;
    let home = target.home.as_deref();
    let (msp_dir, tls_dir) = target.folders();
    if let (Some(a), Some(b)) = (&msp_dir, &tls_dir)
        && (a == b || a.starts_with(b) || b.starts_with(a))
    {
        return Err(Error::new(
            ErrorKind::Usage,
            "--msp-dir and --tls-dir must be two folders, and neither may be inside the other",
        ));
    }
    let both = msp_dir.is_some() && tls_dir.is_some();
    // The Go client does the same with the profile tls.
    let msp_shaped =
        !both && profile.as_deref() == Some("tls") && target.layout.unwrap_or_default() == LayoutArg::FabricCa;
    let name_set = names.name_set(tls_dir.is_some() || msp_shaped)?;
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
        given: target.given(),
        key_mode: target.key_access().mode,
        group: target.group,
        force,
        wait,
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

fn access(ca: &CaArgs, home: Option<&std::path::Path>, env: fabric_env::Lookup<'_>) -> Result<CaAccess, Error> {
    let text = ca.url.as_deref().ok_or_else(|| {
        Error::new(ErrorKind::Usage, "expected the URL of the CA")
            .with_help("give --url https://ID@HOST[:PORT], or set FABCERT_URL or FABRIC_CA_CLIENT_URL")
    })?;
    let (url, url_id, url_secret) = parse_url(text, ca.plaintext)?;
    let id = ca.id.clone().or(url_id).ok_or_else(|| {
        Error::new(ErrorKind::Usage, "expected an enrolment id")
            .with_help("give --id ID, or add it to the URL: https://ID@HOST")
    })?;
    let anchors: Vec<PemSource> = ca.tls_ca.iter().map(|p| below_home(home, p).into()).collect();
    anchors_needed(&url, &anchors, "--tls-ca")?;
    Ok(CaAccess {
        secret: secret(ca.secret_file.as_ref(), "FABCERT_SECRET", env, url_secret)?,
        url,
        id,
        ca_name: ca.ca_name.clone().filter(|n| !n.is_empty()),
        anchors,
        client_identity: client_identity(ca)?,
        proxy: ca.proxy.clone().map(Secret::new),
        plaintext: ca.plaintext,
        connect_timeout: ca.connect_timeout,
        timeout: ca.timeout,
    })
}

/// Access to the TLS CA: its own flags, and those of the first CA for the rest.
fn tls_access(
    ca: &CaArgs,
    tls: &TlsCaArgs,
    first: &CaAccess,
    home: Option<&std::path::Path>,
    env: fabric_env::Lookup<'_>,
) -> Result<CaAccess, Error> {
    let mut access = first.clone();
    let mut url_secret = None;
    if let Some(text) = &tls.tls_url {
        let (url, id, secret) = parse_url(text, ca.plaintext)?;
        access.url = url;
        access.ca_name = None;
        if let Some(id) = id {
            access.id = id;
        }
        url_secret = secret;
        if !tls.tls_url_ca.is_empty() {
            access.anchors = tls.tls_url_ca.iter().map(|p| below_home(home, p).into()).collect();
        }
        anchors_needed(&access.url, &access.anchors, "--tls-url-ca")?;
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

fn parse_url(text: &str, plaintext: bool) -> Result<(CaUrl, Option<String>, Option<Secret>), Error> {
    let parts = CaUrl::parse(text)?;
    if parts.0.is_plaintext() && !plaintext {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("{} is plain HTTP: the secret would cross the network unencrypted", parts.0),
        )
        .with_help("use https://, or allow plain HTTP with --plaintext"));
    }
    if parts.1.is_none() && parts.2.is_some() {
        return Err(Error::new(ErrorKind::Usage, "the URL contains a secret but no enrolment id"));
    }
    Ok(parts)
}

fn anchors_needed(url: &CaUrl, anchors: &[PemSource], flag: &str) -> Result<(), Error> {
    if url.is_plaintext() || !anchors.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Usage, format!("no certificate to trust for {url}: {flag} is missing")).with_help(
        "give a PEM file with the root, an intermediate, or the certificate of the server; the system's trust store is not used",
    ))
}

/// Where the secret comes from: the file, else the environment, else the URL.
fn secret(
    file: Option<&PathBuf>,
    variable: &str,
    env: fabric_env::Lookup<'_>,
    in_url: Option<Secret>,
) -> Result<SecretSource, Error> {
    if let Some(path) = file {
        if path.as_os_str() == "-" {
            return SecretSource::given(&process::read_stdin()?, "standard input");
        }
        return Ok(SecretSource::File(path.clone()));
    }
    if let Some(value) = env(variable).filter(|v| !v.is_empty()) {
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

pub(super) fn client_identity(ca: &CaArgs) -> Result<Option<(PemSource, PemSource)>, Error> {
    match (&ca.tls_client_cert, &ca.tls_client_key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some((cert.clone().into(), key.clone().into()))),
        _ => Err(Error::new(ErrorKind::Usage, "--tls-client-cert and --tls-client-key need each other")),
    }
}
