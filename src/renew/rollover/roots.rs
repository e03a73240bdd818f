//! The new roots of a rollover, and the roots that they replace.

use super::table::Replaced;
use crate::ca::CaInfo;
use crate::identity::credential::own_certificates;
use crate::identity::held::Held;
use crate::identity::{CaAccess, Environment};
use crate::msp::sha256_hex;
use crate::pki::x509::{Cert, Chain};
use crate::renew::found::Found;
use crate::renew::pass::{Options, access};
use crate::{Error, ErrorKind, PemSource, Timestamp};

/// The largest file of roots, in bytes.
const LIMIT: usize = 4 * 1024 * 1024;

/// The roots that a rollover is given. PEM, one or many certificates each.
#[derive(Debug, Default)]
pub(crate) struct RootsGiven {
    /// The new roots and their intermediates; none: those of the CA.
    pub(crate) new: Vec<PemSource>,
    /// The roots that they replace; none: the roots of the same name, or else the only one.
    pub(crate) old: Vec<PemSource>,
}

/// An old root, and what replaces it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) old: Cert,
    /// Roots and intermediates.
    pub(super) new: Vec<Cert>,
}

impl Pair {
    pub(super) fn new_roots(&self) -> impl Iterator<Item = &Cert> {
        self.new.iter().filter(|ca| ca.is_self_signed())
    }
}

pub(super) fn fingerprint(cert: &Cert) -> String {
    sha256_hex(cert.der())
}

/// The roots of a rollover.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) pairs: Vec<Pair>,
    /// The new roots and their intermediates.
    pub(super) new: Vec<Cert>,
}

impl Roots {
    /// The pairs and the new roots by fingerprint.
    pub(super) fn named(&self) -> (Vec<Replaced>, Vec<String>) {
        let named =
            |pair: &Pair| Replaced { old: fingerprint(&pair.old), new: pair.new_roots().map(fingerprint).collect() };
        let new = self.new.iter().filter(|ca| ca.is_self_signed());
        (self.pairs.iter().map(named).collect(), new.map(fingerprint).collect())
    }
}

/// The roots of the rollover. What an earlier run noted in the folders counts where nothing is given; without a note the CA is
/// asked.
///
/// # Errors
/// When a root cannot be used, or it is not clear which root is replaced.
pub(super) fn roots(
    given: &RootsGiven,
    all: &[Found],
    options: &Options,
    env: &Environment<'_>,
) -> Result<Roots, Error> {
    let folders = || all.iter().flat_map(Found::folders);
    let noted = distinct(folders().flat_map(|held| &held.overlap.new_roots));
    let new = if !given.new.is_empty() {
        read(&given.new, env)?
    } else if noted.is_empty() {
        asked(all, options, env)?
    } else {
        let cas = distinct(folders().flat_map(|held| held.overlap.cas.iter().chain(&held.overlap.tls_cas)));
        let below = cas.into_iter().filter(|ca| root_of(ca, &noted).is_some_and(|root| noted.contains(root)));
        distinct(below.collect::<Vec<Cert>>().iter().chain(&noted))
    };
    let known = distinct(folders().flat_map(|held| held.cas.iter().chain(&held.tls_cas).chain(&held.root)));
    new.iter().try_for_each(|ca| check(ca, &known, (env.now)()))?;
    let is_new = |root: &&Cert| new.contains(*root);
    let noted = distinct(folders().flat_map(|held| &held.overlap.old_roots).filter(|root| !is_new(root)));
    let held = folders().filter_map(|held| held.root.as_ref());
    let candidates = match &given.old[..] {
        [] => distinct(held.filter(|root| !is_new(root)).chain(&noted)),
        old => read(old, env)?.into_iter().filter(Cert::is_self_signed).collect(),
    };
    let mut pairs: Vec<Pair> = candidates.iter().map(|old| Pair { old: old.clone(), new: Vec::new() }).collect();
    for root in new.iter().filter(|ca| ca.is_self_signed()) {
        let is_namesake = |old: &Cert| old.subject_raw() == root.subject_raw();
        let has_namesake = candidates.iter().any(is_namesake) && given.old.is_empty();
        let is_clear = has_namesake || candidates.len() < 2 || !given.old.is_empty();
        if !is_clear && noted.is_empty() {
            let list = candidates.iter().map(|old| format!("\"{}\"", old.subject()));
            return Err(Error::new(
                ErrorKind::Input,
                format!("the new root \"{}\" could replace each of several roots:", root.subject()),
            )
            .with_items(list)
            .with_help("give the root that it replaces with --old-root FILE"));
        }
        for pair in &mut pairs {
            if has_namesake && !is_namesake(&pair.old) || !is_clear && !noted.contains(&pair.old) {
                continue;
            }
            pair.new.push(root.clone());
            pair.new.extend(new.iter().filter(|ca| !ca.is_self_signed() && root_of(ca, &new) == Some(root)).cloned());
        }
    }
    pairs.retain(|pair| !pair.new.is_empty());
    Ok(Roots { pairs, new })
}

/// Each certificate once.
pub(super) fn distinct<'a>(certs: impl Iterator<Item = &'a Cert>) -> Vec<Cert> {
    let mut found: Vec<Cert> = Vec::new();
    for cert in certs {
        if !found.contains(cert) {
            found.push(cert.clone());
        }
    }
    found
}

/// The root of a CA in `pool`.
pub(super) fn root_of<'a>(ca: &Cert, pool: &'a [Cert]) -> Option<&'a Cert> {
    let root = Chain::build(ca, pool, ca.not_before()).ok()?.root;
    pool.iter().find(|held| **held == root)
}

