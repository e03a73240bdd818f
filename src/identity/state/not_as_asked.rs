//! Answers of the CA that were not what was asked, remembered so that a restart loop does not use up an identity's
//! enrolments: the CA counts every one of them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::brake::Brake;
use super::pending::Asked;
use crate::{Error, ErrorKind, Timestamp};

/// One or more such answers in a row, all to the same request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NotAsAsked {
    /// What was asked.
    asked: Asked,
    /// How often the answer was not that.
    count: u32,
    /// When the last one came, by the local clock.
    last: Timestamp,
    /// What was wrong with the last one.
    message: String,
    /// What can be done about it.
    help: Option<String>,
}

impl NotAsAsked {
    /// The first such answer, or the next one after `before` where that was to the same request.
    pub(crate) fn after(before: Option<&Self>, asked: &Asked, wrong: &Error, now: Timestamp) -> Self {
        let count = before.filter(|b| b.asked == *asked).map_or(0, |b| b.count).saturating_add(1);
        let help = wrong.help().map(str::to_owned);
        Self { asked: asked.clone(), count, last: now, message: wrong.to_string(), help }
    }

    /// The error for a run that would only ask the very same again, `None` when it may. `wrong` is what is wrong with the
    /// answer in the light of this run's requests, where the answer could be kept.
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
        Some(self.told(wrong.unwrap_or_else(remembered), is_kept, now, file))
    }

    /// `wrong` with what follows from it: where it is remembered, what becomes of the answer, and when the CA is asked
    /// again.
    pub(crate) fn told(&self, wrong: Error, is_kept: bool, now: Timestamp, file: &Path) -> Error {
        let help = wrong.help().map(|h| format!("{h}; ")).unwrap_or_default();
        let (what, use_of_it) = if is_kept {
            ("kept", ": a run with corrected requests that it meets installs it without another enrolment")
        } else {
            ("remembered", "")
        };
        let again = match Brake::after(self.count, self.last, now) {
            Brake::Until(at) => format!("the CA is asked the same again after {at}, or at once with --force"),
            Brake::Closed => "the CA is asked the same again only with --force".to_owned(),
            Brake::Open => "the next run asks the CA the same again".to_owned(),
        };
        let help = format!(
            "{help}the answer (of {}, number {}) is {what} in {}{use_of_it}; {again}",
            self.last,
            self.count,
            file.display()
        );
        wrong.with_help(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::x509::SubjectFields;

    fn asked(profile: &str) -> Asked {
        Asked::new(&[], Some(profile), None, &SubjectFields::default())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_000_000 + seconds)
    }

    #[test]
    fn only_the_very_same_request_waits_and_another_one_begins_anew() {
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
    fn what_is_wrong_is_said_in_the_light_of_the_present_wishes() {
        let wrong = |text: &str| Error::new(ErrorKind::NotAsAsked, text);
        let first = NotAsAsked::after(None, &asked("tls"), &wrong("expected orderer"), at(0));
        let error = first.stops(&asked("tls"), Some(wrong("expected admin")), at(1), Path::new("f")).unwrap();
        assert_eq!(error.to_string(), "expected admin");
        assert!(error.help().unwrap().contains("kept in f"));
    }
}
