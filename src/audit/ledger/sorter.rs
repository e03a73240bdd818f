//! Sorts many records in little memory: in runs, which are compressed and merged while they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Ledger, Record};

/// The number of records in a run.
const RUN: usize = 4096;

/// Collects records in any order.
#[derive(Clone, Debug)]
pub(crate) struct Sorter<T> {
    taken: Vec<T>,
    runs: Vec<Ledger<T>>,
}

/// Yields the records in order; equal records keep their input order.
#[derive(Clone, Debug)]
pub(crate) struct Sorted<T>(Vec<Ledger<T>>);

impl<T> Default for Sorter<T> {
    fn default() -> Self {
        Self { taken: Vec::new(), runs: Vec::new() }
    }
}

impl<T: Record + Ord> Sorter<T> {
    /// Adds a record.
    pub(crate) fn push(&mut self, record: T) {
        self.taken.push(record);
        if self.taken.len() == RUN {
            self.close();
        }
    }

    fn close(&mut self) {
        self.taken.sort();
        let mut run: Ledger<T> = self.taken.drain(..).collect();
        run.close();
        run.open = Vec::new();
        self.runs.push(run);
    }

    /// Ends the input.
    pub(crate) fn sorted(mut self) -> Sorted<T> {
        self.close();
        Sorted(self.runs)
    }
}

impl<T: Record + Ord> FromIterator<T> for Sorter<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        let mut sorter = Self::default();
        records.into_iter().for_each(|record| sorter.push(record));
        sorter
    }
}

impl<T: Record + Ord> Sorted<T> {
    /// The records in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + use<'_, T> {
        let mut runs: Vec<_> = self.0.iter().map(Ledger::iter).collect();
        let firsts = runs.iter_mut().enumerate().filter_map(|(run, records)| Some(Reverse((records.next()?, run))));
        let mut next: BinaryHeap<_> = firsts.collect();
        std::iter::from_fn(move || {
            let Reverse((record, run)) = next.pop()?;
            next.extend(runs[run].next().map(|record| Reverse((record, run))));
            Some(record)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Note;
    use super::*;

    #[test]
    fn records_are_sorted_from_any_input_order() {
        let count = 3 * RUN as u64 + 5;
        let note = |n: u64| Note(format!("{:05}", n * 7919 % 10_000), n % 5, "word");
        let mut expected: Vec<Note> = (0..count).map(note).collect();
        let sorted = expected.iter().cloned().collect::<Sorter<Note>>().sorted();
        expected.sort();
        assert!(sorted.iter().eq(expected.iter().cloned()));
        assert!(sorted.iter().eq(expected), "a second iteration");
        assert_eq!(Sorter::<Note>::default().sorted().iter().count(), 0);
    }
}
