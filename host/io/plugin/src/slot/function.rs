//! A dialplan function: a reused instance, bounded by fuel.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use call::LegId;
use tokio::task::JoinHandle;
use wasmtime::Store;
use wasmtime::component::Resource;

use crate::abi::v0_1::function::Function;
use crate::capability::legs::Handle;
use crate::error::{GuestError, RunError};
use crate::generation::Generation;
use crate::instance::{Run, State, new_store};
use crate::limit::{FUNCTION_ARGUMENTS, FUNCTION_INSTANCE_CALLS, FUNCTION_VALUE_BYTES, TICK};
use crate::loader::Digest;
use crate::port::{BoxFuture, CallPort};
use crate::usage::metered;

/// A function of the version that is active now.
///
/// A call is begun on the caller's thread, because most are over in a microsecond. One that waits for something, or has not
/// ended within its first millisecond, moves to the guest threads; after a few of that second kind the plugin's functions begin there.
#[derive(Clone)]
pub struct FunctionSlot {
    pub(crate) name: Arc<str>,
    pub(crate) generation: Arc<Generation>,
}

/// The call a function is evaluated for.
#[derive(Clone)]
pub struct FunctionCall {
    /// The leg whose dialplan asks.
    pub leg: LegId,
    /// Its call.
    pub port: Arc<dyn CallPort>,
}

type Answer = Result<Result<String, GuestError>, RunError>;

impl fmt::Debug for FunctionSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {:?}", self.name, self.generation)
    }
}

impl fmt::Debug for FunctionCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FunctionCall({:?})", self.leg)
    }
}

impl FunctionSlot {
    /// The version it is pinned to.
    pub fn digest(&self) -> Digest {
        self.generation.version.digest()
    }

    /// The function's value.
    pub fn read(self, arguments: Vec<String>, call: Option<FunctionCall>) -> BoxFuture<'static, Answer> {
        self.start(arguments, None, call)
    }

    /// Assigns to the function.
    pub fn write(
        self,
        arguments: Vec<String>,
        value: String,
        call: Option<FunctionCall>,
    ) -> BoxFuture<'static, Result<Result<(), GuestError>, RunError>> {
        let written = self.start(arguments, Some(value), call);
        Box::pin(async move { Ok(written.await?.map(drop)) })
    }

    fn start(
        self,
        arguments: Vec<String>,
        value: Option<String>,
        call: Option<FunctionCall>,
    ) -> BoxFuture<'static, Answer> {
        let Self { name, generation } = self;
        let watched = generation.clone();
        let future = async move {
            let guest = evaluate(&generation, &name, &arguments, value.as_deref(), call);
            let result = generation.host.ticker.watch(guest).await;
            generation.finished(&name, result.as_ref().err());
            result
        };
        Box::pin(Migrating { generation: watched, place: Place::New(Box::pin(future)) })
    }
}

/// A future that is polled once where it is and then elsewhere.
struct Migrating {
    generation: Arc<Generation>,
    place: Place,
}

enum Place {
    New(BoxFuture<'static, Answer>),
    Moved(JoinHandle<Answer>),
    Over,
}

impl Future for Migrating {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
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
            let limit = self.generation.limits.function_time;
            let usage = Arc::clone(&self.generation.usage);
            self.place = Place::Moved(self.generation.host.guests().spawn(async move {
                let future = metered(future, |time| usage.computed(time));
                tokio::time::timeout(limit, future).await.unwrap_or(Err(RunError::Deadline { limit }))
            }));
        }
        let Place::Moved(task) = &mut self.place else { unreachable!("polled after it was over") };
        Pin::new(task).poll(context).map(|joined| joined.unwrap_or_else(|join| Err(RunError::Host(join.to_string()))))
    }
}

impl Drop for Migrating {
    fn drop(&mut self) {
        if let Place::Moved(task) = &self.place {
            task.abort();
        }
    }
}

/// An instance between or within calls.
pub(crate) struct FunctionInstance {
    store: Store<State>,
    bindings: Function,
    calls: u32,
}

async fn evaluate(
    generation: &Arc<Generation>,
    name: &Arc<str>,
    arguments: &[String],
    value: Option<&str>,
    call: Option<FunctionCall>,
) -> Answer {
    if arguments.len() > FUNCTION_ARGUMENTS {
        let detail = format!("{} arguments: at most {FUNCTION_ARGUMENTS}", arguments.len());
        return Ok(Err(GuestError { code: "limit".into(), detail }));
    }
    let _live = generation.enter()?;
    let limits = &generation.limits;
    let (leg, port) = call.map(|call| (call.leg, call.port)).unzip();
    let run = Run::Function { name: name.clone(), port };
    let mut instance = take(generation, run).await?;
    let store = &mut instance.store;
    let leg = leg.map(|leg| store.data_mut().leg(leg)).transpose()?;
    let entry = leg.as_ref().map(Resource::rep);
    let functions = instance.bindings.jackfield_pbx_functions();
    let result = match value {
        None => functions.call_read(&mut *store, name, arguments, leg).await,
        Some(value) => {
            functions.call_write(&mut *store, name, arguments, value, leg).await.map(|end| end.map(|()| String::new()))
        }
    };
    let end = result.map_err(|error| store.data().explain(limits, &error))?;
    // The leg goes with its call. What did not drop it would reach the leg of another call by the handle it kept.
    let kept = entry.is_some_and(|entry| store.data().table.get(&Resource::<Handle>::new_own(entry)).is_ok());
    if !kept {
        give_back(generation, instance);
    }
    match end {
        Ok(value) if value.len() > FUNCTION_VALUE_BYTES => {
            let detail = format!("a value of {} bytes: at most {FUNCTION_VALUE_BYTES}", value.len());
            Ok(Err(GuestError { code: "limit".into(), detail }))
        }
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(GuestError { code: error.code, detail: error.detail })),
    }
}

/// An instance with fresh budgets.
async fn take(generation: &Arc<Generation>, run: Run) -> Result<FunctionInstance, RunError> {
    let limits = &generation.limits;
    let mut instance = match generation.take_idle() {
        Some(mut idle) => {
            idle.store.data_mut().begin(limits, generation.clone(), run);
            idle
        }
        None => {
            let function = generation.version.0.function.as_ref();
            let function = function.ok_or_else(|| RunError::Host("it exports no functions".into()))?;
            let mut store = new_store(&generation.host.engine, limits, Some(generation.clone()), run);
            match function.instantiate_async(&mut store).await {
                Ok(bindings) => FunctionInstance { store, bindings, calls: 0 },
                Err(error) => return Err(store.data().explain(limits, &error)),
            }
        }
    };
    instance.calls += 1;
    instance.store.set_fuel(limits.fuel).map_err(|error| RunError::Host(error.to_string()))?;
    instance.store.set_epoch_deadline(1);
    Ok(instance)
}

fn give_back(generation: &Generation, mut instance: FunctionInstance) {
    if instance.calls < FUNCTION_INSTANCE_CALLS {
        instance.store.data_mut().end();
        generation.put_idle(instance);
    }
}
