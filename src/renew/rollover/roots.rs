//! The new roots of a rollover, and the roots that they replace.

use super::table::Replaced;
use crate::identity::credential::issuing_root;
use crate::identity::held::Held;
use crate::identity::overlap;
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
    /// All CAs in the folders, and those of the rollover.
    pub(super) known: Vec<Cert>,
}

impl Roots {
    /// The pairs and the new roots by fingerprint.
    pub(super) fn named(&self) -> (Vec<Replaced>, Vec<String>) {
        let named =
            |pair: &Pair| Replaced { old: fingerprint(&pair.old), new: pair.new_roots().map(fingerprint).collect() };
        let new = self.new.iter().filter(|ca| ca.is_self_signed());
        (self.pairs.iter().map(named).collect(), new.map(fingerprint).collect())
    }

    /// The root of the certificate in a folder, also where the folder itself has no complete chain.
    pub(super) fn root_of_leaf(&self, held: &Held) -> Option<Cert> {
        let chain = || Chain::build(&held.leaf, &self.known, held.leaf.not_before()).ok();
        held.root().cloned().or_else(|| Some(chain()?.root))
    }
}

/// The roots of the rollover: what is given, and what an earlier run noted in the folders; without both, the CAs are asked.
///
/// # Errors
/// When a root cannot be used, no root is replaced, or it is not clear which.
pub(super) fn roots(
    given: &RootsGiven,
    all: &[Found],
    options: &Options,
    env: &Environment<'_>,
) -> Result<Roots, Error> {
    let folders = || all.iter().flat_map(Found::folders);
    let noted = folders().flat_map(|held| &held.overlap.replaced);
    let mut replaced: Vec<overlap::Replaced> = Vec::new();
    noted.for_each(|pair| insert(&mut replaced, pair.clone()));
    let old = if given.old.is_empty() { Vec::new() } else { read(&given.old, env)? };
    let old: Vec<Cert> = old.into_iter().filter(Cert::is_self_signed).collect();
    let in_use = distinct(folders().filter_map(Held::root));
    let mut new = if given.new.is_empty() { Vec::new() } else { read(&given.new, env)? };
    let is_replaced = |root: &&Cert| old.contains(root) || replaced.iter().any(|pair| pair.old == **root);
    if let Some(root) = new.iter().find(is_replaced) {
        let message = format!("--new-root has \"{}\", which is a root to replace", root.subject());
        return Err(Error::new(ErrorKind::Input, message).with_help("give the new root and its intermediates alone"));
    }
    let asked = if new.is_empty() && replaced.is_empty() { asked(all, options, env)? } else { Vec::new() };
    new.extend(asked.iter().flat_map(|asked| &asked.cas).filter(|ca| !old.contains(ca)).cloned());
    new = distinct(new.iter());
    let mut unpaired = Vec::new();
    let roots = || new.iter().filter(|ca| ca.is_self_signed());
    let is_alone = roots().count() == 1 && !old.is_empty();
    for root in roots() {
        if !is_alone && replaced.iter().any(|pair| pair.new == *root) {
            continue;
        }
        let found = replaced_by(root, &new, &old, &in_use, &replaced)?;
        unpaired.extend(Some(root.clone()).filter(|_| found.is_empty()));
        for old in found {
            insert(&mut replaced, overlap::Replaced { old, new: root.clone() });
        }
    }
    if !asked.is_empty() {
        let pool = new.clone();
        new.retain(|ca| root_of(ca, &pool).is_some_and(|root| !unpaired.contains(root)));
        if new.is_empty() {
            let message = "no root is replaced: the CA issues with the root of the current certificates:";
            return Err(Error::new(ErrorKind::Input, message)
                .with_items(asked.iter().map(|asked| format!("{}: \"{}\"", asked.url, asked.root.subject())))
                .with_help("start the CA with its new root first, or give the new root with --new-root FILE"));
        }
    } else if let Some(root) = unpaired.iter().find(|root| !in_use.contains(root)) {
        let message = format!("no root is replaced by \"{}\"; the roots of the current certificates:", root.subject());
        return Err(Error::new(ErrorKind::Input, message)
            .with_items(in_use.iter().map(|root| {
                let given = if new.contains(root) { ", which --new-root has too" } else { "" };
                format!("\"{}\"{given}", root.subject())
            }))
            .with_help("give only new roots with --new-root, and with --old-root FILE the root that is replaced"));
    }
    let held = distinct(folders().flat_map(|held| held.cas.iter().chain(&held.tls_cas).chain(held.root())));
    new.iter().try_for_each(|ca| check(ca, &held, (env.now)()))?;
    let noted = folders().flat_map(|held| held.overlap.cas.iter().chain(&held.overlap.tls_cas));
    let noted = distinct(noted.chain(replaced.iter().map(|pair| &pair.new)));
    let is_below_new = |ca: &&Cert| root_of(ca, &noted).is_some_and(|root| replaced.iter().any(|p| p.new == *root));
    let new = distinct(new.iter().chain(noted.iter().filter(is_below_new)));
    let mut pairs: Vec<Pair> = Vec::new();
    for overlap::Replaced { old, new: root } in &replaced {
        let cas = new.iter().filter(|ca| root_of(ca, &new) == Some(root)).cloned();
        match pairs.iter_mut().find(|pair| pair.old == *old) {
            Some(pair) => pair.new.extend(cas),
            None => pairs.push(Pair { old: old.clone(), new: cas.collect() }),
        }
    }
    let known = distinct(held.iter().chain(&new).chain(pairs.iter().map(|pair| &pair.old)));
    Ok(Roots { pairs, new, known })
}

