//! `enroll` and `reenroll`: the Go client's command lines, carried out as `fabcert enroll` and `fabcert reenroll` are.

use std::time::Duration;

use tokio::time::Instant;

use super::caller::{ask, begun, certificate};
use super::custom::CustomFiles;
use super::folder;
use super::site::Site;
use crate::cli::process;
use crate::enroll::Outcome;
use crate::identity::{
    Authentication, CaAccess, ChannelRequest, Environment, FormGiven, KeyRequest, MspForm, Request, SecretSource,
    SignRequest, TlsFiles, TlsRequest,
};
use crate::msp::Layout;
use crate::pki::key::KeyAlgorithm;
use crate::pki::name::{NameRequest, NameSet};
use crate::proof::RoleRule;
use crate::{Error, ErrorKind};

/// The profile of TLS certificates.
const TLS: &str = "tls";

/// Enrols with the id and the secret in the URL.
///
/// # Errors
/// Those of an enrolment.
pub(super) fn enroll(site: &Site<'_>) -> Result<(), Error> {
    let settings = site.settings();
    let (url, id, secret) = site.url()?;
    let secret = match (&id, secret, settings.given("enrollment.secret")?) {
        (Some(_), Some(secret), _) => SecretSource::Given(secret),
        (None, _, Some(secret)) => SecretSource::given(secret.as_bytes(), "enrollment.secret")?,
        _ => SecretSource::None,
    };
    let Some(id) = id.map_or_else(|| settings.given("enrollment.name"), |id| Ok(Some(id)))? else {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("The URL of the fabric CA server is missing the enrollment ID and secret; found '{url}'"),
        )
        .with_help(format!("give it as https://<enrollmentID>:<secret>@{}:{}", url.host(), url.port())));
    };
    let access = site.access(id, secret)?;
    let key = KeyRequest::New(Some(algorithm(site)?));
    let request = request(site, access, key, Authentication::Secret)?;
    for key in ["enrollment.label", "csr.keyrequest.reusekey"] {
        if settings.given(key)?.is_some_and(|value| value != "false") {
            tracing::warn!("{key} has no effect on an enrolment");
        }
    }
    carry_out(site, &request, &CustomFiles::of(site)?)
}

/// Enrols again, with the certificate in the MSP folder as the credential.
///
/// # Errors
/// Those of a re-enrolment.
pub(super) fn reenroll(site: &Site<'_>) -> Result<(), Error> {
    let settings = site.settings();
    let id = certificate(site)?.common_name().unwrap_or_default().to_owned();
    let access = site.access(id, SecretSource::None)?;
    let mut custom = CustomFiles::of(site)?;
    let key = if settings.switch("csr.keyrequest.reusekey")? {
        custom.keep_key_file(site)?;
        KeyRequest::Current
    } else {
        KeyRequest::New(Some(algorithm(site)?))
    };
    custom.restore(site)?;
    let mut request = request(site, access, key, Authentication::Token { secret_if_expired: false })?;
    if request.attributes.take().is_some() {
        tracing::warn!(
            "attribute requests have no effect on reenroll, as in fabric-ca-client; fabcert reenroll has --attrs"
        );
    }
    carry_out(site, &request, &custom)
}

