//! Requests by secret that were refused or whose outcome is open, and the file that holds them.

use std::num::NonZeroU32;

use ring::pbkdf2;
use serde::{Deserialize, Serialize};

use super::schedule::LIMIT;
use crate::ca::CaUrl;
use crate::identity::state::random_id::random_id;
use crate::identity::state::record::sha256;
use crate::{Error, Secret, Timestamp};

/// OWASP's figure for PBKDF2-HMAC-SHA256. The hash is computed only when a try is remembered. Unit tests compute many.
const ITERATIONS: NonZeroU32 = match NonZeroU32::new(if cfg!(test) { 600 } else { 600_000 }) {
    Some(n) => n,
    None => NonZeroU32::MIN,
};

/// The version of the file. Version 1 held one secret of one identity, without a checksum.
const SCHEMA: u32 = 2;

/// The tries of one identity that are kept; only `--force` makes more than [`LIMIT`].
const KEPT: usize = 4 * LIMIT;

/// An identity at a CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subject {
    /// `HOST:PORT`, and the path of the URL.
    pub(super) ca: String,
    /// The name of the CA on the server, if one was requested.
    pub(super) ca_name: Option<String>,
    /// The enrolment id.
    pub(super) id: String,
}

impl Subject {
    pub(crate) fn new(url: &CaUrl, ca_name: Option<&str>, id: &str) -> Self {
        // A server answers below /api/v1 as well (fabric-ca v1.5.21 lib/server.go).
        let path = url.path().trim_end_matches("/api/v1");
        let ca_name = ca_name.filter(|n| !n.is_empty()).map(str::to_owned);
        Self { ca: format!("{}:{}{path}", url.host(), url.port()), ca_name, id: id.to_owned() }
    }

    /// Whether the CA may count a try of `other` for this identity too. A request without a CA name goes to the server's
    /// default CA, which may be any of its CAs; and some databases compare ids without regard to case.
    fn may_be(&self, other: &Self) -> bool {
        let named = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        self.ca == other.ca && named(&self.ca_name, &other.ca_name) && self.id.eq_ignore_ascii_case(&other.id)
    }
}

/// When the CA issued a certificate for a secret.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Success {
    /// In the request that this run has sent.
    Now,
    /// In an earlier run, which received it then.
    ReceivedAt(Timestamp),
    /// Then or later, in a request whose answer was lost: the first such request is taken.
    IssuedAt(Timestamp),
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// No answer was noted: the request is in flight, or its run was ended.
    Sent,
    /// An answer from which it is open whether the CA counted the request.
    Open(String),
    /// A refusal.
    Refused(String),
}

/// One request by secret since the last success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Try {
    /// A random number; the same in every folder that remembers this try.
    key: String,
    subject: Subject,
    /// Recognises the same secret; `None` until the answer is noted, so that a success costs no slow hash.
    mark: Option<Mark>,
    /// The time of the answer, or of the request while there is no answer.
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
    /// Identities that have enrolled since: the try does not count for them any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    not_for: Vec<Subject>,
}

/// Salt and salted slow hash of a secret: they recognise it, and do not help to guess it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    salt: String,
    hash: String,
}

impl Mark {
    /// A mark of `secret` with a new salt.
    ///
    /// # Errors
    /// When the operating system provides no randomness.
    pub(super) fn new(secret: &Secret) -> Result<Self, Error> {
        let salt = random_id()?;
        let hash = hash(secret, &salt);
        Ok(Self { salt, hash })
    }
}

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    tries: Vec<Try>,
    /// An earlier file could not be read: every identity counts as full, except those in `enrolled`.
    lost: bool,
    /// The identities that have enrolled since the file was lost.
    enrolled: Vec<Subject>,
    /// Tries in files of other folders that count no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ended: Vec<Ended>,
}

/// A try before a success that was noted in another folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    /// The key of the try.
    key: String,
    /// The identity that has enrolled since.
    by: Subject,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema_version: u32,
    /// Of `memory`, so that a changed count is noticed.
    sha256: String,
    memory: Memory,
}

