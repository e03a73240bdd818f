//! One certificate of a request: its content, its folder and its CA.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ca_access::CaAccess;
use super::current::{Current, current_msp};
use super::due::{self, Evidence, Reason, Wanted};
use super::overlap::Overlap;
use super::request::{FormGiven, KeyRequest, MspForm, Request, TlsFiles};
use super::state::random_id::random_id;
use super::state::record::{self, Record};
use super::trust::TrustFile;
use crate::ca::AttrRequest;
use crate::disk::{Disk, DiskFolder, FolderReader as _};
use crate::install::{KeyAccess, Lock, Place, rehearse};
use crate::msp::{CurrentMsp, CurrentTls, KEYSTORE, ReadOnce, SIGN_FOLDERS, TLS_FOLDERS};
use crate::pki::key::KeyPair;
use crate::pki::name::SanName;
use crate::pki::x509::{Cert, Chain, SubjectFields};
use crate::proof::{Purpose, RoleRule};
use crate::{Error, ErrorKind, PemSource, Timestamp};

/// The form of the folder that a certificate is installed in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Msp(MspForm),
    Tls(TlsFiles),
}

/// One certificate of a request.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    /// A random number; the same for every task of a run, and another one in each run.
    pub(crate) run: String,
    /// Enrolment id.
    pub(crate) id: &'a str,
    /// The folder, as the user named it.
    pub(crate) target: &'a Path,
    pub(crate) place: Place,
    pub(crate) shape: Shape,
    /// The names that the run requests.
    pub(crate) requested: Vec<SanName>,
    /// Names that the new certificate must not keep.
    pub(crate) drop_sans: Vec<SanName>,
    /// The names of the new certificate: the requested ones, then the kept ones.
    pub(crate) sans: Vec<SanName>,
    /// Names of the current certificate that are kept although they are not requested.
    pub(crate) kept: Vec<SanName>,
    /// Names of the current certificate that are not kept.
    pub(crate) dropped: Vec<SanName>,
    pub(crate) subject: &'a SubjectFields,
    pub(crate) role: RoleRule,
    /// When it is due, in place of two thirds of its life.
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) key: KeyRequest,
    pub(crate) key_access: KeyAccess,
    /// What of the form was given explicitly.
    pub(crate) given: FormGiven,
    /// Replace a good certificate, a pending key, another identity or another root.
    pub(crate) force: bool,
    /// Send a request that the CA refused, or answered with something else, before.
    pub(crate) insist: bool,
    /// Issue a certificate even if the current one is good.
    pub(crate) always: bool,
    /// The CA to ask; `None` when the answer is carried by hand.
    pub(crate) ca: Option<&'a CaAccess>,
    pub(crate) profile: Option<&'a str>,
    /// Attribute requests; `None` leaves the choice to the CA.
    pub(crate) attributes: Option<&'a [AttrRequest]>,
    /// The trust files for the connection to the CA.
    pub(crate) trust: Arc<[TrustFile]>,
    /// The Go client's file name for the CA, without `.pem`.
    pub(crate) stem: String,
    /// The Go client's file name for the TLS CA, without `.pem`.
    pub(crate) tls_stem: String,
}

impl<'a> Task<'a> {
    /// The tasks of a request: the signing certificate first, because it can be the credential for the TLS certificate.
    ///
    /// # Errors
    /// When a target cannot be inspected, or the operating system provides no randomness.
    pub(crate) fn all(request: &'a Request, disk: &Disk) -> Result<Vec<Self>, Error> {
        Self::all_with_targets(request, disk).map(|(tasks, _)| tasks)
    }

