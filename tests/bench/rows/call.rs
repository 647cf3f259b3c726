//! P2 and P4: a phone calls another one through the dialplan; what it costs, and how long until it rings.

use super::{Figure, Measured, register};
use crate::{
    server::{Endpoint, Server},
    sipp::{Counts, Ports, Running, Sipp},
};

pub(crate) const CALLER: &str = include_str!("../scenarios/caller.xml");
pub(crate) const CALLED: &str = include_str!("../scenarios/called.xml");
/// The phone that is called.
const CALLEE: &str = "101";

/// Calls a second.
const RATE: u32 = 300;
/// How long a call is up, so that 30 are at once.
const SHORT_MS: u32 = 100;
/// How long a call is up for the growth: 300 at once, and twice that.
const LONG_MS: u32 = 1_000;

pub(super) fn cost(server: &Server, divisor: u32) -> Result<Measured, String> {
    let _called = answering(server, CALLED)?;
    place(server, 450 / divisor, SHORT_MS)?;
    let calls = measure(server, 4_500 / divisor, SHORT_MS)?;
    let some = measure(server, 3_000 / divisor, LONG_MS)?;
    let many = measure(server, 3_000 / divisor, 2 * LONG_MS)?;
    let figures = vec![
        Figure {
            what: "call through the dialplan to a second phone",
            unit: "ms CPU",
            value: calls.cost_ms(),
            goal: 0.40,
            stretch: 0.24,
        },
        Figure {
            what: "the same with 600 calls up against 300",
            unit: "ratio",
            value: many.cost_ms() / some.cost_ms(),
            goal: 1.15,
            stretch: 1.05,
        },
    ];
    calls.measured(server, figures)
}

pub(super) fn latency(server: &Server, divisor: u32) -> Result<Measured, String> {
    let _called = answering(server, CALLED)?;
    place(server, 450 / divisor, SHORT_MS)?;
    let calls = measure(server, 4_500 / divisor, SHORT_MS)?;
    let figure = |what, percent, goal, stretch| {
        let value = calls.counts.percentile_ms(180, percent)?;
        Ok::<_, String>(Figure { what, unit: "ms", value, goal, stretch })
    };
    let figures = vec![
        figure("INVITE to 180 at 300 calls/s, p50", 50.0, 1.0, 1.0)?,
        figure("INVITE to 180 at 300 calls/s, p99", 99.0, 5.0, 2.0)?,
    ];
    calls.measured(server, figures)
}

/// Calls that were placed, and what they cost.
struct Calls {
    counts: Counts,
    command: String,
    cpu_ms: f64,
}

impl Calls {
    fn cost_ms(&self) -> f64 {
        self.cpu_ms / self.counts.ok as f64
    }

    fn measured(self, server: &Server, figures: Vec<Figure>) -> Result<Measured, String> {
        Ok(Measured {
            figures,
            command: self.command,
            rate: RATE,
            units: self.counts.ok,
            failed: self.counts.failed,
            retransmissions: self.counts.retransmissions,
            resident_mib: server.resident_mib()?,
            slowness: 1.0,
        })
    }
}

fn measure(server: &Server, count: u32, duration_ms: u32) -> Result<Calls, String> {
    let before = server.cpu()?;
    let (counts, command) = place(server, count, duration_ms)?;
    Ok(Calls { counts, command, cpu_ms: (server.cpu()? - before).as_secs_f64() * 1e3 })
}

/// The second phone, registered and waiting for calls.
pub(super) fn answering(server: &Server, scenario: &str) -> Result<Running, String> {
    let phone = Ports::free()?;
    let callee: Vec<Endpoint> = vec![server.tenant.endpoint(CALLEE)?.clone()];
    register::register(server, &callee, phone, (10, 1))?;
    Sipp::new(server, "called", scenario)?
        .arguments(["-p", &phone.sip.to_string(), "-mp", &phone.media.to_string(), "-rtp_echo"])
        .start()
}

/// The phones that call: all but the one that is called.
pub(super) fn callers(server: &Server) -> Vec<Endpoint> {
    server.tenant.endpoints.iter().filter(|endpoint| endpoint.name != CALLEE).cloned().collect()
}

/// The address that is called, without its scheme: SIPp wants it so to answer a challenge.
pub(super) fn callee(server: &Server) -> String {
    format!("{CALLEE}@{}", server.tenant.domain)
}

fn place(server: &Server, count: u32, duration_ms: u32) -> Result<(Counts, String), String> {
    let phone = Ports::free()?;
    let (rate, count, duration) = (RATE.to_string(), count.max(1).to_string(), duration_ms.to_string());
    let running = Sipp::new(server, "caller", CALLER)?
        .timed()
        .accounts(&server.tenant.domain, &callers(server))?
        .arguments(["-s", CALLEE, "-auth_uri", &callee(server)])
        .arguments(["-p", &phone.sip.to_string(), "-mp", &phone.media.to_string(), "-rtp_echo"])
        .arguments(["-r", &rate, "-m", &count, "-d", &duration, "-timeout", "180s"])
        .start()?;
    let command = running.command.clone();
    Ok((running.finish()?, command))
}
