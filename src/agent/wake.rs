//! Waits for a time of the wall clock or a signal, without a wake-up in between, and sees when the clock is set.

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::getpid;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Error, ErrorKind, Timestamp};

/// Why the agent was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The time has come, or the clock was set.
    Timer,
    /// SIGHUP: look again.
    Look,
    /// SIGUSR1: renew now.
    Renew,
    /// A process that became a child of this one, process 1 of a container, has ended.
    Orphan,
}

/// The timer and the signals.
#[derive(Debug)]
pub(crate) struct Wake {
    timer: AsyncFd<OwnedFd>,
    look: Signal,
    renew: Signal,
    /// Where this is process 1.
    orphans: Option<Signal>,
    /// The wall clock less the time since boot, suspends included: it changes only when the clock is set.
    base: i64,
}

impl Wake {
    /// From here on SIGHUP and SIGUSR1 do not end the process.
    ///
    /// # Errors
    /// When the system provides no timer or no handler.
    pub(crate) fn new(now: Timestamp) -> Result<Self, Error> {
        let no_signal = |e: std::io::Error| Error::new(ErrorKind::Io, "cannot wait for signals").with_source(e);
        let no_timer = |e: std::io::Error| Error::new(ErrorKind::Io, "cannot wait for a time").with_source(e);
        // A timer on this clock goes on over a suspend, and is interrupted when the clock is set.
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags).map_err(|e| no_timer(e.into()))?;
        Ok(Self {
            timer: registered(timer).map_err(no_timer)?,
            look: signal(SignalKind::hangup()).map_err(no_signal)?,
            renew: signal(SignalKind::user_defined1()).map_err(no_signal)?,
            orphans: getpid().is_init().then(|| signal(SignalKind::child())).transpose().map_err(no_signal)?,
            base: base(now),
        })
    }

    /// Waits until the wall clock reads `at`, it is set, or a signal comes.
    ///
    /// # Errors
    /// When the timer cannot be set.
    pub(crate) async fn until(&mut self, at: Timestamp) -> Result<Woken, Error> {
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        // A zero would turn the timer off.
        let value = Itimerspec { it_interval: none, it_value: Timespec { tv_sec: at.unix().max(1), tv_nsec: 0 } };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(&self.timer, flags, &value)
            .map_err(|e| Error::new(ErrorKind::Io, "cannot wait for a time").with_source(std::io::Error::from(e)))?;
        tokio::select! {
            biased;
            _ = self.renew.recv() => Ok(Woken::Renew),
            _ = self.look.recv() => Ok(Woken::Look),
            () = received(self.orphans.as_mut()) => Ok(Woken::Orphan),
            () = expired(&self.timer) => Ok(Woken::Timer),
        }
    }

    /// The seconds by which the wall clock, which reads `now`, was set since the last call. A suspend does not count.
    pub(crate) fn jump(&mut self, now: Timestamp) -> i64 {
        let base = base(now);
        base.saturating_sub(std::mem::replace(&mut self.base, base))
    }
}

/// Waits for a signal that may not be handled.
async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// The timer as the runtime waits for it.
#[allow(deprecated, reason = "its successor is unsafe, for types whose file can change; that of an OwnedFd cannot")]
fn registered(timer: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(timer)
}

/// Waits until the timer has expired or the clock was set.
async fn expired(timer: &AsyncFd<OwnedFd>) {
    loop {
        // An error of the runtime itself: the loop turns, and fails where it waits again.
        let Ok(mut ready) = timer.readable().await else { return };
        match rustix::io::read(timer, &mut [0u8; 8]) {
            Err(Errno::AGAIN) => ready.clear_ready(),
            Err(Errno::INTR) => {}
            // A set clock is ECANCELED.
            Ok(_) | Err(_) => return,
        }
    }
}

fn base(now: Timestamp) -> i64 {
    now.unix().saturating_sub(clock_gettime(ClockId::Boottime).tv_sec)
}
