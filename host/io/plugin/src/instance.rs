//! One Store: the only constructor, its limits, and what a run may reach.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call::LegId;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiter, Store, Trap, UpdateDeadline};
use wasmtime_wasi::WasiCtx;

use crate::capability::http::HttpUse;
use crate::capability::system::LogQuota;
use crate::error::RunError;
use crate::generation::Generation;
use crate::limit::{self, Limits};
use crate::meter;
use crate::port::{BoxFuture, CallPort, TenantPort};
use crate::tape::Tape;
use crate::usage::Counters;

/// What a run is, and so what it may do.
#[derive(Clone)]
pub(crate) enum Run {
    /// Nothing: the loader only tries whether it starts.
    Trial,
    /// An application on a leg.
    App {
        /// Its name.
        name: Arc<str>,
        /// The call.
        port: Arc<dyn CallPort>,
        /// Where it is recorded, or what it is told.
        tape: Option<Arc<Tape>>,
    },
    /// A function, for a call or for none.
    Function {
        /// Its name.
        name: Arc<str>,
        /// The call.
        port: Option<Arc<dyn CallPort>>,
    },
    /// A strategy, which knows no call.
    Strategy {
        /// Its name.
        name: Arc<str>,
    },
    /// A service.
    Service,
}

impl Run {
    /// For the log.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::App { name, .. } | Self::Function { name, .. } | Self::Strategy { name } => name,
            Self::Trial | Self::Service => "",
        }
    }

    /// Its tape, if it has one.
    pub(crate) fn tape(&self) -> Option<&Arc<Tape>> {
        match self {
            Self::App { tape, .. } => tape.as_ref(),
            Self::Trial | Self::Function { .. } | Self::Strategy { .. } | Self::Service => None,
        }
    }
}

/// What a Store holds besides the guest: everything this run can reach, and nothing else.
pub(crate) struct State {
    pub(crate) table: ResourceTable,
    /// Made when the guest first calls WASI: most never do.
    pub(crate) wasi: Option<Box<WasiCtx>>,
    /// None only while the loader tries whether it starts.
    pub(crate) generation: Option<Arc<Generation>>,
    pub(crate) run: Run,
    pub(crate) log: Arc<LogQuota>,
    /// The plugin's settings at the run's first look: a reload reaches the next run, not this one.
    pub(crate) settings: Option<Arc<BTreeMap<String, String>>>,
    pub(crate) http: HttpUse,
    /// What is heard while the guest waits.
    pub(crate) background: Option<BoxFuture<'static, ()>>,
    memory: Memory,
    cpu: Cpu,
    calls: Bucket,
    /// Host calls of this run, and bytes that it moved, not counted yet.
    did: (u64, u64),
}

