//! The pending key, kept before the request is sent, so that a lost answer costs no key; and its answer, kept until it
//! is installed, so that a crash costs no enrolment.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::not_as_asked::NotAsAsked;
use crate::ca::{AttrRequest, CaUrl, Enrollment};
use crate::disk::Disk;
use crate::identity::ca_access::CaAccess;
use crate::install::{InstallError, Place};
use crate::pki::key::KeyPair;
use crate::pki::name::{SanName, server_name};
use crate::pki::x509::{Cert, SubjectFields};
use crate::proof::Purpose;
use crate::{Error, ErrorKind, Timestamp};

/// The file in the state folder.
pub(crate) const FILE: &str = "pending.json";

/// A key whose certificate is not installed yet.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    schema_version: u32,
    /// The CA that the key is for; empty for a CSR that is carried by hand.
    url: String,
    ca_name: Option<String>,
    id: String,
    purpose: String,
    key_pem: Zeroizing<String>,
    /// The request for this key.
    #[serde(default)]
    pub(crate) asked: Asked,
    /// Set while a request is in flight, and when its answer was lost: the CA may have issued, and counted, for this
    /// key.
    pub(crate) answer_lost: bool,
    /// The CA's answer for this key, until it is installed or replaced by a later one.
    pub(crate) answer: Option<Answer>,
    /// Set when the CA's answers were not as requested.
    #[serde(default)]
    pub(crate) not_as_asked: Option<NotAsAsked>,
    /// Whether this run has made the key, in place of none.
    #[serde(skip)]
    is_new: bool,
}

/// The content of a request; two requests with the same content differ in key and time only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The names, as sent.
    pub(crate) names: Vec<String>,
    /// Names of the current certificate that the run dropped.
    #[serde(default)]
    pub(crate) dropped: Vec<String>,
    profile: Option<String>,
    /// Attribute requests: name, and whether the CA may leave it out.
    attributes: Option<Vec<(String, bool)>>,
    subject: SubjectFields,
    /// Whether the CSR was carried by hand: profile and attributes are then unknown.
    #[serde(default)]
    by_hand: bool,
}

impl Asked {
    pub(crate) fn new(
        sans: &[SanName],
        dropped: &[SanName],
        profile: Option<&str>,
        attributes: Option<&[AttrRequest]>,
        subject: &SubjectFields,
    ) -> Self {
        Self {
            names: sans.iter().map(ToString::to_string).collect(),
            dropped: dropped.iter().map(ToString::to_string).collect(),
            profile: profile.map(str::to_owned),
            attributes: attributes.map(|list| list.iter().map(|a| (a.name.clone(), a.optional)).collect()),
            subject: subject.clone(),
            by_hand: false,
        }
    }

    /// The content of a CSR that is carried by hand.
    pub(crate) fn by_hand(sans: &[SanName], dropped: &[SanName], subject: &SubjectFields) -> Self {
        Self { by_hand: true, ..Self::new(sans, dropped, None, None, subject) }
    }

    /// The parts of a later request that this one did not hold. What the later one leaves out does not count.
    pub(crate) fn lacks(
        &self,
        profile: Option<&str>,
        attributes: Option<&[AttrRequest]>,
        subject: &SubjectFields,
    ) -> Vec<&'static str> {
        let later = Self::new(&[], &[], profile, attributes, subject);
        let mut parts = Vec::new();
        if later.profile.is_some() && later.profile != self.profile && !self.by_hand {
            parts.push("profile");
        }
        if later.attributes.is_some() && later.attributes != self.attributes && !self.by_hand {
            parts.push("list of attributes");
        }
        let fields = |s: &SubjectFields| {
            let SubjectFields { country, state, locality, organization, serial_number } = s.clone();
            [country, state, locality, organization, serial_number]
        };
        if fields(subject).iter().zip(fields(&self.subject)).any(|(later, before)| later.is_some() && *later != before)
        {
            parts.push("subject");
        }
        parts
    }

    /// The signing profile.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The attribute requests.
    pub(crate) fn attributes(&self) -> Option<Vec<AttrRequest>> {
        let one = |(name, optional): &(String, bool)| AttrRequest { name: name.clone(), optional: *optional };
        self.attributes.as_ref().map(|list| list.iter().map(one).collect())
    }

    /// The subject fields beside the CN.
    pub(crate) const fn subject(&self) -> &SubjectFields {
        &self.subject
    }

    /// Whether the two differ in names only. The verification checks the names; the CA's answer does not show the rest.
    pub(crate) fn is_alike_but_for_names(&self, other: &Self) -> bool {
        self.profile == other.profile && self.attributes == other.attributes && self.subject == other.subject
    }

    /// The names, with the types that the CA gave them.
    pub(crate) fn sans(&self) -> Vec<SanName> {
        self.names.iter().map(|text| server_name(text)).collect()
    }

    /// The dropped names.
    pub(crate) fn dropped(&self) -> Vec<SanName> {
        self.dropped.iter().map(|text| server_name(text)).collect()
    }
}

