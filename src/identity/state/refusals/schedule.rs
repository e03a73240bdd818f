//! When a secret may be sent again. The CA locks an identity after ten wrong secrets (fabric-ca v1.5.21
//! `lib/serverrequestcontext.go`, `cfg.identities.passwordattempts`), and does not say how many are left.

use std::time::Duration;

use super::super::brake::end_of_pause;
use super::tries::Try;
use crate::Timestamp;

/// The pauses after the first, second, third and fourth try of one secret; the fifth is the last.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3600)];

/// The largest number of refused tries since the last success, over all secrets.
pub(crate) const LIMIT: usize = 8;

/// Whether a secret may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It may be sent now.
    Now,
    /// Not before this time.
    At(Timestamp),
    /// This secret was tried as often as it may be.
    SecretUsedUp,
    /// As many tries were refused as may be.
    Full,
}

impl Next {
    /// After `all` tries of the identity, of which `same` were of this secret.
    pub(super) fn after(all: usize, same: &[&Try], now: Timestamp) -> Self {
        if all >= LIMIT {
            return Self::Full;
        }
        let Some(last) = same.iter().map(|t| t.at).max() else { return Self::Now };
        let Some(pause) = PAUSES.get(same.len() - 1) else { return Self::SecretUsedUp };
        end_of_pause(last, *pause, now).map_or(Self::Now, Self::At)
    }

    /// When the next request is sent, for messages; `None` when it may be sent now.
    pub(crate) fn words(self) -> Option<String> {
        match self {
            Self::Now => None,
            Self::At(at) => Some(format!("the same secret may be tried again at {at}")),
            Self::SecretUsedUp => Some(format!(
                "the same secret was tried {} times and is sent again only with --force",
                PAUSES.len() + 1
            )),
            Self::Full => Some(format!("after {LIMIT} tries without success no secret is sent without --force")),
        }
    }
}