/// A Store with all limits: the only place where one is made.
pub(crate) fn new_store(
    engine: &Engine,
    limits: &Limits,
    generation: Option<Arc<Generation>>,
    run: Run,
) -> Store<State> {
    let now = Instant::now();
    meter::forget();
    let mut table = ResourceTable::new();
    table.set_max_capacity(limit::HANDLES);
    let state = State {
        table,
        wasi: None,
        log: Arc::new(LogQuota::new(generation.as_ref(), &run)),
        settings: None,
        http: HttpUse::default(),
        background: None,
        run,
        did: (0, 0),
        memory: Memory {
            usage: generation.as_ref().map(|generation| generation.usage.clone()),
            bytes: 0,
            limit: limits.memory,
            elements: 0,
            element_limit: limits.table_elements,
            refused: None,
        },
        cpu: Cpu::new(now, limits),
        calls: Bucket::new(limits.host_calls, limits.host_calls_per_second),
        generation,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(limit::HOSTCALL_BYTES);
    store.set_max_component_handles(limit::HANDLES);
    store.epoch_deadline_callback(|mut store| store.data_mut().cpu.tick());
    store.set_epoch_deadline(1);
    store.set_fuel(u64::MAX).expect("the engine counts fuel");
    store
}

impl State {
    /// Begins another call on a reused instance: budgets as for a new one.
    pub(crate) fn begin(&mut self, limits: &Limits, generation: Arc<Generation>, run: Run) {
        let now = Instant::now();
        meter::forget();
        self.count();
        self.log.renew(run.name());
        self.settings = None;
        self.http = HttpUse::default();
        self.generation = Some(generation);
        self.run = run;
        self.cpu = Cpu::new(now, limits);
        self.calls = Bucket::new(limits.host_calls, limits.host_calls_per_second);
        self.memory.refused = None;
    }

    /// Ends a call on an instance that is kept: it holds nothing of the call, and not the generation that holds it.
    pub(crate) fn end(&mut self) {
        self.count();
        self.run = Run::Trial;
        self.generation = None;
    }

    /// Counts a host call; the error is a trap.
    pub(crate) fn enter(&mut self) -> wasmtime::Result<()> {
        self.did.0 += 1;
        if self.calls.take() { Ok(()) } else { Err(Stop::HostCalls.into()) }
    }

    /// Counts bytes that the guest gave or got.
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.did.1 += bytes as u64;
    }

    /// What this run did that is not counted yet: host calls, bytes moved, and bytes of memory.
    pub(crate) fn done(&self) -> (u64, u64, u64) {
        (self.did.0, self.did.1, self.memory.bytes)
    }

    /// What this run did is the plugin's.
    fn count(&mut self) {
        let (host_calls, moved) = std::mem::take(&mut self.did);
        if let Some(generation) = &self.generation {
            generation.usage.did(host_calls, moved);
        }
    }

    /// After a host call that waited: the time until now was not the guest's.
    pub(crate) fn resumed(&mut self) {
        self.cpu.since = Instant::now();
    }

    /// The tenant, or the tape before it; none while the loader tries whether it starts.
    pub(crate) fn tenant(&self) -> Option<Arc<dyn TenantPort>> {
        match self.run.tape() {
            Some(tape) => Some(tape.clone()),
            None => self.generation.as_ref().map(|generation| generation.tenant.clone()),
        }
    }

    /// The call, if this kind of run may wait for it.
    pub(crate) fn waiting_port(&self) -> Option<&Arc<dyn CallPort>> {
        match &self.run {
            Run::App { port, .. } => Some(port),
            Run::Trial | Run::Function { .. } | Run::Strategy { .. } | Run::Service => None,
        }
    }

    /// The call, for questions that are answered at once.
    pub(crate) fn port(&self) -> Option<&Arc<dyn CallPort>> {
        match &self.run {
            Run::App { port, .. } => Some(port),
            Run::Function { port, .. } => port.as_ref(),
            Run::Trial | Run::Strategy { .. } | Run::Service => None,
        }
    }

    /// A handle to a leg in this run's table.
    pub(crate) fn leg(
        &mut self,
        leg: LegId,
    ) -> Result<wasmtime::component::Resource<crate::capability::legs::Handle>, RunError> {
        self.table.push(crate::capability::legs::Handle(leg)).map_err(|error| RunError::HostCalls(error.to_string()))
    }

    /// Turns what wasmtime says into what the switch is told.
    pub(crate) fn explain(&self, limits: &Limits, error: &wasmtime::Error) -> RunError {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return match stop {
                Stop::Cpu => RunError::Cpu { budget: limits.cpu_burst },
                Stop::HostCalls => RunError::HostCalls(format!(
                    "more than {} at once or {} a second",
                    limits.host_calls, limits.host_calls_per_second
                )),
            };
        }
        let backtrace = error.downcast_ref::<wasmtime::WasmBacktrace>().map(frames).unwrap_or_default();
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => RunError::Stack { backtrace },
            Some(Trap::OutOfFuel) => RunError::Fuel { budget: limits.fuel },
            Some(trap) => match self.memory.refused {
                Some(requested) => RunError::Memory { requested, limit: limits.memory },
                None => RunError::Trap { message: trap.to_string(), backtrace },
            },
            None if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() => {
                RunError::Exhausted("the pool is used up".into())
            }
            None => {
                let message = format!("{:#}", error.root_cause());
                match message.contains("handles") || message.contains("resource table") || message.contains("fuel") {
                    true => RunError::HostCalls(message),
                    false => RunError::Trap { message, backtrace },
                }
            }
        }
    }
}

fn frames(backtrace: &wasmtime::WasmBacktrace) -> String {
    let mut text = String::new();
    for frame in backtrace.frames().iter().take(limit::BACKTRACE_FRAMES) {
        text.push_str(frame.func_name().unwrap_or("?"));
        text.push('\n');
    }
    text
}

/// Why the host ended a guest: the error of a host call, or of the epoch callback.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Stop {
    #[error("computed too long")]
    Cpu,
    #[error("too many host calls")]
    HostCalls,
}

impl Drop for State {
    fn drop(&mut self) {
        self.count();
    }
}

