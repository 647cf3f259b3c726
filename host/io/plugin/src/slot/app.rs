//! An application: one fresh instance per run.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call::{LegId, Request};
use tokio::task::JoinHandle;

use crate::error::{GuestError, RunError};
use crate::generation::Generation;
use crate::instance::{Run, new_store};
use crate::loader::Digest;
use crate::port::CallPort;
use crate::tail::{RunCost, TailEvent};
use crate::tape::Tape;
use crate::tape::replay::Recorder;
use crate::usage::metered;

/// An application of the version that is active now. Runs on it even if another becomes active meanwhile.
#[derive(Clone)]
pub struct AppSlot {
    pub(crate) name: Arc<str>,
    pub(crate) generation: Arc<Generation>,
}

/// How a run ended, if it did not fail.
pub type AppEnd = Result<(), GuestError>;

impl fmt::Debug for AppSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {:?}", self.name, self.generation)
    }
}

/// Ends the run when the call loses interest.
struct Task(JoinHandle<Result<AppEnd, RunError>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl AppSlot {
    /// The application's name, as the manifest spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The plugin it belongs to.
    pub fn plugin(&self) -> &str {
        &self.generation.manifest.id
    }

    /// The version it is pinned to.
    pub fn digest(&self) -> Digest {
        self.generation.version.digest()
    }

    /// Runs the application on a leg, on the host's guest threads. Dropping the future kills the run.
    pub async fn run(self, leg: LegId, arguments: String, port: Arc<dyn CallPort>) -> Result<AppEnd, RunError> {
        let Self { name, generation } = self;
        let guests = generation.host.guests().clone();
        let watched = generation.clone();
        let run_name = name.clone();
        let mut task = Task(guests.spawn(async move {
            let result = run(generation.clone(), name.clone(), leg, arguments, port).await;
            generation.finished(&name, result.as_ref().err());
            result
        }));
        (&mut task.0).await.unwrap_or_else(|join| {
            // A panic of a host function: ours, but it may well be this plugin's doing.
            tracing::error!(plugin = %watched.manifest.id, run = %run_name, %join, "a host function panicked");
            Err(RunError::Host(join.to_string()))
        })
    }
}

/// One run, its fault not yet judged. It is recorded where the tenant keeps its runs.
pub(crate) async fn run(
    generation: Arc<Generation>,
    name: Arc<str>,
    leg: LegId,
    arguments: String,
    port: Arc<dyn CallPort>,
) -> Result<AppEnd, RunError> {
    let _live = generation.enter()?;
    let Some(mut recorder) = Recorder::of(&generation, &name, leg, &arguments, &port) else {
        return perform(generation, name, leg, arguments, Doors { port, tape: None }).await;
    };
    let tape = recorder.tape.clone();
    let result = perform(generation, name, leg, arguments, Doors { port: tape.clone(), tape: Some(tape) }).await;
    recorder.ended(&result);
    result
}

/// What a run reaches its call by, and the tape in it.
pub(crate) struct Doors {
    pub(crate) port: Arc<dyn CallPort>,
    pub(crate) tape: Option<Arc<Tape>>,
}

pub(crate) async fn perform(
    generation: Arc<Generation>,
    name: Arc<str>,
    leg: LegId,
    arguments: String,
    doors: Doors,
) -> Result<AppEnd, RunError> {
    let limits = generation.limits.clone();
    let app = generation.version.0.app.clone().ok_or_else(|| RunError::Host("it exports no applications".into()))?;
    let Doors { port, tape } = doors;
    let run = Run::App { name: name.clone(), port: port.clone(), tape };
    let mut store = new_store(&generation.host.engine, &limits, Some(generation.clone()), run);
    let played_on = leg;
    let leg = store.data_mut().leg(leg)?;
    let guest = async {
        let bindings = app.instantiate_async(&mut store).await?;
        bindings.jackfield_pbx_apps().call_run(&mut store, &name, leg, &arguments).await
    };
    let hung_up = async {
        port.gone().await;
        tokio::time::sleep(limits.grace).await;
    };
    let (began, mut cpu) = (Instant::now(), Duration::ZERO);
    let guest = metered(generation.host.ticker.watch(guest), |time| {
        generation.usage.computed(time);
        cpu += time;
    });
    // Whichever ends first, the guest is dropped here: one that is suspended on its fibre just ends.
    let result = tokio::select! {
        result = guest => result.map_err(|error| store.data().explain(&limits, &error)),
        () = hung_up => Err(RunError::Killed { grace: limits.grace }),
        () = tokio::time::sleep(limits.max_run) => Err(RunError::Deadline { limit: limits.max_run }),
    };
    let result = result.map(|end| end.map_err(|error| GuestError { code: error.code, detail: error.detail }));
    let (host_calls, moved, memory) = store.data().done();
    let cost = RunCost { time: began.elapsed(), cpu, host_calls, moved, memory };
    generation.tell(&name, TailEvent::Ended { call: port.name(), error: error_of(&result), cost });
    if store.data_mut().background.take().is_some() {
        // What the run left playing ends with it: a new prompt takes the leg.
        let request = Request::Play { leg: played_on, prompts: vec!["silence:20".into()], interrupt: String::new() };
        // Not the guest's question: it stands on no tape.
        let behind = store.data().run.tape().map(|tape| tape.behind().map(|(call, _)| call));
        if let Some(port) = behind.unwrap_or(Some(port)) {
            drop(port.request(request).await);
        }
    }
    result
}

/// The plugin's own error, or the host's.
fn error_of(result: &Result<AppEnd, RunError>) -> Option<String> {
    match result {
        Ok(Ok(())) => None,
        Ok(Err(own)) => Some(own.to_string()),
        Err(fault) => Some(fault.to_string()),
    }
}
