//! A dialplan function: a reused instance, bounded by fuel.

use std::fmt;
use std::sync::Arc;

use call::LegId;
use wasmtime::component::Resource;

use super::reused::{Answer, Exports, Migrating, Reused};
use crate::capability::legs::Handle;
use crate::error::{GuestError, RunError};
use crate::generation::Generation;
use crate::instance::Run;
use crate::limit::{FUNCTION_ARGUMENTS, FUNCTION_VALUE_BYTES};
use crate::loader::{Digest, World};
use crate::port::{BoxFuture, CallPort};

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
    pub fn read(self, arguments: Vec<String>, call: Option<FunctionCall>) -> BoxFuture<'static, Answer<String>> {
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
    ) -> BoxFuture<'static, Answer<String>> {
        let Self { name, generation } = self;
        let (asked, evaluated) = (name.clone(), generation.clone());
        let guest = async move { evaluate(&evaluated, &asked, &arguments, value.as_deref(), call).await };
        Box::pin(Migrating::new(generation, name, guest))
    }
}

async fn evaluate(
    generation: &Arc<Generation>,
    name: &Arc<str>,
    arguments: &[String],
    value: Option<&str>,
    call: Option<FunctionCall>,
) -> Answer<String> {
    if arguments.len() > FUNCTION_ARGUMENTS {
        let detail = format!("{} arguments: at most {FUNCTION_ARGUMENTS}", arguments.len());
        return Ok(Err(GuestError { code: "limit".into(), detail }));
    }
    let _live = generation.enter()?;
    let limits = &generation.limits;
    let (leg, port) = call.map(|call| (call.leg, call.port)).unzip();
    let run = Run::Function { name: name.clone(), port };
    let mut instance = Reused::take(generation, World::Function, run).await?;
    let store = &mut instance.store;
    let leg = leg.map(|leg| store.data_mut().leg(leg)).transpose()?;
    let entry = leg.as_ref().map(Resource::rep);
    let Exports::Functions(bindings) = &instance.exports else { unreachable!("it was taken for its functions") };
    let functions = bindings.jackfield_pbx_functions();
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
        instance.give_back(generation);
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