    /// As [`all`](Self::all), with the current contents of the targets.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub(crate) fn all_with_targets(request: &'a Request, disk: &Disk) -> Result<(Vec<Self>, Vec<Current>), Error> {
        let mut tasks = Self::all_unread(request, disk)?;
        let currents = tasks.iter_mut().map(|task| task.keep_form(disk)).collect::<Result<_, _>>()?;
        Ok((tasks, currents))
    }

    /// As [`all`](Self::all), without what each [keeps](Self::keep_form) of the form of its target, for a run that reads the targets
    /// under its lock.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub(crate) fn all_unread(request: &'a Request, disk: &Disk) -> Result<Vec<Self>, Error> {
        let sign = request.sign.as_ref().map(|sign| {
            (
                &sign.target,
                &sign.ca,
                Shape::Msp(sign.msp),
                &sign.names,
                (sign.role, sign.due_at),
                sign.profile.as_deref(),
            )
        });
        let tls = request.tls.as_ref().map(|tls| {
            (
                &tls.target,
                &tls.ca,
                Shape::Tls(tls.files),
                &tls.names,
                (tls.role, tls.due_at),
                Some(tls.profile.as_str()),
            )
        });
        let stem = |ca: &CaAccess| ca.url.ca_file_stem(ca.ca_name.as_deref());
        let tls_ca = tls.map(|(_, ca, ..)| ca);
        // The same files are read once for both certificates.
        let mut read: Vec<(&[PemSource], Arc<[TrustFile]>)> = Vec::new();
        let mut trust = |sources: &'a [PemSource]| {
            if let Some((_, files)) = read.iter().find(|(known, _)| *known == sources) {
                return Arc::clone(files);
            }
            let files = TrustFile::read_all(sources, disk);
            read.push((sources, Arc::clone(&files)));
            files
        };
        let run = random_id()?;
        let parts = [sign, tls].into_iter().flatten();
        let tasks = parts.map(|(target, ca, shape, names, (role, due_at), profile)| {
            Ok(Self {
                run: run.clone(),
                id: &ca.id,
                target,
                place: Place::of(disk, target)?.for_group(request.key_access().group),
                shape,
                requested: names.sans(),
                drop_sans: request.drop_sans.clone(),
                sans: names.sans(),
                kept: Vec::new(),
                dropped: Vec::new(),
                subject: &request.subject,
                role,
                due_at,
                key: request.key.clone(),
                key_access: request.key_access(),
                given: request.given,
                force: request.force || request.replace,
                insist: request.force,
                always: request.always,
                ca: Some(ca),
                profile,
                attributes: request.attributes.as_deref(),
                trust: trust(&ca.anchors),
                stem: stem(ca),
                tls_stem: stem(tls_ca.unwrap_or(ca)),
            })
        });
        tasks.collect()
    }

    /// The record of the last install; `None` if no record can be used.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn record(&self, disk: &Disk) -> Result<Option<Record>, Error> {
        Ok(self.place.peek_state_file(disk, record::FILE)?.and_then(|bytes| Record::parse(&bytes)))
    }

    /// Whether it is known from the record that the state of the target is not shared with a group.
    pub(crate) fn has_no_group(&self, disk: &Disk) -> bool {
        let record = self.record(disk).ok().flatten();
        self.key_access.group.is_none() && record.is_some_and(|record| !record.may_have_group())
    }

    pub(crate) const fn purpose(&self) -> Purpose {
        match self.shape {
            Shape::Msp(_) => Purpose::Sign,
            Shape::Tls(_) => Purpose::Tls,
        }
    }

    /// Reads the target.
    ///
    /// # Errors
    /// When the target or the state cannot be read.
    pub(crate) fn look(&self, disk: &Disk) -> Result<Current, Error> {
        self.look_with(self.record(disk)?, disk)
    }

    /// As [`look`](Self::look), with the record as it was read before.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(super) fn look_with(&self, record: Option<Record>, disk: &Disk) -> Result<Current, Error> {
        let folder = DiskFolder::new(disk, self.place.target());
        let folder = ReadOnce::new(&folder);
        let mut current = match self.shape {
            Shape::Msp(_) => Current::msp(current_msp(&self.place, &folder, disk)?),
            Shape::Tls(TlsFiles::Three(names)) => {
                // A later run may give other file names than the run that installed the pair.
                let is_renamed = self.is_renamed(names, record.as_ref(), disk);
                let names = if is_renamed { names.other() } else { names };
                let paths = (names.certificate().into(), names.ca());
                Current::tls(CurrentTls::read(&folder, names), paths)
            }
            Shape::Tls(TlsFiles::MspShaped) => {
                let existing = CurrentMsp::read(&folder, None);
                let has_roots = !existing.roots.is_empty();
                let certificate = existing.leaf.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
                Current { is_msp: has_roots, ..Current::tls(existing.into_tls(), (certificate, "tlscacerts")) }
            }
        };
        // A record of another certificate, or of the same one in another file, is ignored: a run was killed between install and
        // record, or the set was rolled back. One of a certificate that was lost since says what it held.
        let is_of = |record: &Record, leaf: &Cert| {
            record.serial == leaf.serial_hex() && record.wrote(&current.leaf_path.to_string_lossy())
        };
        current.overlap = Overlap::at(&self.place, disk)?;
        current.record = record.filter(|record| current.leaf.as_ref().is_none_or(|leaf| is_of(record, leaf)));
        current.holds_a_key = self.holds_a_key(&current, disk)?;
        if let Some(record) = &current.record {
            current.changed = record.changed(&|path| folder.read(path).ok().map(|b| b.to_vec()));
        }
        Ok(current)
    }

    /// Whether there is a file for the key, whatever is in it. In a TLS folder that is also one under the other name that has
    /// lost its certificate.
    fn holds_a_key(&self, current: &Current, disk: &Disk) -> Result<bool, Error> {
        let is_there = |path: &str| Ok::<_, Error>(disk.metadata_followed(&self.place.target().join(path))?.is_some());
        let Shape::Tls(TlsFiles::Three(names)) = self.shape else {
            return Ok(is_there(KEYSTORE)? && !disk.read_dir(&self.place.target().join(KEYSTORE))?.is_empty());
        };
        for names in [names, names.other()] {
            let certificate = names.certificate();
            if is_there(names.key())? && (current.leaf_path == Path::new(certificate) || !is_there(certificate)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes over what the new certificate keeps of the current one.
    ///
    /// # Errors
    /// When the key of an orderer cannot be kept.
    pub(crate) fn settle(&mut self, current: &Current, is_orderer: bool, new_tls_key: bool) -> Result<(), Error> {
        self.keep_names(current);
        self.keep_key(current, is_orderer, new_tls_key)
    }

    /// Tries at the target what an install does there, before a request is sent. `with_tls`: the CAs of a TLS certificate
    /// go into an MSP folder too.
    ///
    /// # Errors
    /// When an install would fail, or somebody else put the key there that is to be used again.
    pub(crate) fn rehearse(&self, current: &Current, locks: &[Lock], with_tls: bool, disk: &Disk) -> Result<(), Error> {
        if self.key == KeyRequest::Current {
            self.vouch_for_key(current, disk)?;
        }
        let Some(lock) = locks.iter().find(|l| l.place().target() == self.place.target()) else { return Ok(()) };
        let paths = |folders: &[&str]| folders.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mut owned = match self.shape {
            Shape::Tls(TlsFiles::Three(names)) => paths(&[names.certificate(), names.key(), names.ca()]),
            Shape::Tls(TlsFiles::MspShaped) | Shape::Msp(_) => paths(&SIGN_FOLDERS),
        };
        if matches!(self.shape, Shape::Tls(TlsFiles::MspShaped)) || with_tls && self.purpose() == Purpose::Sign {
            owned.extend(paths(&TLS_FOLDERS));
        }
        for warning in rehearse(disk, lock, &owned, self.key_access)? {
            tracing::warn!("{warning}");
        }
        Ok(())
    }

    /// Checks who put the current key into the target.
    ///
    /// # Errors
    /// When somebody else did.
    pub(crate) fn vouch_for_key(&self, current: &Current, disk: &Disk) -> Result<(), Error> {
        let file = self.key_file(current);
        Ok(file.map_or(Ok(()), |file| self.place.vouch_for(disk, &file, self.key_access.mode))?)
    }

    /// Warns that the state of the target is not used.
    pub(crate) fn report_state(&self, disk: &Disk) {
        if let Some(fault) = self.place.state_fault(disk) {
            tracing::warn!("{fault}; what it holds is not used");
        }
    }

    /// Whether the certificate is due, and why. `named_key` is the key given in the request.
    pub(crate) fn decide(
        &self,
        named_key: Option<&KeyPair>,
        current: &Current,
        now: Timestamp,
    ) -> Result<Option<Reason>, Error> {
        if current.is_msp && !self.force {
            let target = self.target.display();
            return Err(Error::new(
                ErrorKind::Input,
                format!("{target} holds an MSP (its cacerts has roots), not a TLS certificate"),
            )
            .with_help("name another folder, or replace that MSP with --force"));
        }
        let evidence = current.leaf.as_ref().map(|leaf| Evidence {
            leaf,
            curve: current.key.as_ref().map(KeyPair::algorithm),
            issuer: current.chain.as_ref().map(Chain::issuer),
            problems: &current.problems,
            issued_at: current.record.as_ref().map(|r| r.issued_at),
            due_at: self.due_at,
            changed: current.changed.clone(),
            new_root: current.overlap.awaited(current.chain.as_ref().map(|chain| &chain.root), now),
        });
        let curve = match self.key {
            KeyRequest::New(curve) => curve,
            _ => None,
        };
        let wanted = Wanted {
            id: self.id,
            sans: &self.requested,
            dropped: &self.names_to_drop(current),
            changed_request: &self.changed_request(current),
            role: self.role,
            curve,
            key_point: named_key.map(KeyPair::public_point),
            force: self.force,
            target: self.target,
        };
        let reason = due::decide(evidence.as_ref(), &wanted, now)?;
        // Nobody gave --force.
        let reason = reason.filter(|reason| self.insist || !matches!(reason, Reason::Forced));
        Ok(if self.always { reason.or(Some(Reason::Requested)) } else { reason })
    }

    /// What is requested now and was not when the current certificate was issued.
    fn changed_request(&self, current: &Current) -> Vec<&'static str> {
        let asked = current.record.as_ref().and_then(|r| r.asked.as_ref());
        asked.map(|asked| asked.lacks(self.profile, self.attributes, self.subject)).unwrap_or_default()
    }
}
