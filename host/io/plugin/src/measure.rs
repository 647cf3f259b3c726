//! What guests cost, for `tests/bench`: computing time of the calling thread, the least of several repetitions.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use call::LegId;

use crate::error::RunError;
use crate::host::Host;
use crate::instance::{Run, new_store};
use crate::limit::Limits;
use crate::loader::Version;
use crate::loader::native::thread_cpu_time;
use crate::port::CallPort;
use crate::slot::{AppSlot, FunctionSlot, run_app};

/// Repetitions of a measurement; the least counts, as the others were disturbed.
const REPETITIONS: u32 = 7;

/// P8: one call of a dialplan function that waits for nothing, from the dialplan's thread and back.
pub fn function_call(slot: &FunctionSlot, arguments: &[&str], rounds: u32) -> Duration {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    least(rounds, || {
        if let Some(answer) = ready(slot.clone().read(arguments.clone(), None)) {
            answer.expect("no fault").expect("a value");
        }
    })
}

/// P9: a fresh instance with its Store and all limits, made and dropped.
pub fn fresh_instance(host: &Host, version: &Version, rounds: u32) -> Duration {
    let limits = Limits::default();
    let app = version.0.app.as_ref().expect("an application");
    least(rounds, || {
        let mut store = new_store(&host.0.engine, &limits, None, Run::Trial);
        if let Some(instance) = ready(app.instantiate_async(&mut store)) {
            instance.expect("it starts");
        }
    })
}

/// How a run that never ends was ended.
#[derive(Clone, Copy, Debug)]
pub struct Runaway {
    /// From its start to its end, waits for the processor included.
    pub wall: Duration,
    /// What it computed, with all that the host did for it.
    pub computed: Duration,
}

/// P14: runs that never end. Such ends are not held against the plugin.
pub async fn runaways(slot: &AppSlot, port: Arc<dyn CallPort>, rounds: u32) -> Vec<Runaway> {
    let mut ends = Vec::new();
    for _ in 0..rounds {
        let run = run_app(slot.generation.clone(), slot.name.clone(), LegId(0), String::new(), port.clone());
        let guest = async move {
            let mut run = pin!(run);
            let mut computed = Duration::ZERO;
            let end = poll_fn(|context| {
                let begun = thread_cpu_time();
                let polled = run.as_mut().poll(context);
                computed += thread_cpu_time() - begun;
                polled
            })
            .await;
            (end, computed)
        };
        let begun = Instant::now();
        let (end, computed) = slot.generation.host.guests().spawn(guest).await.expect("no panic");
        assert!(matches!(end, Err(RunError::Cpu { .. })), "{end:?}");
        ends.push(Runaway { wall: begun.elapsed(), computed });
    }
    ends
}

fn least(rounds: u32, mut work: impl FnMut()) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..REPETITIONS {
        let begun = thread_cpu_time();
        for _ in 0..rounds {
            work();
        }
        least = least.min((thread_cpu_time() - begun) / rounds);
    }
    least
}

/// The result of a future that waits for nothing; none if the machine was busy and it gave way.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
