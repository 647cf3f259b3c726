//! How long a guest has computed, by the clock of its thread: exact however late the ticks come and whoever else wants the core.
//!
//! A guest stays on one thread within one poll of its future, so a mark made in a poll is good until that poll is over.

use std::cell::Cell;
use std::time::Duration;

use crate::loader::native::thread_cpu_time;

thread_local! {
    /// Counts the polls of guests on this thread.
    static POLLS: Cell<u64> = const { Cell::new(0) };
    /// The poll in which the mark was made, and the thread's computing time then.
    static MARK: Cell<Option<(u64, Duration)>> = const { Cell::new(None) };
}

/// A guest is polled on this thread.
pub(crate) fn begin_poll() {
    POLLS.set(POLLS.get().wrapping_add(1));
}

/// The guest goes on computing from here.
pub(crate) fn mark() {
    MARK.set(Some((POLLS.get(), thread_cpu_time())));
}

/// Whatever is polled next has not made the mark.
pub(crate) fn forget() {
    MARK.set(None);
}

/// Computing since the mark, if it was made in this poll.
pub(crate) fn since_mark() -> Option<Duration> {
    let (poll, then) = MARK.get()?;
    (poll == POLLS.get()).then(|| thread_cpu_time().saturating_sub(then))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_good_within_its_poll_only() {
        assert_eq!(since_mark(), None);
        begin_poll();
        assert_eq!(since_mark(), None);
        mark();
        let first = since_mark().unwrap();
        assert!(since_mark().unwrap() >= first);
        begin_poll();
        assert_eq!(since_mark(), None, "another guest may have been here meanwhile");
        mark();
        assert!(since_mark().is_some());
        forget();
        assert_eq!(since_mark(), None);
    }
}