/// The CA's answer as received, unverified.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The request that it answers.
    pub(crate) asked: Asked,
    /// The certificate, PEM.
    pub(crate) cert_pem: String,
    /// The CA chain, PEM.
    pub(crate) chain_pem: String,
    /// The CA's name; answers that an older version kept lack it.
    #[serde(default)]
    pub(crate) ca_name: String,
    /// The CA's time.
    pub(crate) server_date: Option<Timestamp>,
    /// The local time at which it arrived.
    pub(crate) received_at: Timestamp,
}

impl Answer {
    pub(crate) fn of(answer: &Enrollment, asked: Asked, received_at: Timestamp) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            asked,
            cert_pem: text(&answer.cert_pem),
            chain_pem: text(&answer.chain_pem),
            ca_name: answer.ca_name.clone(),
            server_date: answer.server_date,
            received_at,
        }
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("id", &self.id).field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

impl Pending {
    /// A key that is about to be used; `ca` is `None` for a CSR that is carried by hand.
    pub(crate) fn new(key: &KeyPair, id: &str, ca: Option<&CaAccess>, purpose: Purpose, asked: Asked) -> Self {
        Self {
            schema_version: 1,
            url: ca.map(|c| c.url.to_string()).unwrap_or_default(),
            ca_name: ca.and_then(|c| c.ca_name.clone()),
            id: id.to_owned(),
            purpose: purpose.as_str().to_owned(),
            key_pem: key.to_pkcs8_pem(),
            asked,
            answer_lost: false,
            answer: None,
            not_as_asked: None,
            is_new: true,
        }
    }

