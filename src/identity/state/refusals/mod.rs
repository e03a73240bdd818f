//! The memory of tries: requests by secret since the last success that the CA refused, or whose outcome is open.
//!
//! A Fabric CA locks an identity for good after ten wrong secrets, and its code 20 has many causes. So the tries are
//! counted per identity and CA over all secrets, before a request is sent, and over every run on the same folder. Every
//! command that sends a secret asks [`Refusals::next`] first.

mod schedule;
#[cfg(test)]
mod tests;
mod tries;

use std::path::{Path, PathBuf};

pub(crate) use schedule::{LIMIT, Next};
pub(crate) use tries::{Subject, Success};

use crate::ca::{CaError, LockRisk};
use crate::disk::{Disk, Kind};
use crate::install::{InstallError, Lock, Place, Placement};
use crate::text::shell_word;
use crate::{Error, ErrorKind, Secret, Timestamp};
use tries::{Mark, Memory, Outcome};

/// The file in the state folder.
pub(crate) const FILE: &str = "refusal.json";

/// What the folders of a run remember about one identity at one CA. The caller holds the folders' locks.
#[derive(Debug)]
pub(crate) struct Refusals<'a> {
    places: &'a [&'a Place],
    /// The CA as the user wrote it, for messages.
    url: String,
    subject: Subject,
    /// What the folders of the run remember.
    memory: Memory,
    /// What folders beside them remember: it counts, and is written by their own runs only.
    beside: Memory,
    /// The file that cannot be read, and why.
    broken: Option<(PathBuf, String)>,
    /// How the memory knows the secret of this run.
    marks: Vec<Mark>,
    /// The try without an answer.
    in_flight: Option<String>,
}

impl Memory {
    /// Writes the file in the state folder of `place`, or removes it when there is nothing to remember.
    fn write(&self, place: &Place, disk: &Disk) -> Result<(), Error> {
        match self.to_bytes() {
            Some(bytes) => Ok(place.write_state_file(disk, FILE, &bytes, 0o600)?),
            // A power failure may bring it back: then an answered try counts as open, until the next success.
            None => Ok(place.drop_state_file(disk, FILE)?),
        }
    }
}

