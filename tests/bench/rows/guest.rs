//! P8, P9, P12, P14: what guests cost, in this process: there is no server around them.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use call::{LegId, Outcome, Request, RequestError, TenantId};
use plugin::{
    BlobFailure, BoxFuture, By, CallPort, Clock, Consent, Host, HostConfig, HttpFailure, HttpRequest, HttpResponse,
    KvError, KvSpace, Limits, LogRecord, TenantPlugins, TenantPort, Terms, measure,
};
use tokio::runtime::Runtime;

use super::{Figure, Measured, Row};
use crate::guest;

const FUNCTION_CALLS: u32 = 20_000;
const INSTANCES: u32 = 5_000;
const RUNAWAYS: u32 = 400;
/// Applications that wait for their call at once.
const LIVE: u32 = 5_000;

pub(super) fn run(row: Row, divisor: u32) -> Result<Measured, String> {
    let began = Instant::now();
    let rig = Rig::new()?;
    let (figures, units) = match row {
        Row::P8 => (function_call(&rig, FUNCTION_CALLS / divisor), FUNCTION_CALLS),
        Row::P9 => (fresh_instance(&rig, INSTANCES / divisor)?, INSTANCES),
        Row::P12 => (live_instances(&rig, LIVE / divisor)?, LIVE),
        Row::P14 => (runaways(&rig, RUNAWAYS / divisor), RUNAWAYS),
        _ => return Err("not a row of guests alone".to_owned()),
    };
    Ok(Measured {
        figures,
        command: "in this process".to_owned(),
        rate: (f64::from(units / divisor) / began.elapsed().as_secs_f64()) as u32,
        units: (units / divisor).into(),
        failed: 0,
        retransmissions: 0,
        resident_mib: crate::cpu::resident_mib(std::process::id())?,
        slowness: 1.0,
    })
}

fn function_call(rig: &Rig, calls: u32) -> Vec<Figure> {
    let slot = rig.plugins.function("GOOD").expect("the guest has it");
    let time = measure::function_call(&slot, &["a", "b"], calls);
    vec![figure("dialplan function in a plugin, from the dialplan", "µs CPU", micros(time), (2.0, 0.8))]
}

fn fresh_instance(rig: &Rig, instances: u32) -> Result<Vec<Figure>, String> {
    let load = rig.host.load(guest::package("app-echo").wasm);
    let version = rig.runtime.block_on(load).map_err(|error| error.to_string())?;
    let time = measure::fresh_instance(&rig.host, &version, instances);
    Ok(vec![figure("fresh plugin instance with its limits, Rust", "µs CPU", micros(time), (25.0, 12.0))])
}

/// The row's bound is for the time over the budget of computing that the guest has (10 ms unless its manifest says otherwise):
/// the budget itself is what it was given.
fn runaways(rig: &Rig, runs: u32) -> Vec<Figure> {
    let budget = Limits::default().cpu_burst;
    let slot = rig.plugins.app("Loop").expect("the guest has it");
    let ends = rig.runtime.block_on(measure::runaways(&slot, Arc::new(Nobody::default()), runs));
    let over = |time: fn(&measure::Runaway) -> Duration| {
        let mut times: Vec<Duration> = ends.iter().map(|end| time(end).saturating_sub(budget)).collect();
        times.sort();
        times[(times.len() * 99).div_ceil(100) - 1].as_secs_f64() * 1e3
    };
    vec![
        figure("runaway guest stopped, time over its budget, p99", "ms", over(|end| end.wall), (15.0, 5.0)),
        // A tick of a millisecond, and what it costs to end a run.
        figure("the same, computing over its budget, p99", "ms CPU", over(|end| end.computed), (2.0, 1.2)),
    ]
}

/// Runs that wait for their call to be answered, which nobody does: all of them are alive when the memory is looked at. Scaled to
/// what the row asks for.
fn live_instances(rig: &Rig, count: u32) -> Result<Vec<Figure>, String> {
    let own = std::process::id();
    let slot = rig.plugins.app("Wait").expect("the guest has it");
    let before = crate::cpu::resident_mib(own)?;
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let port = Arc::new(Nobody { asked: Some(asked) });
    let runs: Vec<_> =
        (0..count).map(|_| rig.runtime.spawn(slot.clone().run(LegId(0), String::new(), port.clone()))).collect();
    for _ in 0..count {
        rig.runtime.block_on(asks.recv()).ok_or("a run ended")?;
    }
    let taken = crate::cpu::resident_mib(own)? - before;
    runs.iter().for_each(|run| run.abort());
    let scaled = taken * f64::from(LIVE) / f64::from(count);
    Ok(vec![figure("5,000 live applications, Rust", "MiB", scaled, (300.0, 75.0))])
}