    /// Writes the file for a request by token, which the CA does not count, or for its answer. It is not synced if the key is
    /// new: after a power failure another key is as good, and the file is missing, empty or full of zeros.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep_for_token(&self, place: &Place, disk: &Disk) -> Result<(), InstallError> {
        let write = if self.is_new { Place::write_state_file_unsynced } else { Place::write_state_file };
        write(place, disk, FILE, &self.to_bytes(), 0o600)
    }

    /// Reads the pending key of `place`; `None` if no key is pending.
    ///
    /// # Errors
    /// When the file belongs to somebody else, cannot be read, or is broken: it may hold the only copy of a key, so it is
    /// never dropped silently.
    pub(crate) fn at(place: &Place, disk: &Disk) -> Result<Option<Self>, Error> {
        let file = place.state_dir().join(FILE);
        let bytes = place.read_state_file(disk, FILE)?.filter(|bytes| !is_unwritten(bytes));
        bytes.map(|bytes| Self::parse(&bytes, &file)).transpose()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When the file is broken.
    fn parse(bytes: &[u8], path: &std::path::Path) -> Result<Self, Error> {
        serde_json::from_slice(bytes).ok().filter(|p: &Self| p.schema_version == 1).ok_or_else(|| {
            Error::new(ErrorKind::Input, format!("the pending key in {} cannot be read", path.display()))
                .with_help("move the file away if the key in it is not needed, and run again")
        })
    }

    /// The file's content; holds the key.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec_pretty(self).unwrap_or_default())
    }

    /// The same key, in place of one that another run has left.
    pub(crate) fn in_place_of_another(self) -> Self {
        Self { is_new: false, ..self }
    }

    /// Whether this key was made for that purpose.
    pub(crate) fn is_made_for(&self, purpose: Purpose) -> bool {
        self.purpose == purpose.as_str()
    }

    /// Whether this key was made for the same purpose, id and CA.
    pub(crate) fn is_for(&self, id: &str, ca: Option<&CaAccess>, purpose: Purpose) -> bool {
        self.id == id
            && self.purpose == purpose.as_str()
            && self.url == ca.map(|c| c.url.to_string()).unwrap_or_default()
            && self.ca_name == ca.and_then(|c| c.ca_name.clone())
    }

    /// The pending key for a request; `None` when it was made for another id or purpose. At another CA the same key is
    /// used, so that a certificate of the first can still be installed, and nothing is known about its answers.
    pub(crate) fn for_request(mut self, id: &str, ca: Option<&CaAccess>, purpose: Purpose) -> Option<Self> {
        if self.is_for(id, ca, purpose) {
            return Some(self);
        }
        if self.id != id || !self.is_made_for(purpose) || self.is_carried_by_hand() {
            return None;
        }
        self.url = ca.map(|c| c.url.to_string()).unwrap_or_default();
        self.ca_name = ca.and_then(|c| c.ca_name.clone());
        (self.answer_lost, self.answer, self.not_as_asked) = (self.may_be_certified(), None, None);
        Some(self)
    }

    /// Whether the kept answer is this certificate.
    pub(crate) fn answers_with(&self, leaf: &Cert) -> bool {
        self.answer.as_ref().is_some_and(|a| a.cert_pem.trim() == leaf.to_pem().trim())
    }

    /// Whether the CA may have certified this key: it must not be lost.
    pub(crate) const fn may_be_certified(&self) -> bool {
        self.answer_lost || self.answer.is_some()
    }

    /// Whether the certificate is carried by hand: the key waits for `fabcert install`.
    pub(crate) fn is_carried_by_hand(&self) -> bool {
        self.url.is_empty()
    }

    /// The CA that the key is for, and its name if one was requested; `None` for a CSR that is carried by hand.
    pub(crate) fn ca(&self) -> Option<(CaUrl, Option<&str>)> {
        let (url, ..) = CaUrl::parse(&self.url).ok()?;
        Some((url, self.ca_name.as_deref()))
    }

    /// The enrolment id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The key.
    ///
    /// # Errors
    /// When its PEM is broken.
    pub(crate) fn key(&self) -> Result<KeyPair, Error> {
        Ok(KeyPair::from_pem(self.key_pem.as_bytes())?)
    }
}

/// Whether a power failure came before the content was on the disk; see [`Pending::keep_for_token`].
fn is_unwritten(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::disk::{FaultAction, Op};
    use crate::install::Placement;
    use crate::pki::key::KeyAlgorithm;

    fn pending() -> Pending {
        Pending::new(&KeyPair::generate(KeyAlgorithm::P256).unwrap(), "peer1", None, Purpose::Sign, Asked::default())
    }

    #[test]
    fn a_file_without_content_is_no_pending_key_and_a_broken_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (place, disk) = (Place::with_layout(&dir.path().join("msp"), Placement::Plain), Disk::real());
        let found = |content: &[u8]| {
            place.write_state_file(&disk, FILE, content, 0o600).unwrap();
            Pending::at(&place, &disk).map(|pending| pending.is_some()).map_err(|e| e.exit_code())
        };
        assert_eq!(found(b""), Ok(false));
        assert_eq!(found(&[0; 900]), Ok(false));
        let whole = pending().to_bytes();
        assert_eq!(found(&whole), Ok(true));
        assert_eq!(found(&whole[..whole.len() / 2]), Err(4));
    }

    /// The key of an earlier run may be one that the CA has counted.
    #[test]
    fn only_a_new_key_is_kept_without_a_sync() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::with_layout(&dir.path().join("msp"), Placement::Plain);
        let synced = |pending: &Pending| {
            let synced = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&synced);
            let disk = Disk::with_faults(Arc::new(move |step| {
                seen.fetch_add(usize::from(step.op == Op::Sync), Ordering::Relaxed);
                FaultAction::Continue
            }));
            pending.keep_for_token(&place, &disk).unwrap();
            synced.load(Ordering::Relaxed) > 0
        };
        let new = pending();
        // The second time the folder is there.
        assert!(![synced(&new), synced(&new)][1]);
        assert!(synced(&Pending::at(&place, &Disk::real()).unwrap().unwrap()));
        assert!(synced(&new.in_place_of_another()));
    }
}