impl<'a> Refusals<'a> {
    /// Reads what `places` remember about `subject`, the identity at the CA `url`. A file that cannot be read counts as
    /// full.
    ///
    /// # Errors
    /// When a state folder must not be used or looked into.
    pub(crate) fn read(
        places: &'a [&'a Place],
        subject: Subject,
        url: String,
        secret: &Secret,
        disk: &Disk,
    ) -> Result<Self, Error> {
        let mut memory = Memory::default();
        let mut broken = None;
        for place in places {
            match read_file(place, disk)? {
                None => {}
                Some(Ok(read)) => memory.join(read),
                Some(Err(why)) => {
                    broken = Some((place.state_dir().join(FILE), why));
                    memory.join(Memory::lost());
                }
            }
        }
        let beside = beside(places, disk);
        let mut refusals = Self { places, url, subject, memory, beside, broken, marks: Vec::new(), in_flight: None };
        refusals.marks = refusals.known().marks(&refusals.subject, secret);
        Ok(refusals)
    }

    /// Everything that counts: what the folders of the run and those beside them remember.
    fn known(&self) -> Memory {
        let mut known = self.memory.clone();
        known.join(self.beside.clone());
        known
    }

    /// Whether the secret may be sent at `now`.
    pub(crate) fn next(&self, now: Timestamp) -> Next {
        if self.memory.is_lost_for(&self.subject) {
            return Next::Full;
        }
        let known = self.known();
        let all = known.of(&self.subject);
        let same: Vec<_> = all.iter().copied().filter(|t| t.is_of(&self.marks)).collect();
        Next::after(all.len(), &same, now)
    }

    /// Whether no try is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.known().of(&self.subject).is_empty() && !self.memory.is_lost_for(&self.subject)
    }

    /// Whether the last try got no refusal: its run was ended, or its answer was lost.
    pub(crate) fn last_is_open(&self) -> bool {
        self.known().of(&self.subject).last().is_some_and(|t| !matches!(t.outcome, Outcome::Refused(_)))
    }

    /// Notes a try that is about to be sent: a run that is killed before the answer leaves a try with an open outcome.
    ///
    /// # Errors
    /// When it cannot be noted; then nothing may be sent.
    pub(crate) fn begin(&mut self, secret: &Secret, disk: &Disk, now: Timestamp) -> Result<(), Error> {
        // The first try is noted without its slow hash, which a success would not need.
        if self.marks.is_empty() && !self.is_empty() {
            self.marks.push(Mark::new(secret)?);
        }
        let key = self.memory.add(&self.subject, self.marks.first().cloned(), now)?;
        let written = self.write(disk);
        if written.is_ok() {
            self.in_flight = Some(key);
        } else {
            // Nothing is sent: no folder counts the try, as far as it can still be written.
            self.memory.remove(&key);
            self.places.iter().for_each(|place| drop(self.memory.write(place, disk)));
        }
        written
    }

    /// Notes what came back for the try in flight.
    ///
    /// # Errors
    /// When it cannot be noted; the try then stays as one with an open outcome.
    pub(crate) fn settle(
        &mut self,
        error: &CaError,
        secret: &Secret,
        disk: &Disk,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(key) = self.in_flight.take() else { return Ok(()) };
        let outcome = match error.lock_risk() {
            LockRisk::None => {
                self.memory.remove(&key);
                return self.write(disk);
            }
            LockRisk::Refused => Outcome::Refused(error.brief()),
            LockRisk::Open => Outcome::Open(error.brief()),
        };
        let mark = match self.marks.first() {
            Some(mark) => mark.clone(),
            None => Mark::new(secret)?,
        };
        self.memory.settle(&key, &outcome, &mark, now);
        if self.marks.is_empty() {
            self.marks.push(mark);
        }
        self.write(disk)
    }

    fn write(&self, disk: &Disk) -> Result<(), Error> {
        self.places.iter().try_for_each(|place| self.memory.write(place, disk))
    }

    /// The error of a run that sends no secret, because of what is remembered; `None` if it may be sent at `now`.
    pub(crate) fn stop(&self, now: Timestamp) -> Option<Error> {
        let next = self.next(now).words()?;
        let id = &self.subject.id;
        let file = self.places.first().map(|p| p.state_dir().join(FILE)).unwrap_or_default();
        if self.memory.is_lost_for(&self.subject) {
            let (file, why) = match &self.broken {
                Some((file, why)) => (file.clone(), format!("cannot be read ({why})")),
                None => (file, "could not be read by an earlier run".to_owned()),
            };
            let message = format!(
                "no secret was sent for \"{id}\" to {}: the memory of refused tries, {}, {why} and counts as full",
                self.url,
                file.display()
            );
            let help = format!(
                "have the registrar check that the identity is not locked ({}); then --force sends one request, and a success starts a new memory",
                registrar(id)
            );
            return Some(Error::new(ErrorKind::Refused, message).with_help(help));
        }
        let message = format!("no secret was sent for \"{id}\" to {}: {}; {next}", self.url, self.count());
        let help = format!(
            "{}; {}--force sends one request now, and --wait waits for the next one (remembered in {})",
            self.causes(),
            if self.next(now) == Next::Full { "" } else { "another secret is sent at once, " },
            file.display()
        );
        let error = Error::new(ErrorKind::Refused, message).with_items(self.history()).with_help(help);
        Some(self.with_retry_after(error, now))
    }

    /// Adds to the error of a try what is remembered now, and when the next try is allowed.
    pub(crate) fn explain(&self, error: Error, now: Timestamp) -> Error {
        let tries = self.known().of(&self.subject).len();
        if tries == 0 {
            return error;
        }
        let next = self.next(now).words().map(|next| format!("; {next}")).unwrap_or_default();
        let error = error.with_detail(&format!("{}{next}", self.count()));
        let error = if tries > 1 { error.with_items(self.history()) } else { error };
        self.with_retry_after(error, now)
    }

    /// Adds when the same secret may be sent again.
    fn with_retry_after(&self, error: Error, now: Timestamp) -> Error {
        match self.next(now) {
            Next::At(at) => error.with_retry_after(at.since(now)),
            Next::Now | Next::SecretUsedUp | Next::Full => error,
        }
    }

    fn count(&self) -> String {
        match self.known().of(&self.subject).len() {
            1 => format!(
                "1 try without success (a CA locks an identity after 10 wrong secrets; fabcert stops at {LIMIT})"
            ),
            n => format!(
                "{n} tries without success (a CA locks an identity after 10 wrong secrets; fabcert stops at {LIMIT})"
            ),
        }
    }

    /// The tries, one a line.
    fn history(&self) -> Vec<String> {
        let line = |t: &&tries::Try| match &t.outcome {
            Outcome::Sent => format!("{}: sent, and no answer was noted", t.at),
            Outcome::Open(what) => format!("{}: {what}; the CA may have counted it", t.at),
            Outcome::Refused(what) => format!("{}: {what}", t.at),
        };
        self.known().of(&self.subject).iter().map(line).collect()
    }

    /// The possible causes, and who can say which it was.
    fn causes(&self) -> String {
        if !self.known().of(&self.subject).iter().any(|t| matches!(t.outcome, Outcome::Refused(_))) {
            return "whether the CA counted a request without an answer is not known".to_owned();
        }
        format!(
            "the cause may be a wrong secret, an identity that is not registered yet or is revoked, used-up enrolments, or a CA whose database is locked or incomplete: the CA's log and the registrar ({}) know",
            registrar(&self.subject.id)
        )
    }
}

