//! Many units on several threads, in a stable order: what was audited comes out as if one thread had done it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::input::Unit;
use super::policy::PolicyError;
use super::run::{Audit, Audited};
use crate::fsx::Disk;

/// How far a run is.
pub trait Progress {
    /// So many of all units are done.
    fn done(&self, units: usize, all: usize);
}

/// Nobody looks.
impl Progress for () {
    fn done(&self, _: usize, _: usize) {}
}

/// Finished units that wait for an earlier one, for each thread: this bounds the memory.
const AHEAD: usize = 64;

/// Audits `units` with `jobs` threads and hands on what was audited, in the order of `units`.
///
/// # Errors
/// When the policy asks for a name that is none.
pub fn drive(
    audit: &Audit,
    disk: &Disk,
    units: &[Unit],
    jobs: usize,
    progress: &dyn Progress,
    take: &mut dyn FnMut(Audited),
) -> Result<(), PolicyError> {
    let jobs = jobs.clamp(1, units.len().max(1));
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(jobs * AHEAD);
        for _ in 0..jobs {
            let sender = sender.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(unit) = units.get(index) else { return };
                    // The receiver is gone only after an error, when nobody waits any more.
                    if sender.send((index, audit.unit(disk, unit))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut wanted = 0;
        for (index, done) in receiver {
            waiting.insert(index, done);
            while let Some(done) = waiting.remove(&wanted) {
                match done {
                    Ok(audited) => audited.into_iter().for_each(&mut *take),
                    Err(e) => {
                        stop.store(true, Ordering::Relaxed);
                        return Err(e);
                    }
                }
                wanted += 1;
                progress.done(wanted, units.len());
            }
        }
        Ok(())
    })
}
