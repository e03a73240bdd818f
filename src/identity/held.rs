//! The identity in a folder, and how it was requested: what an enrolment is given and a renewal is not.

use std::path::{Path, PathBuf};

use super::overlap::Overlap;
use super::request::{Request, TlsFiles};
use super::state::history::{self, History};
use super::state::record::{self, Record};
use crate::disk::{Disk, DiskFolder};
use crate::install::Place;
use crate::msp::{CurrentMsp, CurrentTls, ReadOnce, TlsNames};
use crate::pki::x509::Cert;
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
    /// `NotBefore` of the CA that issued it, if its certificate is there.
    issuer_not_before: Option<Timestamp>,
    /// The root of its chain, if the chain is complete.
    pub(crate) root: Option<Cert>,
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
        let msp = CurrentMsp::read(&folder, None);
        let cas = [msp.roots.as_slice(), &msp.intermediates].concat();
        let tls_cas = [msp.tls_roots.as_slice(), &msp.tls_intermediates].concat();
        let is_shaped = cas.is_empty() && !tls_cas.is_empty();
        let three = |names| {
            let tls = CurrentTls::read(&folder, names);
            let (chain, cas) = (tls.chain(), tls.roots);
            Some((HeldForm::Tls(TlsFiles::Three(names)), tls.leaf?, chain, cas, Vec::new()))
        };
        let found = match msp.leaf.as_ref().map(|(_, leaf)| leaf.clone()) {
            Some(leaf) if is_shaped => {
                let form = HeldForm::Tls(TlsFiles::MspShaped);
                Some((form, leaf, msp.into_tls().chain(), tls_cas, Vec::new()))
            }
            Some(leaf) => Some((HeldForm::Msp, leaf, msp.chain(), cas, tls_cas)),
            None => three(TlsNames::Fabric).or_else(|| three(TlsNames::K8s)),
        };
        let Some((form, leaf, chain, cas, tls_cas)) = found else { return Ok(None) };
        let record = place.peek_state_file(disk, record::FILE)?.and_then(|bytes| Record::parse(&bytes));
        let record = record.filter(|record| record.serial == leaf.serial_hex());
        let installs = if record.is_some() { None } else { place.peek_state_file(disk, history::FILE)? };
        let installed_at = installs.and_then(|bytes| History::parse(&bytes).time_of(&folder));
        let issuer_not_before = chain.as_ref().map(|chain| chain.issuer().not_before());
        let root = chain.map(|chain| chain.root);
        let overlap = Overlap::at(&place, disk)?;
        let target = target.to_owned();
        Ok(Some(Self { target, form, leaf, issuer_not_before, root, cas, tls_cas, overlap, record, installed_at }))
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
        let not_before = Some(self.leaf.not_before()).filter(|own| self.issuer_not_before != Some(*own));
        self.record.as_ref().map(|record| record.issued_at).or(self.installed_at).or(not_before)
    }

    /// When it must be issued again by a new root, if it is of the old one.
    pub(crate) fn reissue_at(&self) -> Option<Timestamp> {
        self.overlap.turn(self.root.as_ref())
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