/// Forgets the tries of `subject` up to a success: the CA has issued a certificate for a secret, and counts from zero again.
/// Notes which tries of folders beside these count no more; the files there stay as they are. `answered` is the CA's name in
/// its answer, or empty. Keep the answer first: an answer that is kept clears the tries in the run that installs it.
///
/// # Errors
/// When a state folder must not be used, or cannot be written.
pub(crate) fn clear(
    places: &[&Place],
    subject: &Subject,
    answered: &str,
    success: Success,
    disk: &Disk,
) -> Result<(), Error> {
    let beside = beside(places, disk);
    for place in places {
        let mut memory = match read_file(place, disk)? {
            Some(read) => read.unwrap_or_else(|_| Memory::lost()),
            None => Memory::default(),
        };
        if memory.clear(subject, answered, success, &beside) {
            memory.write(place, disk)?;
        }
    }
    Ok(())
}

/// Forgets the tries of `subject` in the folders below `home`: a registrar has registered the identity or set its secret, and
/// the CA counts from zero. A file that cannot be read stays as it is.
///
/// # Errors
/// When another run holds a folder that remembers some, or its state folder must not be used or cannot be written.
pub(crate) fn forget_below(home: &Path, subject: &Subject, disk: &Disk, now: Timestamp) -> Result<(), Error> {
    let mut locks = Vec::new();
    for place in places_below(&disk.canonical(home)?, disk) {
        let remembers = matches!(read_file(&place, disk)?, Some(Ok(memory)) if !memory.of(subject).is_empty());
        if remembers {
            locks.extend(Lock::acquire_existing(disk, &place, now)?);
        }
    }
    let places: Vec<&Place> = locks.iter().map(Lock::place).collect();
    clear(&places, subject, "", Success::Now, disk)?;
    for lock in locks {
        lock.withdraw(disk);
    }
    Ok(())
}

/// The places below `home` that remember tries. Links and hidden folders are not entered.
fn places_below(home: &Path, disk: &Disk) -> Vec<Place> {
    let (mut folders, mut places, mut at) = (vec![home.to_owned()], Vec::new(), 0);
    while let Some(dir) = folders.get(at).cloned() {
        at += 1;
        places.extend(Place::with_layout(&dir.join(FILE), Placement::Plain).beside_with(disk, FILE));
        let entries = disk.read_dir(&dir).unwrap_or_default().into_iter();
        let visible = entries.filter(|name| !name.to_string_lossy().starts_with('.')).map(|name| dir.join(name));
        let below = visible.filter(|path| matches!(disk.metadata(path), Ok(Some(found)) if found.kind == Kind::Dir));
        folders.extend(below);
        folders.truncate(FOLDERS);
    }
    places
}

/// The largest number of folders of a home that are looked into.
const FOLDERS: usize = 10_000;

/// The number of tries by secret that are left for `subject` before [`LIMIT`]; a file that cannot be read leaves none.
pub(crate) fn left(places: &[&Place], subject: &Subject, disk: &Disk) -> usize {
    let mut memory = beside(places, disk);
    for place in places {
        match read_file(place, disk) {
            Ok(None) => {}
            Ok(Some(Ok(read))) => memory.join(read),
            Ok(Some(Err(_))) | Err(_) => return 0,
        }
    }
    if memory.is_lost_for(subject) { 0 } else { LIMIT.saturating_sub(memory.of(subject).len()) }
}

/// What folders beside `places` remember: the same identity may enrol there, in runs of its own. A file there that cannot be
/// read may be about any identity, and does not count.
fn beside(places: &[&Place], disk: &Disk) -> Memory {
    let mut memory = Memory::default();
    for other in places.iter().flat_map(|place| place.beside_with(disk, FILE)) {
        let is_own = places.iter().any(|place| place.target() == other.target());
        if !is_own && let Ok(Some(Ok(read))) = read_file(&other, disk) {
            memory.join(read.without_loss());
        }
    }
    memory
}

/// What the file in `place` remembers, or why it cannot be read; `None` if there is no file.
///
/// # Errors
/// When the state folder must not be used or looked into.
fn read_file(place: &Place, disk: &Disk) -> Result<Option<Result<Memory, String>>, Error> {
    // Whether there is a file must be known: otherwise this is an error of the disk, and nothing is sent.
    if disk.metadata(&place.state_dir().join(FILE))?.is_none() {
        return Ok(None);
    }
    match place.read_state_file(disk, FILE) {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => Ok(Some(Memory::parse(&bytes).ok_or_else(|| "its content is damaged".to_owned()))),
        Err(InstallError::Fs(e)) => Ok(Some(Err(e.to_string()))),
        Err(e) => Err(e.into()),
    }
}

/// The registrar's command that shows the identity.
fn registrar(id: &str) -> String {
    format!("fabcert ca identity show {}", shell_word(id))
}