fn insert(all: &mut Vec<overlap::Replaced>, pair: overlap::Replaced) {
    if !all.contains(&pair) {
        all.push(pair);
    }
}

/// The roots that `root` replaces. Of given ones: all, or, if as many new roots are given, the one of the same name or position.
/// Of those in use: that of the same name, or the only one that no other new root replaces.
fn replaced_by(
    root: &Cert,
    new: &[Cert],
    old: &[Cert],
    in_use: &[Cert],
    noted: &[overlap::Replaced],
) -> Result<Vec<Cert>, Error> {
    let new: Vec<&Cert> = new.iter().filter(|ca| ca.is_self_signed()).collect();
    let is_namesake = |old: &&Cert| old.subject_raw() == root.subject_raw();
    let is_clear = |old: &&Cert| !new.iter().any(|new| new.subject_raw() == old.subject_raw());
    let named = |all: &[Cert]| all.iter().filter(is_namesake).cloned().collect::<Vec<Cert>>();
    if new.len() == 1 || old.len() == 1 {
        if !old.is_empty() {
            return Ok(old.to_vec());
        }
    } else if !old.is_empty() {
        let at = new.iter().position(|ca| *ca == root).filter(|_| new.len() == old.len());
        return match (named(old), at.and_then(|at| old.get(at))) {
            (namesakes, _) if !namesakes.is_empty() => Ok(namesakes),
            (_, Some(old)) => Ok(vec![old.clone()]),
            _ => Err(unclear(root, old)),
        };
    }
    let is_left = |old: &&Cert| !new.contains(old) && noted.iter().all(|pair| pair.old != **old && pair.new != **old);
    let left: Vec<Cert> = in_use.iter().filter(is_left).cloned().collect();
    let namesakes = named(&left);
    if !namesakes.is_empty() {
        return Ok(namesakes);
    }
    let left: Vec<Cert> = left.iter().filter(is_clear).cloned().collect();
    if left.len() < 2 { Ok(left) } else { Err(unclear(root, &left)) }
}

