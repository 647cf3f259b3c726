//! The one structure that holds every deadline of an endpoint.
//!
//! Keys are small copies; setting a key again moves it, so the owner never holds a stale deadline and
//! [`Timers::next`] is exact. Equal deadlines come out in the order of their keys, which keeps runs repeatable.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::time::Instant;

use rustc_hash::FxHashMap;

/// Deadlines by key, earliest first.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    order: BTreeSet<(Instant, K)>,
    deadline: FxHashMap<K, Instant>,
}

impl<K: Copy + Ord + Hash> Timers<K> {
    /// No deadlines.
    pub(crate) fn new() -> Self {
        Self { order: BTreeSet::new(), deadline: FxHashMap::default() }
    }

    /// Sets or moves the deadline of `key`.
    pub(crate) fn set(&mut self, key: K, at: Instant) {
        if let Some(before) = self.deadline.insert(key, at) {
            self.order.remove(&(before, key));
        }
        self.order.insert((at, key));
    }

    /// Forgets `key`; nothing happens when it has no deadline.
    pub(crate) fn cancel(&mut self, key: K) {
        if let Some(before) = self.deadline.remove(&key) {
            self.order.remove(&(before, key));
        }
    }

    /// Whether `key` has a deadline.
    pub(crate) fn contains(&self, key: K) -> bool {
        self.deadline.contains_key(&key)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes the earliest key whose deadline has come.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<K> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.deadline.remove(&key);
        Some(key)
    }

    /// The number of deadlines.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}

/// A start instant for tests; everything after it is virtual.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a virtual clock needs one real instant to count from")]
pub(crate) fn test_clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn earliest_first_and_moved_keys_fire_once() {
        let start = test_clock();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::new();
        timers.set(1_u32, at(30));
        timers.set(2, at(10));
        timers.set(3, at(20));
        timers.set(2, at(40));
        timers.cancel(3);
        timers.cancel(9);
        assert_eq!(timers.next(), Some(at(30)));
        assert_eq!(timers.pop(at(29)), None);
        assert_eq!(timers.pop(at(50)), Some(1));
        assert_eq!(timers.pop(at(50)), Some(2));
        assert_eq!(timers.pop(at(50)), None);
        assert_eq!((timers.next(), timers.len()), (None, 0));
    }
}