/// The file of version 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstFile {
    schema_version: u32,
    url: String,
    ca_name: Option<String>,
    id: String,
    salt: String,
    secret_hash: String,
    count: u32,
    last: Timestamp,
    #[serde(rename = "message")]
    _message: serde::de::IgnoredAny,
}

impl Memory {
    /// Reads a file. `None` if it is broken, or of a version that this program does not know.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if let Ok(first) = serde_json::from_slice::<FirstFile>(bytes) {
            return Self::from_first(&first);
        }
        let file: File = serde_json::from_slice(bytes).ok()?;
        (file.schema_version == SCHEMA && file.sha256 == file.memory.digest()).then_some(file.memory)
    }

    fn from_first(first: &FirstFile) -> Option<Self> {
        let (url, ..) = CaUrl::parse(&first.url).ok().filter(|_| first.schema_version == 1 && first.count > 0)?;
        let subject = Subject::new(&url, first.ca_name.as_deref(), &first.id);
        let made = (0..first.count.min(5)).map(|n| Try {
            key: format!("{}-{n}", first.salt),
            subject: subject.clone(),
            mark: Some(Mark { salt: first.salt.clone(), hash: first.secret_hash.clone() }),
            at: first.last,
            outcome: Outcome::Refused("refused, as an earlier version of fabcert noted".to_owned()),
            not_for: Vec::new(),
        });
        Some(Self { tries: made.collect(), ..Self::default() })
    }

    /// What a file counts as that cannot be read.
    pub(super) fn lost() -> Self {
        Self { lost: true, ..Self::default() }
    }

    /// The bytes of the file; `None` when there is nothing to remember.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        if *self == Self::default() {
            return None;
        }
        let file = File { schema_version: SCHEMA, sha256: self.digest(), memory: self.clone() };
        Some(serde_json::to_vec_pretty(&file).unwrap_or_default())
    }

    fn digest(&self) -> String {
        sha256(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The tries alone, without the loss of an earlier file.
    pub(super) fn without_loss(self) -> Self {
        Self { lost: false, enrolled: Vec::new(), ..self }
    }

    /// Adds what another folder remembers.
    pub(super) fn join(&mut self, other: Self) {
        for known in other.tries {
            match self.tries.iter_mut().find(|t| t.key == known.key) {
                // A run that was killed while it noted the answer wrote it in one folder only.
                Some(own) if own.outcome == Outcome::Sent => *own = known,
                Some(_) => {}
                None => self.tries.push(known),
            }
        }
        match (self.lost, other.lost) {
            (true, true) => self.enrolled.retain(|s| other.enrolled.contains(s)),
            (false, true) => self.enrolled = other.enrolled,
            (_, false) => {}
        }
        self.lost |= other.lost;
        for ended in other.ended {
            if !self.ended.contains(&ended) {
                self.ended.push(ended);
            }
        }
    }

    /// Whether nothing is known about the tries of `subject`.
    pub(super) fn is_lost_for(&self, subject: &Subject) -> bool {
        self.lost && !self.enrolled.contains(subject)
    }

    /// The tries that the CA may count for `subject`, in the order of time.
    pub(super) fn of(&self, subject: &Subject) -> Vec<&Try> {
        let is_ended = |t: &Try| self.ended.iter().any(|e| e.key == t.key && (e.by == t.subject || e.by == *subject));
        let counts = |t: &&Try| subject.may_be(&t.subject) && !t.not_for.contains(subject) && !is_ended(t);
        let mut tries: Vec<&Try> = self.tries.iter().filter(counts).collect();
        tries.sort_by_key(|t| t.at);
        tries
    }

    /// The marks by which earlier tries of `subject` know this secret; one slow hash for each mark that is remembered.
    pub(super) fn marks(&self, subject: &Subject, secret: &Secret) -> Vec<Mark> {
        let mut marks: Vec<&Mark> = Vec::new();
        for mark in self.of(subject).into_iter().filter_map(|t| t.mark.as_ref()) {
            if !marks.contains(&mark) {
                marks.push(mark);
            }
        }
        marks.into_iter().filter(|mark| hash(secret, &mark.salt) == mark.hash).cloned().collect()
    }

    /// Adds a try of `subject` that is about to be sent; returns its key.
    ///
    /// # Errors
    /// When the operating system provides no randomness.
    pub(super) fn add(&mut self, subject: &Subject, mark: Option<Mark>, at: Timestamp) -> Result<String, Error> {
        let key = random_id()?;
        let subject = subject.clone();
        let own: Vec<String> = self.of(&subject).iter().map(|t| t.key.clone()).collect();
        // The newest are kept; there are more than the limit by then.
        let old = &own[..(own.len() + 1).saturating_sub(KEPT)];
        self.tries.retain(|t| !old.contains(&t.key));
        self.tries.push(Try { key: key.clone(), subject, mark, at, outcome: Outcome::Sent, not_for: Vec::new() });
        Ok(key)
    }

    /// Notes what came back for the try `key` of the secret with this mark.
    pub(super) fn settle(&mut self, key: &str, outcome: &Outcome, mark: &Mark, at: Timestamp) {
        for known in self.tries.iter_mut().filter(|t| t.key == key) {
            known.mark.get_or_insert_with(|| mark.clone());
            (known.at, known.outcome) = (at, outcome.clone());
        }
    }

    /// Removes the try `key`: the CA does not count it.
    pub(super) fn remove(&mut self, key: &str) {
        self.tries.retain(|t| t.key != key);
    }

    /// Forgets the tries up to `success` that the CA may count for an identity that has enrolled; `answered` is the name of
    /// the CA in the answer, or empty. A try that may have been of another identity or CA counts for that one only. Tries of
    /// `beside`, the memory of other folders, are noted as ended. Returns whether anything changed.
    pub(super) fn clear(&mut self, subject: &Subject, answered: &str, success: Success, beside: &Self) -> bool {
        let mut names = vec![subject.clone()];
        if subject.ca_name.is_none() && !answered.is_empty() {
            names.push(Subject { ca_name: Some(answered.to_owned()), ..subject.clone() });
        }
        let until = match success {
            Success::Now => None,
            Success::ReceivedAt(at) => Some(at),
            Success::IssuedAt(at) => {
                let open = self.of(subject).into_iter().filter(|t| !matches!(t.outcome, Outcome::Refused(_)));
                Some(open.map(|t| t.at).find(|lost| *lost >= at).unwrap_or(at))
            }
        };
        let is_before = |t: &Try| until.is_none_or(|until| t.at <= until);
        let before = self.clone();
        self.tries.retain(|t| !(names.contains(&t.subject) && is_before(t)));
        for other in self.tries.iter_mut().filter(|t| is_before(t) && subject.may_be(&t.subject)) {
            if !other.not_for.contains(subject) {
                other.not_for.push(subject.clone());
            }
        }
        self.ended.retain(|e| beside.tries.iter().any(|t| t.key == e.key));
        for t in beside.of(subject).into_iter().filter(|t| is_before(t)) {
            for by in &names {
                let ended = Ended { key: t.key.clone(), by: by.clone() };
                if !self.ended.contains(&ended) {
                    self.ended.push(ended);
                }
            }
        }
        if self.lost && until.is_none() && !self.enrolled.contains(subject) {
            self.enrolled.push(subject.clone());
        }
        *self != before
    }
}

impl Try {
    /// Whether this was, or may have been, a try of the secret with these marks.
    pub(super) fn is_of(&self, marks: &[Mark]) -> bool {
        self.mark.as_ref().is_none_or(|mark| marks.contains(mark))
    }
}

fn hash(secret: &Secret, salt: &str) -> String {
    let mut out = [0u8; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt.as_bytes(), secret.expose().as_bytes(), &mut out);
    crate::text::hex(&out)
}
