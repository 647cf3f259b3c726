//! A table of what is up, spread over many small locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::limit;

/// Values by number. Each lock is held for one look-up, so that calls do not wait for each other.
pub(crate) struct Table<V> {
    shards: Vec<Mutex<FxHashMap<u64, V>>>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Table<V> {
    pub(crate) fn new() -> Self {
        Self { shards: (0..limit::TABLE_SHARDS).map(|_| Mutex::default()).collect() }
    }

    pub(crate) fn insert(&self, key: u64, value: V) {
        self.shard(key).insert(key, value);
    }

    pub(crate) fn remove(&self, key: u64) -> Option<V> {
        self.shard(key).remove(&key)
    }

    /// Removes only what `still` recognises: another call may have taken the key over.
    pub(crate) fn remove_if(&self, key: u64, still: impl FnOnce(&V) -> bool) {
        let mut shard = self.shard(key);
        if shard.get(&key).is_some_and(still) {
            shard.remove(&key);
        }
    }

    /// The entries among which a key has its place, for what must be looked at and changed in one go.
    pub(crate) fn shard(&self, key: u64) -> MutexGuard<'_, FxHashMap<u64, V>> {
        // Fibonacci hashing: ids count up, and a session's shard sits in its high bits.
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.lock(spread as usize % self.shards.len())
    }

    fn lock(&self, index: usize) -> MutexGuard<'_, FxHashMap<u64, V>> {
        // Nothing between lock and unlock can leave the map half changed.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> Table<V> {
    pub(crate) fn get(&self, key: u64) -> Option<V> {
        self.shard(key).get(&key).cloned()
    }

    /// Copies everything; each shard is consistent in itself.
    pub(crate) fn values(&self) -> Vec<V> {
        (0..self.shards.len()).flat_map(|index| self.lock(index).values().cloned().collect::<Vec<_>>()).collect()
    }
}
