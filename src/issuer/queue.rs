//! What is to be looked at, and when: each thing once, never two looks at the same one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A queue of bounded length. Times are of any clock that does not go back.
#[derive(Debug)]
pub(super) struct Queue<K> {
    limit: usize,
    by_time: BTreeSet<(Duration, K)>,
    times: BTreeMap<K, Duration>,
    /// At work; the value is the time of the next look, if one was asked for meanwhile.
    running: BTreeMap<K, Option<Duration>>,
    failures: BTreeMap<K, u32>,
}

impl<K: Ord + Clone> Queue<K> {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            by_time: BTreeSet::new(),
            times: BTreeMap::new(),
            running: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Asks for a look at `key`, at the earlier of this time and the one that it has. Returns whether there is room.
    pub(super) fn add(&mut self, key: K, at: Duration) -> bool {
        if let Some(again) = self.running.get_mut(&key) {
            *again = Some(again.map_or(at, |before| before.min(at)));
            return true;
        }
        match self.times.get(&key).copied() {
            Some(before) if before <= at => return true,
            Some(before) => drop(self.by_time.remove(&(before, key.clone()))),
            None if self.times.len() >= self.limit => return false,
            None => {}
        }
        self.insert(key, at);
        true
    }

    /// As [`Self::add`], for something that may wait already: its time stays.
    pub(super) fn ensure(&mut self, key: K, at: Duration) -> bool {
        self.times.contains_key(&key) || self.running.contains_key(&key) || self.add(key, at)
    }

    fn insert(&mut self, key: K, at: Duration) {
        self.times.insert(key.clone(), at);
        self.by_time.insert((at, key));
    }

    /// The next thing that is due, which is at work from then on.
    pub(super) fn take(&mut self, now: Duration) -> Option<K> {
        let (at, key) = self.by_time.first().filter(|(at, _)| *at <= now)?.clone();
        self.by_time.remove(&(at, key.clone()));
        self.times.remove(&key);
        self.running.insert(key.clone(), None);
        Some(key)
    }

    /// When the next thing is due.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The work on `key` is done; it is looked at again at `retry`, or when that was asked for meanwhile. It had its room before.
    pub(super) fn done(&mut self, key: K, retry: Option<Duration>) {
        let asked = self.running.remove(&key).flatten();
        match retry {
            Some(_) => *self.failures.entry(key.clone()).or_default() += 1,
            None => drop(self.failures.remove(&key)),
        }
        if let Some(at) = [asked, retry].into_iter().flatten().min() {
            self.insert(key, at);
        }
    }

    /// How often the work on `key` has failed in a row.
    pub(super) fn failures(&self, key: &K) -> u32 {
        self.failures.get(key).copied().unwrap_or_default()
    }

    /// How many things wait.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// How many are at work.
    pub(super) fn running(&self) -> usize {
        self.running.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_earliest_time_counts() {
        let mut queue = Queue::new(9);
        for time in [5, 3, 8] {
            assert!(queue.add("a", at(time)));
        }
        assert_eq!((queue.len(), queue.next_at()), (1, Some(at(3))));
        assert!(queue.ensure("a", at(0)));
        assert_eq!((queue.take(at(2)), queue.take(at(3))), (None, Some("a")));
        assert!(queue.ensure("b", at(0)));
        assert_eq!(queue.take(at(3)), Some("b"));
    }

    #[test]
    fn what_is_at_work_is_not_taken_again_and_is_looked_at_after_it() {
        let mut queue = Queue::new(9);
        queue.add("a", at(0));
        queue.take(at(0));
        queue.add("a", at(1));
        assert_eq!((queue.take(at(9)), queue.running()), (None, 1));
        queue.done("a", Some(at(60)));
        assert_eq!((queue.failures(&"a"), queue.take(at(1))), (1, Some("a")));
        queue.done("a", None);
        assert_eq!((queue.failures(&"a"), queue.len(), queue.running()), (0, 0, 0));
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let mut queue = Queue::new(2);
        assert!(queue.add(1, at(0)) && queue.add(2, at(0)) && !queue.add(3, at(0)) && queue.add(2, at(1)));
        queue.take(at(0));
        assert!(queue.add(3, at(0)));
    }

    proptest! {
        /// Whatever is added and done, in any order: no key is at work twice, and none that there was room for is lost.
        #[test]
        fn each_key_is_at_work_once(steps in proptest::collection::vec((0u8..4, 0u8..5, 0u64..9), 0..200)) {
            let mut queue = Queue::new(3);
            let (mut running, mut wanted) = (BTreeSet::new(), BTreeSet::new());
            for (step, key, time) in steps {
                match step {
                    0 | 1 => if queue.add(key, at(time)) { wanted.insert(key); },
                    2 if running.len() < 2 => if let Some(key) = queue.take(at(time)) {
                        wanted.remove(&key);
                        prop_assert!(running.insert(key));
                    },
                    _ => if let Some(key) = running.pop_first() { queue.done(key, None); },
                }
                prop_assert_eq!(queue.running(), running.len());
                prop_assert!(queue.len() + running.len() <= 3 + 2);
            }
            for key in running {
                queue.done(key, None);
            }
            while let Some(key) = queue.take(at(9)) { wanted.remove(&key); queue.done(key, None); }
            prop_assert!(wanted.is_empty(), "{wanted:?}");
        }
    }
}
