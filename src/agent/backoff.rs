//! The pause after a failed try.

use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::{Error, ErrorKind};

/// Upper bound of the pause after the first failure; it doubles with every failure.
const FIRST: Duration = Duration::from_secs(5);

/// Upper bound of the pause after an error that may pass, and the pause after one that only a person can correct.
pub(crate) const LAST: Duration = Duration::from_secs(600);

/// The pause after a refusal that names no time: each try is a request. A certificate that would expire meanwhile is tried after a
/// quarter of the rest of its life.
const REFUSED: Duration = Duration::from_secs(3600);

/// The shortest pause.
pub(crate) const SHORTEST: Duration = Duration::from_secs(1);

/// The pause after `failures` failures in a row, with full jitter: `random` is in 0..1.
pub(crate) fn pause(failures: u32, random: f64) -> Duration {
    let bound = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(LAST);
    bound.mul_f64(random.clamp(0.0, 1.0)).max(SHORTEST)
}

/// The pause after `error`, the last of `failures` in a row: what it asks for itself (`Retry-After`, the memory of refusals), and a
/// tenth more at most, so that agents that wait for one CA do not come back together. A server that asks for more than a quarter of
/// `left`, the rest of the current certificate's life, is asked again after that time, but not within [`LAST`].
pub(crate) fn pause_after(error: &Error, failures: u32, random: f64, left: Option<Duration>) -> Duration {
    if let Some(asked) = error.retry_after() {
        let left = left.filter(|_| error.kind() != ErrorKind::Refused);
        let asked = asked.min(left.map_or(Duration::MAX, |left| (left / 4).max(LAST)));
        // A server that asks for none is not asked again and again.
        let asked = if asked < FIRST { pause(failures, random) } else { asked };
        return asked + (asked / 10).mul_f64(random.clamp(0.0, 1.0));
    }
    match error.kind() {
        ErrorKind::Refused => left.map_or(REFUSED, |left| (left / 4).clamp(LAST, REFUSED)),
        ErrorKind::Usage | ErrorKind::NoInput | ErrorKind::Input | ErrorKind::NotAsAsked => LAST,
        _ => pause(failures, random),
    }
}

/// A number in `[0, 1)` for the jitter.
pub(crate) fn random() -> f64 {
    let mut bytes = [0u8; 4];
    // Without randomness the pause only has less jitter.
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_be_bytes(bytes)) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_ten_minutes_with_full_jitter() {
        let bounds: Vec<u64> = (1..12).map(|failures| pause(failures, 1.0).as_secs()).collect();
        assert_eq!(bounds, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600]);
        assert_eq!(pause(8, 0.0), SHORTEST);
        assert_eq!(pause(8, 0.5).as_secs(), 300);
        assert_eq!(pause(u32::MAX, 1.0), LAST);
    }

    #[test]
    fn a_refusal_is_tried_again_before_the_certificate_expires() {
        let refused = Error::new(ErrorKind::Refused, "the database is locked");
        let pause = |left| pause_after(&refused, 1, 0.0, Some(Duration::from_secs(left))).as_secs();
        assert_eq!([pause(86_400), pause(7200), pause(60)], [3600, 1800, 600]);
    }

    #[test]
    fn the_error_decides_how_long_the_pause_is() {
        let of = |kind| Error::new(kind, "failed");
        assert_eq!(pause_after(&of(ErrorKind::Unreachable), 1, 1.0, None), FIRST);
        assert_eq!(pause_after(&of(ErrorKind::Input), 1, 0.0, None), LAST);
        assert_eq!(pause_after(&of(ErrorKind::Refused), 1, 0.0, None), REFUSED);
        let asked = || of(ErrorKind::Unreachable).with_retry_after(Duration::from_secs(100));
        assert_eq!(pause_after(&asked(), 9, 0.0, None).as_secs(), 100);
        assert_eq!(pause_after(&asked(), 9, 1.0, None).as_secs(), 110);
    }

    #[test]
    fn a_day_is_not_waited_for_on_the_last_day() {
        const DAY: Duration = Duration::from_secs(86_400);
        let after = |kind, left| pause_after(&Error::new(kind, "busy").with_retry_after(DAY), 1, 0.0, left);
        let busy = |left| after(ErrorKind::Unreachable, left);
        assert_eq!((busy(None), busy(Some(DAY * 30))), (DAY, DAY));
        assert_eq!(busy(Some(DAY)), DAY / 4);
        assert_eq!((busy(Some(Duration::from_secs(60))), busy(Some(Duration::ZERO))), (LAST, LAST));
        assert_eq!(after(ErrorKind::Refused, Some(DAY)), DAY, "the memory of refusals decides");
    }

    #[test]
    fn a_pause_that_is_asked_for_shortens_none() {
        let hurry = |failures| {
            let error = Error::new(ErrorKind::Unreachable, "busy").with_retry_after(Duration::ZERO);
            pause_after(&error, failures, 1.0, None)
        };
        assert_eq!((hurry(1), hurry(20)), (FIRST + FIRST / 10, LAST + LAST / 10));
    }
}
