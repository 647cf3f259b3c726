//! The clock by which guests are interrupted: it ticks while one computes and sleeps while none does.
//!
//! A tick costs about 25 µs of processor time, most of it in the kernel: a thousand of them a second would be 2.4 % of a
//! core on a host whose guests all wait.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Instant;

use crate::limit::TICK;
use crate::meter;

/// The thread that ticks; it ends with this value.
pub(crate) struct Ticker {
    state: Arc<State>,
    thread: Thread,
}

#[derive(Default)]
struct State {
    /// Guests that compute at this moment.
    computing: AtomicUsize,
    /// One has computed since the last tick.
    computed: AtomicBool,
    /// The thread sleeps until it is woken.
    asleep: AtomicBool,
    over: AtomicBool,
}

impl Ticker {
    /// Starts the thread, which calls `tick` while a guest computes.
    pub(crate) fn start(tick: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let state = Arc::new(State::default());
        let own = Arc::clone(&state);
        let thread = thread::Builder::new().name("plugin-epoch".into()).spawn(move || own.run(tick))?;
        Ok(Self { state, thread: thread.thread().clone() })
    }

    /// Runs a guest. It is interrupted only inside of this; while it waits for the host, nothing ticks for it.
    pub(crate) async fn watch<T>(&self, guest: impl Future<Output = T>) -> T {
        let mut guest = pin!(guest);
        poll_fn(|context| {
            let _computing = self.begin();
            meter::begin_poll();
            guest.as_mut().poll(context)
        })
        .await
    }

    fn begin(&self) -> Computing<'_> {
        // In one order with what the thread does before it sleeps: it sees the guest, or the guest sees it asleep.
        self.state.computing.fetch_add(1, Ordering::SeqCst);
        if self.state.asleep.load(Ordering::SeqCst) {
            self.state.asleep.store(false, Ordering::SeqCst);
            self.thread.unpark();
        }
        Computing(&self.state)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// A guest that computes, also if it panics.
struct Computing<'a>(&'a State);

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.computed.store(true, Ordering::SeqCst);
        self.0.computing.fetch_sub(1, Ordering::SeqCst);
    }
}

impl State {
    fn run(&self, tick: impl Fn()) {
        let mut next = Instant::now() + TICK;
        while !self.over.load(Ordering::SeqCst) {
            if self.is_idle() {
                self.sleep();
                next = Instant::now() + TICK;
                continue;
            }
            match next.checked_duration_since(Instant::now()) {
                Some(rest) => thread::sleep(rest),
                // Behind by at least a tick (a busy machine): ticks that were missed are not made up for.
                None => next = Instant::now(),
            }
            next += TICK;
            tick();
        }
    }

    /// No guest has computed since the last tick. One that comes and goes all the time does not wake the thread each time.
    fn is_idle(&self) -> bool {
        self.computing.load(Ordering::SeqCst) == 0 && !self.computed.swap(false, Ordering::SeqCst)
    }

    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.asleep.load(Ordering::SeqCst)
            && self.computing.load(Ordering::SeqCst) == 0
            && !self.over.load(Ordering::SeqCst)
        {
            // A wake-up from before makes this return at once; the loop asks again.
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A ticker that tells of each tick; a tick that nobody waits for is not kept.
    fn ticker() -> (Ticker, mpsc::Receiver<()>) {
        let (sender, ticks) = mpsc::sync_channel(0);
        let tell = move || match sender.try_send(()) {
            // The test may be over.
            Ok(()) | Err(mpsc::TrySendError::Full(()) | mpsc::TrySendError::Disconnected(())) => {}
        };
        (Ticker::start(tell).unwrap(), ticks)
    }

    fn wait_until_asleep(ticker: &Ticker) {
        let begun = Instant::now();
        while !ticker.state.asleep.load(Ordering::SeqCst) {
            assert!(begun.elapsed().as_secs() < 30, "it never sleeps");
            thread::yield_now();
        }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn it_ticks_while_a_guest_computes_and_sleeps_while_none_does() {
        let (ticker, ticks) = ticker();
        for _ in 0..3 {
            wait_until_asleep(&ticker);
            block_on(ticker.watch(async {
                for _ in 0..3 {
                    ticks.recv().unwrap();
                }
            }));
        }
        wait_until_asleep(&ticker);
    }

    #[test]
    fn a_guest_that_waits_does_not_keep_it_awake() {
        let (ticker, ticks) = ticker();
        block_on(async {
            let (wake, woken) = tokio::sync::oneshot::channel();
            let guest = ticker.watch(async {
                woken.await.unwrap();
                ticks.recv().unwrap();
            });
            let host = async {
                wait_until_asleep(&ticker);
                wake.send(()).unwrap();
            };
            tokio::join!(guest, host);
        });
    }

    #[test]
    fn a_panic_of_a_guest_does_not_keep_it_awake() {
        let (ticker, _ticks) = ticker();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            block_on(ticker.watch(async { panic!("a host function") }));
        }));
        assert!(panic.is_err());
        wait_until_asleep(&ticker);
    }

    #[test]
    fn its_thread_ends_with_it() {
        let (ticker, ticks) = ticker();
        wait_until_asleep(&ticker);
        drop(ticker);
        assert_eq!(ticks.recv(), Err(mpsc::RecvError));
    }
}