fn read(sources: &[PemSource], env: &Environment<'_>) -> Result<Vec<Cert>, Error> {
    let mut certs = Vec::new();
    for source in sources {
        let found = Cert::all_from_pem(&source.read(env.disk, LIMIT)?)
            .map_err(|e| Error::new(ErrorKind::Input, format!("{}: {e}", source.origin())))?;
        certs.extend(found);
    }
    if !certs.iter().any(Cert::is_self_signed) {
        let files: Vec<String> = sources.iter().map(PemSource::origin).collect();
        return Err(Error::new(ErrorKind::Input, format!("no root CA in {}", files.join(", ")))
            .with_help("give the self-signed certificate of the root CA, and its intermediates if it has some"));
    }
    Ok(distinct(certs.iter()))
}

/// Checks that a new CA can be trusted beside those that the folders trust already.
fn check(ca: &Cert, known: &[Cert], now: Timestamp) -> Result<(), Error> {
    let subject = ca.subject();
    let refuse = |why: String, help: &str| Err(Error::new(ErrorKind::Input, why).with_help(help.to_owned()));
    if !ca.is_ca() || ca.key_usage().is_some_and(|usage| !usage.key_cert_sign) {
        return refuse(format!("\"{subject}\" is not a CA"), "give the certificate of the new root CA");
    }
    if ca.not_after() <= now {
        return refuse(
            format!("the new CA \"{subject}\" expired at {}", ca.not_after()),
            "give a root that is valid for years",
        );
    }
    if ca.not_before() > now {
        return refuse(
            format!("the new CA \"{subject}\" is not valid before {}", ca.not_before()),
            "wait until then, or set the clock of this machine",
        );
    }
    let is_renewed = |old: &Cert| old != ca && old.subject_raw() == ca.subject_raw() && old.spki_der() == ca.spki_der();
    if known.iter().any(is_renewed) {
        return refuse(
            format!("\"{subject}\" has the name and the key of a CA that is trusted already"),
            "beside each other, they give a certificate two chains, and Fabric then refuses the MSP: create the new CA with a new key",
        );
    }
    Ok(())
}

/// The CAs that the certificates of `all` come from, each once.
fn cas(all: &[Found], options: &Options, env: &Environment<'_>) -> Result<Vec<CaAccess>, Error> {
    let mut found: Vec<CaAccess> = Vec::new();
    for held in all.iter().flat_map(Found::folders) {
        let ca = access(held, options, env)?;
        if !found.iter().any(|known| known.url == ca.url && known.ca_name == ca.ca_name) {
            found.push(ca);
        }
    }
    Ok(found)
}

/// The root of the certificate that a CA issues with, and the CAs below it.
fn issuer(ca: &CaAccess, env: &Environment<'_>) -> Result<(Cert, Vec<Cert>), Error> {
    if ca.url.is_plaintext() {
        let message = format!("the answer of {} over plain HTTP does not prove a root", ca.url);
        return Err(Error::new(ErrorKind::Usage, message).with_help("give the new root with --new-root FILE"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::new(ErrorKind::Io, "cannot start the runtime").with_source(e))?;
    let client = ca.client(env.disk)?.build()?;
    let info: CaInfo = runtime.block_on(client.info()).map_err(|e| ca.explain(e))?;
    let (own, _) = own_certificates(&info, ca)?;
    if own.is_self_signed() {
        return Ok((own, Vec::new()));
    }
    let chain = Cert::all_from_pem(&info.chain_pem).unwrap_or_default();
    let chain = Chain::build(&own, &chain, own.not_before()).map_err(|e| {
        Error::new(ErrorKind::NotAsAsked, format!("{}: the chain of the CA cannot be used: {e}", ca.url))
            .with_help("give the new root with --new-root FILE")
    })?;
    Ok((chain.root, [&[chain.leaf][..], &chain.intermediates].concat()))
}

/// The roots that the CAs issue with now, and their intermediates.
fn asked(all: &[Found], options: &Options, env: &Environment<'_>) -> Result<Vec<Cert>, Error> {
    let mut found = Vec::new();
    for ca in cas(all, options, env)? {
        let (root, below) = issuer(&ca, env)?;
        found.push(root);
        found.extend(below);
    }
    Ok(distinct(found.iter()))
}

/// Checks that the CAs of `all`, whose certificates are to be issued again, issue with a new root.
///
/// # Errors
/// Names the CA that does not.
pub(super) fn check_issuers(
    all: &[Found],
    pairs: &[Pair],
    options: &Options,
    env: &Environment<'_>,
) -> Result<(), Error> {
    for ca in cas(all, options, env)?.iter().filter(|ca| !ca.url.is_plaintext()) {
        let (root, _) = issuer(ca, env)?;
        if pairs.iter().any(|pair| pair.old == root) {
            return Err(Error::new(
                ErrorKind::Input,
                format!(
                    "{} still issues with the old root \"{}\"; no certificate was requested",
                    ca.url,
                    root.subject()
                ),
            )
            .with_help("start the CA with its new root first, or give the new CA with --url and --tls-ca"));
        }
    }
    Ok(())
}

/// The pairs of which the folder trusts the old root, for its own certificate and in `tlscacerts`.
pub(super) fn concerned<'a>(held: &Held, pairs: &'a [Pair]) -> [Vec<&'a Pair>; 2] {
    let own = pairs.iter().filter(|pair| held.cas.contains(&pair.old) || held.root.as_ref() == Some(&pair.old));
    [own.collect(), pairs.iter().filter(|pair| held.tls_cas.contains(&pair.old)).collect()]
}
