//! The identity in a folder, and how it was requested: what an enrolment is given and a renewal is not.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::overlap::Overlap;
use super::request::{Request, TlsFiles};
use super::state::history::{self, History};
use super::state::record::{self, Record};
use crate::disk::{Disk, DiskFolder};
use crate::install::Place;
use crate::msp::{CurrentMsp, CurrentTls, ReadOnce, TlsNames, chain_among};
use crate::pki::x509::{Cert, Chain};
use crate::{Error, ErrorKind, Timestamp};

/// The form of a folder that holds a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldForm {
    Msp,
    Tls(TlsFiles),
}

/// The identity in a folder.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) target: PathBuf,
    pub(crate) form: HeldForm,
    pub(crate) leaf: Cert,
    /// The CAs among which its chain is looked for, and the chain once it was needed.
    pool: Vec<Cert>,
    chain: OnceLock<Option<Chain>>,
    /// The CAs that the folder trusts for its own certificate: `cacerts` and `intermediatecerts`, or those of `ca.crt`.
    pub(crate) cas: Vec<Cert>,
    /// Those of `tlscacerts` and `tlsintermediatecerts` in an MSP folder.
    pub(crate) tls_cas: Vec<Cert>,
    /// What is remembered of a root that is being replaced.
    pub(crate) overlap: Overlap,
    /// The record of this certificate.
    pub(crate) record: Option<Record>,
    /// When it was installed, by the note that is written before: a run may be killed before it writes the record.
    installed_at: Option<Timestamp>,
}

impl Held {
    /// Reads the folder; `None` if it holds no certificate.
    ///
    /// # Errors
    /// When the folder cannot be looked into.
    pub(crate) fn read(target: &Path, disk: &Disk) -> Result<Option<Self>, Error> {
        let place = Place::of(disk, target)?;
        let folder = DiskFolder::new(disk, place.target());
        let folder = ReadOnce::new(&folder);
        let msp = CurrentMsp::read_certificates(&folder);
        let both =
            |roots: &[Cert], intermediates: &[Cert]| ([roots, intermediates].concat(), [intermediates, roots].concat());
        let (cas, pool) = both(&msp.roots, &msp.intermediates);
        let (tls_cas, tls_pool) = both(&msp.tls_roots, &msp.tls_intermediates);
        let is_shaped = cas.is_empty() && !tls_cas.is_empty();
        let three = |names| {
            let tls = CurrentTls::read_certificates(&folder, names);
            let (_, pool) = both(&tls.roots, &tls.intermediates);
            Some((HeldForm::Tls(TlsFiles::Three(names)), tls.leaf?, pool, tls.roots, Vec::new()))
        };
        let found = match msp.leaf {
            Some((_, leaf)) if is_shaped => {
                Some((HeldForm::Tls(TlsFiles::MspShaped), leaf, tls_pool, tls_cas, Vec::new()))
            }
            Some((_, leaf)) => Some((HeldForm::Msp, leaf, pool, cas, tls_cas)),
            None => three(TlsNames::Fabric).or_else(|| three(TlsNames::K8s)),
        };
        let Some((form, leaf, pool, cas, tls_cas)) = found else { return Ok(None) };
        let record = place.peek_state_file(disk, record::FILE)?.and_then(|bytes| Record::parse(&bytes));
        let record = record.filter(|record| record.serial == leaf.serial_hex());
        let installs = if record.is_some() { None } else { place.peek_state_file(disk, history::FILE)? };
        let installed_at = installs.and_then(|bytes| History::parse(&bytes).time_of(&folder));
        let overlap = Overlap::at(&place, disk)?;
        let target = target.to_owned();
        let chain = OnceLock::new();
        Ok(Some(Self { target, form, leaf, pool, chain, cas, tls_cas, overlap, record, installed_at }))
    }

    /// Reads a folder that must hold a certificate.
    ///
    /// # Errors
    /// When it holds none, or cannot be looked into.
    pub(crate) fn required(target: &Path, disk: &Disk) -> Result<Self, Error> {
        Self::read(target, disk)?.ok_or_else(|| {
            Error::new(
                ErrorKind::Input,
                format!("{} holds no certificate that can be read, so that nothing can be renewed", target.display()),
            )
            .with_help("run fabcert enroll with the enrolment secret")
        })
    }

    /// The start of its life: the recorded time of issue, or else that of the install, or else `NotBefore`, unless that is the
    /// issuer's.
    pub(crate) fn start(&self) -> Option<Timestamp> {
        let not_before = || {
            let of_issuer = self.chain().map(|chain| chain.issuer().not_before());
            Some(self.leaf.not_before()).filter(|own| of_issuer != Some(*own))
        };
        self.record.as_ref().map(|record| record.issued_at).or(self.installed_at).or_else(not_before)
    }

    /// The root of its chain, if the chain is complete.
    pub(crate) fn root(&self) -> Option<&Cert> {
        self.chain().map(|chain| &chain.root)
    }

    /// Its chain, if the CAs are there. The signatures are verified at the first call.
    fn chain(&self) -> Option<&Chain> {
        self.chain.get_or_init(|| chain_among(&self.leaf, &self.pool)).as_ref()
    }

    /// When it must be issued again by a new root, if it is of the old one.
    pub(crate) fn reissue_at(&self) -> Option<Timestamp> {
        self.overlap.reissue_at.and_then(|_| self.overlap.turn(self.root()))
    }

    /// Checks that it is the certificate of the identity `id`.
    ///
    /// # Errors
    /// When it is that of another one.
    pub(crate) fn check_id(&self, id: &str) -> Result<(), Error> {
        if self.id() == id {
            return Ok(());
        }
        let message = format!("{} holds the certificate of \"{}\", not of \"{id}\"", self.target.display(), self.id());
        Err(Error::new(ErrorKind::Input, message).with_help("give the id of that certificate, or name another folder"))
    }

    /// The enrolment id.
    pub(crate) fn id(&self) -> &str {
        self.leaf.common_name().unwrap_or_default()
    }
}

/// Adds to a request what the current certificates were requested with: the CA takes profile, attributes and subject from the
/// new request alone. `is_profile_given`: the profile is the user's.
pub(crate) fn inherit<'a>(request: &mut Request, held: impl IntoIterator<Item = &'a Held>, is_profile_given: bool) {
    for held in held {
        let Some(asked) = held.record.as_ref().and_then(|record| record.asked.as_ref()) else { continue };
        let of_sign = request.sign.as_mut().filter(|sign| sign.target == held.target && !is_profile_given);
        if let Some(sign) = of_sign {
            sign.profile = asked.profile().map(str::to_owned);
        }
        let of_tls = request.tls.as_mut().filter(|tls| tls.target == held.target && !is_profile_given);
        if let (Some(tls), Some(profile)) = (of_tls, asked.profile()) {
            profile.clone_into(&mut tls.profile);
        }
        if request.attributes.is_none() {
            request.attributes = asked.attributes();
        }
        let (new, before) = (&mut request.subject, asked.subject());
        let fields = [
            (&mut new.country, &before.country),
            (&mut new.state, &before.state),
            (&mut new.locality, &before.locality),
            (&mut new.organization, &before.organization),
            (&mut new.serial_number, &before.serial_number),
        ];
        for (new, before) in fields {
            if new.is_none() {
                new.clone_from(before);
            }
        }
    }
}
