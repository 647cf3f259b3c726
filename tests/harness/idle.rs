//! Whether anything outside the test's thread is at work: the disk, the plugins' threads.
//!
//! Their work takes real time, which must take no virtual time. A thread that works is running or waits for the disk; one that
//! waits for work sleeps. Linux tells which under `/proc/self/task`.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, PoisonError};

/// Threads that drive a world: each spins while it waits for the others, so they must not wait for one another.
static DRIVERS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Looks at the threads of this process.
#[derive(Debug)]
pub(crate) struct Others {
    own: String,
}

impl Others {
    /// For the thread that calls.
    pub(crate) fn new() -> Self {
        let own = fs::read_link("/proc/thread-self").expect("Linux has it");
        let own = own.file_name().expect("it ends with the thread's number").to_string_lossy().into_owned();
        DRIVERS.lock().unwrap_or_else(PoisonError::into_inner).insert(own.clone());
        Self { own }
    }

    /// Whether all others sleep. Seen twice, for a thread that is about to be woken shows as running only then.
    pub(crate) fn are_idle(&self) -> bool {
        self.sleep() && {
            std::thread::yield_now();
            self.sleep()
        }
    }

    fn sleep(&self) -> bool {
        let drivers = DRIVERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Ok(threads) = fs::read_dir("/proc/self/task") else { return true };
        threads.flatten().all(|thread| {
            let name = thread.file_name();
            let name = name.to_string_lossy();
            if drivers.contains(name.as_ref()) {
                return true;
            }
            // `number (name) state …`: the name may hold anything, so look behind its last parenthesis.
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            !matches!(state, Some('R' | 'D'))
        })
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        DRIVERS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.own);
    }
}
