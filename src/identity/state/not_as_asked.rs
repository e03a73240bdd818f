//! Answers of the CA that were not as requested, remembered because the CA counts each of them: a restart loop would
//! use up the identity's enrolments.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::brake::Brake;
use super::pending::Asked;
use crate::{Error, ErrorKind, Timestamp};

/// One or more such answers in a row to the same request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NotAsAsked {
    /// The request.
    asked: Asked,
    /// The number of such answers.
    count: u32,
    /// The local time of the last one.
    last: Timestamp,
    /// The error of the last one.
    message: String,
    /// The help of that error.
    help: Option<String>,
}

impl NotAsAsked {
    /// The first such answer, or the next one after `before` if the request is the same.
    pub(crate) fn after(before: Option<&Self>, asked: &Asked, wrong: &Error, now: Timestamp) -> Self {
        let count = before.filter(|b| b.asked == *asked).map_or(0, |b| b.count).saturating_add(1);
        let help = wrong.help().map(str::to_owned);
        Self { asked: asked.clone(), count, last: now, message: wrong.to_string(), help }
    }

    /// The error for a run that would repeat the same request too early; `None` if it may ask. `wrong` is the fault of
    /// the kept answer by this run's request, if the answer was kept.
    pub(crate) fn stops(&self, asked: &Asked, wrong: Option<Error>, now: Timestamp, file: &Path) -> Option<Error> {
        if self.asked != *asked || Brake::after(self.count, self.last, now) == Brake::Open {
            return None;
        }
        let remembered = || {
            let error = Error::new(ErrorKind::NotAsAsked, self.message.clone());
            match &self.help {
                Some(help) => error.with_help(help.clone()),
                None => error,
            }
        };
        let is_kept = wrong.is_some();
        Some(self.explain(wrong.unwrap_or_else(remembered), is_kept, now, file))
    }

    /// Adds to `wrong` where the answer is remembered, whether it is kept, and when the CA is asked again.
    pub(crate) fn explain(&self, wrong: Error, is_kept: bool, now: Timestamp, file: &Path) -> Error {
        let help = wrong.help().map(|h| format!("{h}; ")).unwrap_or_default();
        let (what, note) = if is_kept {
            ("kept", ": a later run whose request it satisfies installs it without another enrolment")
        } else {
            ("remembered", "")
        };
        let again = match Brake::after(self.count, self.last, now) {
            Brake::Until(at) => format!("the same request is sent again after {at}, or at once with --force"),
            Brake::Closed => "the same request is sent again only with --force".to_owned(),
            Brake::Open => "the next run sends the same request again".to_owned(),
        };
        let help = format!(
            "{help}the answer (of {}, number {}) is {what} in {}{note}; {again}",
            self.last,
            self.count,
            file.display()
        );
        match Brake::after(self.count, self.last, now) {
            Brake::Until(at) => wrong.with_help(help).with_retry_after(at.since(now)),
            Brake::Closed | Brake::Open => wrong.with_help(help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::x509::SubjectFields;

    fn asked(profile: &str) -> Asked {
        Asked::new(&[], &[], Some(profile), None, &SubjectFields::default())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_000_000 + seconds)
    }

    #[test]
    fn only_the_same_request_waits() {
        let wrong = Error::new(ErrorKind::NotAsAsked, "expected a certificate").with_help("fix it");
        let first = NotAsAsked::after(None, &asked("tls"), &wrong, at(0));
        let second = NotAsAsked::after(Some(&first), &asked("tls"), &wrong, at(600));
        let other = NotAsAsked::after(Some(&second), &asked("other"), &wrong, at(700));
        assert_eq!((first.count, second.count, other.count), (1, 2, 1));

        let file = Path::new("state/pending.json");
        let error = second.stops(&asked("tls"), None, at(4199), file).unwrap();
        assert_eq!((error.exit_code(), error.to_string().as_str()), (8, "expected a certificate"));
        let help = error.help().unwrap();
        for part in ["fix it", "remembered in state/pending.json", &at(4200).to_string(), "--force"] {
            assert!(help.contains(part), "{part}: {help}");
        }
        assert!(second.stops(&asked("tls"), None, at(4200), file).is_none());
        assert!(second.stops(&asked("other"), None, at(601), file).is_none());
    }

    #[test]
    fn the_error_follows_the_present_request() {
        let wrong = |text: &str| Error::new(ErrorKind::NotAsAsked, text);
        let first = NotAsAsked::after(None, &asked("tls"), &wrong("expected orderer"), at(0));
        let error = first.stops(&asked("tls"), Some(wrong("expected admin")), at(1), Path::new("f")).unwrap();
        assert_eq!(error.to_string(), "expected admin");
        assert!(error.help().unwrap().contains("kept in f"));
    }
}
