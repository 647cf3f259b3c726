//! P2 and P4: a phone calls another one through the dialplan; what it costs, and how long until it rings.

use super::{Figure, Measured, register};
use crate::{
    server::{Endpoint, Server},
    sipp::{Counts, Ports, Running, Sipp},
};

const CALLER: &str = include_str!("../scenarios/caller.xml");
const CALLED: &str = include_str!("../scenarios/called.xml");
/// The phone that is called.
const CALLEE: &str = "101";

pub(super) fn cost(server: &Server, divisor: u32) -> Result<Measured, String> {
    const RATE: u32 = 300;
    let calls = call(server, RATE, 4_500 / divisor)?;
    let figure = Figure {
        what: "call through the dialplan to a second phone",
        unit: "ms CPU",
        value: calls.cpu_ms / calls.counts.ok as f64,
        goal: 0.40,
        stretch: 0.24,
        resolution: 0.0,
    };
    calls.measured(server, vec![figure], RATE)
}

pub(super) fn latency(server: &Server, divisor: u32) -> Result<Measured, String> {
    const RATE: u32 = 300;
    let calls = call(server, RATE, 4_500 / divisor)?;
    let time = |percent| calls.counts.percentile("ringing", percent).ok_or("SIPp took no response times");
    let figures = vec![
        Figure {
            what: "INVITE to 180 at 300 calls/s, p50",
            unit: "ms",
            value: time(50.0)?,
            goal: 1.0,
            stretch: 1.0,
            resolution: 1.0,
        },
        Figure {
            what: "INVITE to 180 at 300 calls/s, p99",
            unit: "ms",
            value: time(99.0)?,
            goal: 5.0,
            stretch: 2.0,
            resolution: 1.0,
        },
    ];
    calls.measured(server, figures, RATE)
}

struct Calls {
    counts: Counts,
    command: String,
    cpu_ms: f64,
}

impl Calls {
    fn measured(self, server: &Server, figures: Vec<Figure>, rate: u32) -> Result<Measured, String> {
        Ok(Measured {
            figures,
            command: self.command,
            rate,
            units: self.counts.ok,
            failed: self.counts.failed,
            retransmissions: self.counts.retransmissions,
            resident_mib: server.resident_mib()?,
        })
    }
}

fn call(server: &Server, rate: u32, count: u32) -> Result<Calls, String> {
    let _called = answering(server, CALLED)?;
    place(server, rate, count / 10)?;
    let before = server.cpu()?;
    let (counts, command) = place(server, rate, count)?;
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

fn place(server: &Server, rate: u32, count: u32) -> Result<(Counts, String), String> {
    let phone = Ports::free()?;
    let running = Sipp::new(server, "caller", CALLER)?
        .accounts(&server.tenant.domain, &callers(server))?
        .arguments(["-s", CALLEE, "-auth_uri", &callee(server)])
        .arguments(["-p", &phone.sip.to_string(), "-mp", &phone.media.to_string(), "-rtp_echo"])
        .arguments(["-r", &rate.to_string(), "-m", &count.max(1).to_string(), "-d", "100", "-timeout", "180s"])
        .start()?;
    let command = running.command.clone();
    Ok((running.finish()?, command))
}