fn figure(what: &'static str, unit: &'static str, value: f64, (goal, stretch): (f64, f64)) -> Figure {
    Figure { what, unit, value, goal, stretch }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A plugin host with one tenant, which has the guest that misbehaves on demand.
struct Rig {
    runtime: Runtime,
    host: Host,
    plugins: TenantPlugins,
    _directory: tempfile::TempDir,
}

impl Rig {
    fn new() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        let config =
            HostConfig { instances: LIVE + 100, runs_per_tenant: LIVE + 100, ..HostConfig::new(directory.path()) };
        let host = Host::new(config).map_err(|error| error.to_string())?;
        let tenant = TenantId::new("acme").expect("a name");
        let plugins =
            runtime.block_on(host.tenant(tenant, Arc::new(Nobody::default()))).map_err(|error| error.to_string())?;
        let by = By { who: "bench".to_owned(), why: "a bench".to_owned() };
        let installed =
            runtime.block_on(plugins.install(guest::package("hostile"), Terms::unsigned(Consent::Declared), by));
        installed.map_err(|error| error.to_string())?;
        Ok(Self { runtime, host, plugins, _directory: directory })
    }
}

/// A tenant and a call that have nothing.
#[derive(Default)]
struct Nobody {
    /// Who is told of a run's request, which is then not answered; without it, it is refused at once.
    asked: Option<tokio::sync::mpsc::UnboundedSender<()>>,
}

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, KvError>> {
    Box::pin(async { Err(KvError::Failed("nothing is kept here".to_owned())) })
}

fn no_blob<T: Send + 'static>() -> BoxFuture<'static, Result<T, BlobFailure>> {
    Box::pin(async { Err(BlobFailure("nothing is kept here".to_owned())) })
}

impl TenantPort for Nobody {
    fn kv_bytes(&self, _plugin: &str) -> u64 {
        0
    }

    fn blob_bytes(&self, _plugin: &str) -> u64 {
        0
    }

    fn offer_line(&self, _: plugin::Driver, _: plugin::LineOffer) -> Result<String, plugin::LineRefusal> {
        Err(plugin::LineRefusal::Denied("nobody calls".into()))
    }

    fn kv_get<'a>(&'a self, _: KvSpace<'a>, _: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KvError>> {
        refused()
    }

    fn kv_set<'a>(&'a self, _: KvSpace<'a>, _: &'a str, _: Vec<u8>) -> BoxFuture<'a, Result<(), KvError>> {
        refused()
    }

    fn kv_swap<'a>(
        &'a self,
        _: KvSpace<'a>,
        _: &'a str,
        _: Option<Vec<u8>>,
        _: Option<Vec<u8>>,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        refused()
    }

    fn kv_delete<'a>(&'a self, _: KvSpace<'a>, _: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        refused()
    }

    fn kv_keys<'a>(
        &'a self,
        _: KvSpace<'a>,
        _: &'a str,
        _: Option<&'a str>,
        _: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        refused()
    }

    fn blob_list<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: Option<&'a str>,
        _: u32,
    ) -> BoxFuture<'a, Result<Vec<(String, u64)>, BlobFailure>> {
        no_blob()
    }

    fn blob_rename<'a>(&'a self, _: &'a str, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<bool, BlobFailure>> {
        no_blob()
    }

    fn blob_remove<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<bool, BlobFailure>> {
        no_blob()
    }

    fn http<'a>(&'a self, _: &'a str, _: HttpRequest) -> BoxFuture<'a, Result<HttpResponse, HttpFailure>> {
        Box::pin(async { Err(HttpFailure::Failed("nobody".into())) })
    }

    fn settings(&self, _: &str) -> Arc<BTreeMap<String, String>> {
        Arc::default()
    }

    fn log(&self, _: LogRecord<'_>) {}

    fn time_zone(&self) -> String {
        "UTC".into()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn device(&self, _: &str) -> Option<&'static str> {
        None
    }

    fn clock(&self) -> Clock {
        Clock { unix_ms: 0, up_ms: 0 }
    }
}

impl CallPort for Nobody {
    fn name(&self) -> String {
        String::new()
    }

    fn request(&self, _: Request) -> BoxFuture<'_, Result<Outcome, RequestError>> {
        Box::pin(async {
            match &self.asked {
                Some(asked) if asked.send(()).is_ok() => std::future::pending().await,
                _ => Err(RequestError::Gone),
            }
        })
    }

    fn variable<'a>(&'a self, _: LegId, _: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(async { None })
    }

    fn set_variable<'a>(&'a self, _: LegId, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), RequestError>> {
        Box::pin(async { Err(RequestError::Gone) })
    }

    fn evaluate<'a>(&'a self, _: LegId, _: &'a str) -> BoxFuture<'a, Result<String, RequestError>> {
        Box::pin(async { Err(RequestError::Gone) })
    }

    fn read_function<'a>(
        &'a self,
        _: LegId,
        _: &'a str,
        _: Vec<String>,
    ) -> BoxFuture<'a, Result<String, RequestError>> {
        Box::pin(async { Err(RequestError::Unsupported) })
    }

    fn run<'a>(&'a self, _: LegId, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), RequestError>> {
        Box::pin(async { Err(RequestError::Gone) })
    }

    fn goto<'a>(
        &'a self,
        _: LegId,
        _: Option<&'a str>,
        _: Option<&'a str>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        Box::pin(async { Err(RequestError::Gone) })
    }

    fn gone(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}
