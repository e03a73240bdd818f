//! Audits many units on several threads, in a stable order: the results are those of a single thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TrySendError};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use super::unit::Criteria;
use crate::audit::input::Unit;
use crate::audit::model::audited::Audited;
use crate::disk::Disk;
use crate::policy::PolicyError;

/// The progress of a run.
pub(crate) trait Progress {
    /// Reports the number of finished units, the number of found units, and whether the search continues.
    fn done(&self, units: usize, found: usize, searching: bool);

    /// Reports the end of a run, after which other lines may be printed.
    fn end(&self) {}
}

/// Reports no progress.
impl Progress for () {
    fn done(&self, _: usize, _: usize, _: bool) {}
}

/// The number of units that threads may be ahead of the first unfinished one: this bounds the memory.
const AHEAD: usize = 64;

/// The number of units in a batch between threads when all threads are busy: waking a thread for each unit costs more
/// than the smallest units.
const BATCH: usize = 16;

/// The most threads: more would only wait for the disk.
const MOST_JOBS: usize = 256;

/// A source of units, which passes each unit to its argument.
pub(crate) type Source<'a> = Box<dyn FnOnce(&mut dyn FnMut(Unit)) + Send + 'a>;

/// Audits the units of `source` with `jobs` threads while they are found, and passes on the results in the order of the
/// units.
///
/// # Errors
/// If the policy expects an invalid name.
pub(crate) fn drive(
    criteria: &Criteria,
    disk: &Disk,
    source: Source<'_>,
    jobs: usize,
    progress: &dyn Progress,
    take: &mut dyn FnMut(Audited),
) -> Result<(), PolicyError> {
    let jobs = jobs.clamp(1, MOST_JOBS);
    let (found, searching, stop) = (AtomicUsize::new(0), AtomicBool::new(true), AtomicBool::new(false));
    let window = Window::new(jobs * AHEAD);
    let (give, units) = mpsc::sync_channel(2 * jobs);
    let (units, source) = (Mutex::new(units), Mutex::new(Some(source)));
    thread::scope(|scope| {
        let (found, searching, stop, window, units) = (&found, &searching, &stop, &window, &units);
        let (sender, receiver) = mpsc::channel();
        let work = |sender: Sender<Vec<_>>| {
            move || {
                while let Some(batch) = next(units) {
                    let audited = |(index, unit): (usize, Unit)| {
                        (!stop.load(Ordering::Relaxed)).then(|| (index, criteria.unit(disk, &unit)))
                    };
                    // The receiver is dropped only after an error; the results are then not needed.
                    drop(sender.send(batch.into_iter().filter_map(audited).collect::<Vec<_>>()));
                }
            }
        };
        // The system may limit the number of threads: fewer are enough.
        let spawn = |_: &usize| thread::Builder::new().spawn_scoped(scope, work(sender.clone())).is_ok();
        let workers = (0..jobs).take_while(spawn).count();
        drop(sender);
        let own = &source;
        let search = move || {
            let mut batch = Vec::new();
            let Some(source) = taken(own) else { return };
            source(&mut |unit| {
                let index = found.fetch_add(1, Ordering::Relaxed);
                if window.is_closed_to(index) {
                    // The window may wait for a unit of the pending batch.
                    drop(give.send(std::mem::take(&mut batch)));
                    window.wait_for(index);
                }
                batch.push((index, unit));
                batch = match give.try_send(std::mem::take(&mut batch)) {
                    Err(TrySendError::Full(batch)) if batch.len() < BATCH => batch,
                    Err(TrySendError::Full(batch)) => {
                        // The worker threads receive until the channel closes, so this does not block forever.
                        drop(give.send(batch));
                        Vec::new()
                    }
                    Ok(()) | Err(TrySendError::Disconnected(_)) => Vec::new(),
                };
            });
            drop(give.send(batch));
            searching.store(false, Ordering::Relaxed);
        };
        // Without a thread of their own, the workers end because the search that feeds them is dropped.
        if workers == 0 || thread::Builder::new().spawn_scoped(scope, search).is_err() {
            return taken(&source).map_or(Ok(()), |source| alone(criteria, disk, source, progress, take));
        }
        let mut waiting = BTreeMap::new();
        let mut wanted = 0;
        for (index, done) in receiver.into_iter().flatten() {
            waiting.insert(index, done);
            while let Some(done) = waiting.remove(&wanted) {
                match done {
                    Ok(audited) => audited.into_iter().for_each(&mut *take),
                    Err(e) => {
                        stop.store(true, Ordering::Relaxed);
                        window.open();
                        return Err(e);
                    }
                }
                wanted += 1;
                window.move_to(wanted);
                progress.done(wanted, found.load(Ordering::Relaxed), searching.load(Ordering::Relaxed));
            }
        }
        Ok(())
    })
}

fn taken<'a>(source: &Mutex<Option<Source<'a>>>) -> Option<Source<'a>> {
    source.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Audits the units on this thread.
fn alone(
    criteria: &Criteria,
    disk: &Disk,
    source: Source<'_>,
    progress: &dyn Progress,
    take: &mut dyn FnMut(Audited),
) -> Result<(), PolicyError> {
    let (mut count, mut outcome) = (0, Ok(()));
    source(&mut |unit| {
        if outcome.is_ok() {
            count += 1;
            outcome = criteria.unit(disk, &unit).map(|audited| audited.into_iter().for_each(&mut *take));
            progress.done(count, count, true);
        }
    });
    outcome
}

type Batch = Vec<(usize, Unit)>;

fn next(units: &Mutex<Receiver<Batch>>) -> Option<Batch> {
    units.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Limits how far finished units may be ahead of a slow one.
struct Window {
    first: Mutex<usize>,
    moved: Condvar,
    width: usize,
}

impl Window {
    const fn new(width: usize) -> Self {
        Self { first: Mutex::new(0), moved: Condvar::new(), width }
    }

    /// Whether the unit `index` must wait.
    fn is_closed_to(&self, index: usize) -> bool {
        index >= self.first.lock().unwrap_or_else(PoisonError::into_inner).saturating_add(self.width)
    }

    /// Waits until the unit `index` may start.
    fn wait_for(&self, index: usize) {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.moved.wait_while(first, |first| index >= first.saturating_add(self.width)));
    }

    /// States that all units before `first` are finished.
    fn move_to(&self, first: usize) {
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = first;
        self.moved.notify_one();
    }

    /// Releases all waiting threads.
    fn open(&self) {
        self.move_to(usize::MAX);
    }
}
