//! Instances that serve one call after another: functions and strategies, which have nothing of a call between two.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::task::JoinHandle;
use wasmtime::Store;

use crate::abi::v0_1::function::Function;
use crate::abi::v0_1::strategy::Strategy;
use crate::error::{GuestError, RunError};
use crate::generation::Generation;
use crate::instance::{Run, State, new_store};
use crate::limit::{REUSED_INSTANCE_CALLS, TICK};
use crate::loader::World;
use crate::port::BoxFuture;
use crate::usage::metered;

/// What a guest said, or how it failed.
pub(super) type Answer<T> = Result<Result<T, GuestError>, RunError>;

/// A future that is polled once where it is and then elsewhere.
pub(super) struct Migrating<T> {
    generation: Arc<Generation>,
    place: Place<T>,
}

enum Place<T> {
    New(BoxFuture<'static, Answer<T>>),
    Moved(JoinHandle<Answer<T>>),
    Over,
}

impl<T: Send + 'static> Migrating<T> {
    /// A call on a reused instance, watched, which tells its generation how it ended.
    pub(super) fn new(
        generation: Arc<Generation>,
        name: Arc<str>,
        guest: impl Future<Output = Answer<T>> + Send + 'static,
    ) -> Self {
        let future = watched(generation.clone(), name, guest);
        Self { generation, place: Place::New(Box::pin(future)) }
    }

    /// One that begins on the guest threads: where it is asked for, another guest is at work.
    pub(super) fn elsewhere(
        generation: Arc<Generation>,
        name: Arc<str>,
        guest: impl Future<Output = Answer<T>> + Send + 'static,
    ) -> Self {
        let task = spawn(&generation, watched(generation.clone(), name, guest));
        Self { generation, place: Place::Moved(task) }
    }
}

async fn watched<T>(generation: Arc<Generation>, name: Arc<str>, guest: impl Future<Output = Answer<T>>) -> Answer<T> {
    let result = generation.host.ticker.watch(guest).await;
    generation.tell_of_failure(&name, result.as_ref().err());
    generation.finished(&name, result.as_ref().err());
    result
}

/// Lets a call go on where it may take a while.
fn spawn<T: Send + 'static>(
    generation: &Generation,
    call: impl Future<Output = Answer<T>> + Send + 'static,
) -> JoinHandle<Answer<T>> {
    let limit = generation.limits.function_time;
    let usage = Arc::clone(&generation.usage);
    generation.host.guests().spawn(async move {
        let call = metered(call, |time| usage.computed(time));
        tokio::time::timeout(limit, call).await.unwrap_or(Err(RunError::Deadline { limit }))
    })
}

impl<T: Send + 'static> Future for Migrating<T> {
    type Output = Answer<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<T>> {
        if let Place::New(_) = &self.place {
            let Place::New(mut future) = std::mem::replace(&mut self.place, Place::Over) else {
                unreachable!("it was just looked at")
            };
            if !self.generation.begins_elsewhere() {
                // It is polled again at once on its new thread, so this waker has nothing to wake.
                let mut here = Context::from_waker(Waker::noop());
                let begun = Instant::now();
                let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut here)));
                let took = begun.elapsed();
                // The thread's own clock costs a tenth of what most functions do.
                self.generation.usage.computed(took);
                if took > TICK / 2 {
                    self.generation.was_slow();
                }
                match polled {
                    Ok(Poll::Ready(answer)) => return Poll::Ready(answer),
                    Ok(Poll::Pending) => {}
                    Err(_) => return Poll::Ready(Err(RunError::Host("a host function panicked".into()))),
                }
            }
            self.place = Place::Moved(spawn(&self.generation, future));
        }
        let Place::Moved(task) = &mut self.place else { unreachable!("polled after it was over") };
        Pin::new(task).poll(context).map(|joined| joined.unwrap_or_else(|join| Err(RunError::Host(join.to_string()))))
    }
}

impl<T> Drop for Migrating<T> {
    fn drop(&mut self) {
        if let Place::Moved(task) = &self.place {
            task.abort();
        }
    }
}

/// An instance between or within calls.
pub(crate) struct Reused {
    pub(super) store: Store<State>,
    pub(super) exports: Exports,
    calls: u32,
}

/// What of its component it is for.
pub(super) enum Exports {
    Functions(Function),
    Strategies(Strategy),
}

impl Reused {
    /// What it is for.
    pub(crate) fn world(&self) -> World {
        match &self.exports {
            Exports::Functions(_) => World::Function,
            Exports::Strategies(_) => World::Strategy,
        }
    }

    /// An instance with fresh budgets.
    pub(super) async fn take(generation: &Arc<Generation>, world: World, run: Run) -> Result<Self, RunError> {
        let limits = &generation.limits;
        let mut instance = match generation.take_idle(world) {
            Some(mut idle) => {
                idle.store.data_mut().begin(limits, generation.clone(), run);
                idle
            }
            None => {
                let mut store = new_store(&generation.host.engine, limits, Some(generation.clone()), run);
                match instantiate(generation, world, &mut store).await {
                    Ok(exports) => Self { store, exports, calls: 0 },
                    Err(error) => return Err(store.data().explain(limits, &error)),
                }
            }
        };
        instance.calls += 1;
        instance.store.set_fuel(limits.fuel).map_err(|error| RunError::Host(error.to_string()))?;
        instance.store.set_epoch_deadline(1);
        Ok(instance)
    }

    /// Its call is over, and it holds nothing of it.
    pub(super) fn give_back(mut self, generation: &Generation) {
        if self.calls < REUSED_INSTANCE_CALLS {
            self.store.data_mut().end();
            generation.put_idle(self);
        }
    }
}

async fn instantiate(generation: &Generation, world: World, store: &mut Store<State>) -> wasmtime::Result<Exports> {
    let version = &generation.version.0;
    match (world, &version.function, &version.strategy) {
        (World::Function, Some(function), _) => Ok(Exports::Functions(function.instantiate_async(store).await?)),
        (World::Strategy, _, Some(strategy)) => Ok(Exports::Strategies(strategy.instantiate_async(store).await?)),
        _ => Err(wasmtime::Error::msg("it does not export that")),
    }
}
