//! What a plugin uses in its tenant: counters that every run adds to and nobody waits for.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::loader::native::thread_cpu_time;

/// What a plugin has used in its tenant since the host came up, all its versions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Computing, in microseconds of a core: the guest's and that of the host functions it called. Dialplan functions that are over within
    /// their first millisecond by the wall clock, all else by the clock of the thread.
    pub cpu_us: u64,
    /// Bytes of memory of its instances now, idle ones too.
    pub memory: u64,
    /// The most that was.
    pub memory_peak: u64,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Bytes that it gave the host and got from it: values, requests and answers, events, log.
    pub moved: u64,
    /// Runs that did not begin: the tenant had as many as it may, or the plugin was suspended.
    pub refused: u64,
    /// Bytes of its kv space.
    pub kv: u64,
    /// Bytes of its recordings and other blobs.
    pub blob: u64,
}

/// The same, as it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    cpu_ns: AtomicU64,
    memory: AtomicU64,
    memory_peak: AtomicU64,
    host_calls: AtomicU64,
    moved: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    /// It has computed for so long.
    pub(crate) fn computed(&self, time: Duration) {
        self.cpu_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What a run did, when it is over.
    pub(crate) fn did(&self, host_calls: u64, moved: u64) {
        if (host_calls, moved) == (0, 0) {
            return;
        }
        self.host_calls.fetch_add(host_calls, Ordering::Relaxed);
        self.moved.fetch_add(moved, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// An instance has so many bytes more.
    pub(crate) fn grew(&self, bytes: u64) {
        let now = self.memory.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.memory_peak.fetch_max(now, Ordering::Relaxed);
    }

    /// An instance is gone.
    pub(crate) fn shrank(&self, bytes: u64) {
        self.memory.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What is counted, with what the tenant's store says.
    pub(crate) fn read(&self, (kv, blob): (u64, u64)) -> Usage {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage {
            cpu_us: read(&self.cpu_ns) / 1_000,
            memory: read(&self.memory),
            memory_peak: read(&self.memory_peak),
            host_calls: read(&self.host_calls),
            moved: read(&self.moved),
            refused: read(&self.refused),
            kv,
            blob,
        }
    }
}

/// Runs a guest to its end and tells how long each poll of it computed.
pub(crate) async fn metered<T>(guest: impl Future<Output = T>, mut computed: impl FnMut(Duration)) -> T {
    let mut guest = pin!(guest);
    poll_fn(|context| {
        let begun = thread_cpu_time();
        let polled = guest.as_mut().poll(context);
        computed(thread_cpu_time().saturating_sub(begun));
        polled
    })
    .await
}

/// A share of a core in the long run: what is used of it beyond is waited for.
#[derive(Debug)]
pub(crate) struct Share {
    /// What was left at `at`. May be negative: a message that was begun is finished.
    left_ns: i64,
    at: Instant,
    most_ns: i64,
    percent: u32,
}

impl Share {
    /// So many percent of a core, a second's worth of it at once.
    pub(crate) fn new(now: Instant, percent: u32) -> Self {
        let most_ns = i64::from(percent) * 10_000_000;
        Self { left_ns: most_ns, at: now, most_ns, percent }
    }

    /// So much was used until now.
    pub(crate) fn used(&mut self, now: Instant, time: Duration) {
        self.left_ns = self.left_ns(now).saturating_sub(nanoseconds(time));
        self.at = now;
    }

    /// How long from now nothing may be used.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        let owed = u64::try_from(self.left_ns(now).checked_neg()?).ok().filter(|owed| *owed > 0)?;
        // Rounded up: after the pause it may.
        Some(Duration::from_nanos(owed.saturating_mul(100).div_ceil(u64::from(self.percent.max(1)))))
    }

    fn left_ns(&self, now: Instant) -> i64 {
        let more = nanoseconds(now.saturating_duration_since(self.at)).saturating_mul(i64::from(self.percent)) / 100;
        self.left_ns.saturating_add(more).min(self.most_ns)
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_there_is_and_the_most_there_was() {
        let counters = Counters::default();
        counters.grew(100);
        counters.grew(50);
        counters.shrank(100);
        let usage = counters.read((1, 2));
        assert_eq!((usage.memory, usage.memory_peak, usage.kv, usage.blob), (50, 150, 1, 2));
    }

    #[test]
    fn a_share_is_kept_in_the_long_run() {
        let ms = Duration::from_millis;
        let now = Instant::now();
        let mut share = Share::new(now, 10);
        share.used(now, ms(100));
        assert_eq!(share.pause(now), None, "a second's worth at once");
        share.used(now, ms(10));
        assert_eq!(share.pause(now), Some(ms(100)), "a tenth of a core makes 10 ms in 100");
        assert_eq!(share.pause(now + ms(60)), Some(ms(40)), "time passes without a word");
        assert_eq!(share.pause(now + ms(100)), None);
        let later = now + ms(3_600_000);
        share.used(later, ms(100));
        assert_eq!(share.pause(later), None);
        share.used(later, ms(1));
        assert!(share.pause(later).is_some(), "an hour of rest is no more than a second's worth");
        let pause = share.pause(later).expect("it owes");
        assert_eq!(share.pause(later + pause), None, "a pause is as long as it says");
    }

    #[tokio::test]
    async fn what_is_computed_between_waits_is_counted() {
        let mut computed = Duration::ZERO;
        let guest = async {
            for _ in 0..3 {
                let begun = thread_cpu_time();
                while thread_cpu_time() - begun < Duration::from_millis(2) {}
                tokio::task::yield_now().await;
            }
        };
        metered(guest, |time| computed += time).await;
        assert!(computed >= Duration::from_millis(6), "{computed:?}");
    }
}