fn unclear(root: &Cert, old: &[Cert]) -> Error {
    let message = format!("the new root \"{}\" could replace each of several roots:", root.subject());
    Error::new(ErrorKind::Input, message)
        .with_items(old.iter().map(|old| format!("\"{}\"", old.subject())))
        .with_help("give the root that it replaces with --old-root FILE; of several, in the order of --new-root")
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

/// The root of a CA in `pool`; of a root, itself.
pub(super) fn root_of<'a>(ca: &'a Cert, pool: &'a [Cert]) -> Option<&'a Cert> {
    if ca.is_self_signed() {
        return Some(ca);
    }
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

/// The root of the certificate that a CA issues with, and the CAs below it.
fn issuer(ca: &CaAccess, env: &Environment<'_>) -> Result<(Cert, Vec<Cert>), Error> {
    if ca.url.is_plaintext() {
        let message = format!("the answer of {} over plain HTTP does not prove a root", ca.url);
        return Err(Error::new(ErrorKind::Usage, message).with_help("give the new root with --new-root FILE"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::new(ErrorKind::Io, "cannot start the runtime").with_source(e))?;
    let client = ca.client(env.disk)?.build()?;
    let info = runtime.block_on(client.info()).map_err(|e| ca.explain(e))?;
    issuing_root(&info, ca).map_err(|e| e.with_help("give the new root with --new-root FILE"))
}

/// What a CA issues with.
struct Asked {
    url: String,
    ca_name: Option<String>,
    root: Cert,
    /// The root and the CAs below it.
    cas: Vec<Cert>,
}

/// What the given CA issues with now, or else those of all folders. A folder whose CA is not known is left out, unless there is
/// no other.
fn asked(all: &[Found], options: &Options, env: &Environment<'_>) -> Result<Vec<Asked>, Error> {
    let mut found: Vec<Asked> = Vec::new();
    if let Some(ca) = &options.ca {
        ask(&mut found, ca, env)?;
        return Ok(found);
    }
    let mut unknown = None;
    for held in all.iter().flat_map(Found::folders) {
        match access(held, options, env) {
            Ok(ca) => {
                ask(&mut found, &ca, env)?;
            }
            Err(e) => {
                tracing::warn!("{e}");
                unknown.get_or_insert(e);
            }
        }
    }
    unknown.filter(|_| found.is_empty()).map_or(Ok(found), Err)
}

/// What a CA issues with, asked once.
fn ask<'a>(found: &'a mut Vec<Asked>, ca: &CaAccess, env: &Environment<'_>) -> Result<&'a Asked, Error> {
    let url = ca.url.to_string();
    let at = found.iter().position(|known| known.url == url && known.ca_name == ca.ca_name);
    let at = if let Some(at) = at {
        at
    } else {
        let (root, below) = issuer(ca, env)?;
        let cas = [std::slice::from_ref(&root), &below].concat();
        found.push(Asked { url, ca_name: ca.ca_name.clone(), root, cas });
        found.len() - 1
    };
    Ok(&found[at])
}

/// The CAs of identities whose certificates are to be issued again.
#[derive(Default)]
pub(super) struct Issuers(Vec<Asked>);

impl Issuers {
    /// Checks that the CA of a folder issues with a root that replaces that of its certificate.
    ///
    /// # Errors
    /// When it does not, is not known, or cannot be asked.
    pub(super) fn check(
        &mut self,
        held: &Held,
        pairs: &[Pair],
        options: &Options,
        env: &Environment<'_>,
    ) -> Result<(), Error> {
        let ca = access(held, options, env)?;
        let Some(pair) = pairs.iter().find(|pair| held.root() == Some(&pair.old)) else { return Ok(()) };
        // What is answered over plain HTTP does not prove a root; the new certificate does.
        if ca.url.is_plaintext() {
            return Ok(());
        }
        let asked = ask(&mut self.0, &ca, env)?;
        if pair.new.contains(&asked.root) {
            return Ok(());
        }
        let (root, which) = (
            asked.root.subject(),
            if pair.old == asked.root { "still issues with the old" } else { "issues with another" },
        );
        let new: Vec<String> = pair.new_roots().map(|new| format!("\"{}\"", new.subject())).collect();
        let message = format!(
            "{} {which} root \"{root}\", not with {}; no certificate was requested",
            asked.url,
            new.join(" or ")
        );
        Err(Error::new(ErrorKind::Input, message)
            .with_help("start the CA with its new root first, or give the new CA with --url and --tls-ca"))
    }
}

/// The pairs of which the folder trusts the old root, for its own certificate and in `tlscacerts`.
pub(super) fn concerned<'a>(held: &Held, pairs: &'a [Pair]) -> [Vec<&'a Pair>; 2] {
    let own = pairs.iter().filter(|pair| held.cas.contains(&pair.old) || held.root() == Some(&pair.old));
    [own.collect(), pairs.iter().filter(|pair| held.tls_cas.contains(&pair.old)).collect()]
}