fn request(site: &Site<'_>, ca: CaAccess, key: KeyRequest, authentication: Authentication) -> Result<Request, Error> {
    let settings = site.settings();
    let profile = settings.given("enrollment.profile")?;
    let hosts = settings.list("csr.hosts")?;
    let mut names = names(&hosts)?;
    let is_tls = profile.as_deref() == Some(TLS);
    if is_tls && names.is_empty() {
        let host = settings.given("myhost")?.unwrap_or_else(|| site.process.host.clone());
        tracing::warn!(
            "csr.hosts names nothing, so the TLS certificate gets the host name {host}: clients accept it under no other name; give those that clients dial with --csr.hosts"
        );
        names = self::names(std::slice::from_ref(&host))?;
    }
    let is_default = !site.line.given.contains_key("csr.hosts") && hosts == [site.process.host.clone()];
    if is_tls && is_default {
        tracing::warn!(
            "the only name of the TLS certificate is the host name {}, by the configuration file: clients accept it under no other name; give those that clients dial with --csr.hosts",
            site.process.host
        );
    }
    for warning in names.warnings() {
        tracing::warn!("{warning}");
    }
    let target = site.msp.clone();
    let (mut sign, mut tls) = (None, None);
    if is_tls {
        let (profile, files) = (TLS.to_owned(), TlsFiles::MspShaped);
        tls = Some(TlsRequest { target, ca, names, profile, files, role: RoleRule::Any, due_at: None });
    } else {
        let msp = MspForm { layout: Layout::FabricCa, node_ous: false };
        sign = Some(SignRequest { target, ca, names, profile, msp, role: RoleRule::Any, due_at: None });
    }
    Ok(Request {
        sign,
        tls,
        subject: site.subject()?.0,
        attributes: site.attribute_requests()?,
        drop_sans: Vec::new(),
        key,
        new_tls_key: false,
        channels: ChannelRequest::default(),
        // Scripts that rename the key as cryptogen does expect the names of the Go client after the next enrolment too.
        given: FormGiven { layout: true, ..FormGiven::default() },
        key_mode: 0o600,
        group: None,
        force: false,
        replace: true,
        authentication,
        always: true,
        wait: None,
    })
}

/// The hosts of a request as names.
///
/// # Errors
/// When a certificate cannot hold one.
pub(super) fn names(hosts: &[String]) -> Result<NameSet, Error> {
    let request =
        NameRequest { sans: hosts, hostnames: &[], gateway_services: &[], namespace: None, cluster_domain: "" };
    NameSet::derive(&request).map_err(|e| Error::from(e).about("csr.hosts"))
}

/// The key that the settings ask for.
///
/// # Errors
/// When fabcert does not make such a key.
pub(super) fn algorithm(site: &Site<'_>) -> Result<KeyAlgorithm, Error> {
    let settings = site.settings();
    let (algorithm, bits) = (settings.text("csr.keyrequest.algo")?, settings.number("csr.keyrequest.size")?);
    match (algorithm.as_str(), bits) {
        ("" | "ecdsa", 0 | 256) => Ok(KeyAlgorithm::P256),
        ("" | "ecdsa", 384) => Ok(KeyAlgorithm::P384),
        _ => Err(Error::new(
            ErrorKind::Usage,
            format!("csr.keyrequest: fabcert makes no key \"{algorithm}\" of {bits} bits"),
        )
        .with_help(
            "set csr.keyrequest.algo to ecdsa, and csr.keyrequest.size to 256 or 384: Fabric's MSP takes no RSA keys",
        )),
    }
}

/// How long a run waits for another one in the same folder. Those of the Go client do not wait, and all of them end well.
const TURN: Duration = Duration::from_secs(120);

/// Enrols when no other run holds the folder.
async fn in_turn(request: &Request, environment: &Environment<'_>) -> Result<Outcome, Error> {
    let end = Instant::now() + TURN;
    loop {
        match crate::enroll::enroll(request, environment).await {
            Err(e) if e.kind() == ErrorKind::Locked && Instant::now() < end => {
                tracing::debug!("waiting for another run: {e}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            done => return done,
        }
    }
}

/// Carries out a request, and adds what the Go client has in the folder beside the identity.
fn carry_out(site: &Site<'_>, request: &Request, custom: &CustomFiles) -> Result<(), Error> {
    let disk = &site.process.disk;
    let environment = Environment::new(disk, &process::now);
    // The folders above it that are missing are closed as in the Go client.
    let is_new = disk.metadata_followed(&site.msp)?.is_none();
    folder::create(disk, &site.msp, 0o700)?;
    let done = process::runtime()?.block_on(process::until_signal(in_turn(request, &environment)));
    if done.is_err() && is_new && disk.read_dir(&site.msp)?.is_empty() {
        disk.remove_tree(&site.msp)?;
    }
    let outcome = done.map_err(begun)?;
    folder::create_all(disk, &site.msp)?;
    custom.place(site, &outcome)?;
    match ask(site, async |client| client.info().await) {
        Ok(info) => folder::store_issuer_keys(disk, &site.msp, &info)?,
        Err(e) => tracing::warn!("the Idemix keys of the CA are not stored: {e}"),
    }
    Ok(())
}