/// The totals of one Store; wasmtime's own limit is per memory.
struct Memory {
    /// Where they are counted for the plugin.
    usage: Option<Arc<Counters>>,
    bytes: u64,
    limit: u64,
    elements: u64,
    element_limit: u64,
    /// What was refused last: a trap after that is for lack of memory.
    refused: Option<u64>,
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(usage) = &self.usage {
            usage.shrank(self.bytes);
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.bytes + (desired - current) as u64;
        if total > self.limit {
            self.refused = Some(total);
            return Ok(false);
        }
        if let Some(usage) = &self.usage {
            usage.grew(total - self.bytes);
        }
        self.bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.elements + (desired - current) as u64;
        if total > self.element_limit {
            self.refused = Some(total);
            return Ok(false);
        }
        self.elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        limit::CORE_INSTANCES_PER_COMPONENT as usize
    }

    fn tables(&self) -> usize {
        limit::TABLES_PER_COMPONENT as usize
    }

    fn memories(&self) -> usize {
        limit::MEMORIES_PER_COMPONENT as usize
    }
}

/// Computing time: a bucket that refills slowly, so that a guest may wait for hours but not compute for long.
struct Cpu {
    left: Duration,
    burst: Duration,
    percent: u32,
    refilled: Instant,
    /// Since when the guest has been running, at least.
    since: Instant,
}

impl Cpu {
    fn new(now: Instant, limits: &Limits) -> Self {
        Self { left: limits.cpu_burst, burst: limits.cpu_burst, percent: limits.cpu_percent, refilled: now, since: now }
    }

    /// Called within the guest when the epoch has moved on.
    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let now = Instant::now();
        let ran = meter::since_mark().unwrap_or_else(|| {
            // The first tick after a wait does not know when the guest began; it costs at most a tick's length, so that a guest
            // which the operating system or another guest kept waiting is not charged for that. What it waited refills.
            let ran = (now - self.since).min(limit::TICK);
            let waited = (now - self.refilled).saturating_sub(ran);
            self.left = (self.left + waited * self.percent / 100).min(self.burst);
            ran
        });
        (self.since, self.refilled) = (now, now);
        if ran >= self.left {
            return Err(Stop::Cpu.into());
        }
        self.left -= ran;
        // Just back from a wait: nothing to be fair about yet.
        if ran < limit::TICK / 2 {
            meter::mark();
            return Ok(UpdateDeadline::Continue(1));
        }
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(async {
                tokio::task::yield_now().await;
                meter::mark();
            }),
        ))
    }
}

/// What may be done so often: a bucket, so that a flood of cheap calls ends (H10) and an ordinary run never notices.
pub(crate) struct Bucket {
    left: u32,
    burst: u32,
    per_second: u32,
    refilled: Instant,
}

impl Bucket {
    /// So many at once, and so many a second.
    pub(crate) fn new(burst: u32, per_second: u32) -> Self {
        Self { left: burst, burst, per_second, refilled: Instant::now() }
    }

    /// False if it is too much.
    pub(crate) fn take(&mut self) -> bool {
        if self.left == 0 {
            let now = Instant::now();
            let refill = (now - self.refilled).as_millis() * u128::from(self.per_second) / 1_000;
            self.left = u32::try_from(refill).unwrap_or(u32::MAX).min(self.burst);
            if self.left == 0 {
                return false;
            }
            self.refilled = now;
        }
        self.left -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::native::thread_cpu_time;

    /// H1: a machine that is too busy to tick in time does not give guests more than their budget.
    #[test]
    fn a_late_tick_costs_what_was_computed() {
        let limits = Limits { cpu_burst: Duration::from_millis(10), cpu_percent: 50, ..Limits::default() };
        let mut cpu = Cpu::new(Instant::now(), &limits);
        let compute = |time| {
            let begun = thread_cpu_time();
            while thread_cpu_time() - begun < time {}
        };
        meter::begin_poll();
        cpu.tick().unwrap();
        meter::mark();
        compute(Duration::from_millis(4));
        cpu.tick().unwrap();
        assert!(cpu.left <= Duration::from_millis(6), "{:?}", cpu.left);
        meter::mark();
        compute(Duration::from_millis(7));
        assert!(cpu.tick().is_err());
    }

    #[test]
    fn waiting_costs_nothing_and_refills() {
        let limits = Limits { cpu_burst: Duration::from_millis(10), cpu_percent: 10, ..Limits::default() };
        let mut cpu = Cpu::new(Instant::now(), &limits);
        cpu.left = Duration::from_millis(2);
        cpu.refilled -= Duration::from_millis(50);
        cpu.since -= Duration::from_millis(50);
        // A tick's length for the stretch nobody measured; a tenth of the rest is new.
        cpu.tick().unwrap();
        assert!(cpu.left >= Duration::from_micros(5_800) && cpu.left <= Duration::from_millis(10), "{:?}", cpu.left);
    }
}
