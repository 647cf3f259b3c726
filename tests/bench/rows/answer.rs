//! P10: a call answered by an application, with one greeting, ended by the server.

use super::{Figure, Measured, call};
use crate::{
    server::Server,
    sipp::{Counts, Ports, Sipp},
};

const CALLER: &str = include_str!("../scenarios/greeted.xml");
const RATE: u32 = 50;
/// The greeting of the demo.
const GREETING: &str = "601";

pub(super) fn run(server: &Server, divisor: u32) -> Result<Measured, String> {
    // Unloaded first: one call at a time.
    let (alone, _) = place(server, 5, 50 / divisor)?;
    let before = server.cpu()?;
    let (counts, command) = place(server, RATE, 1_000 / divisor)?;
    let milliseconds = (server.cpu()? - before).as_secs_f64() * 1e3 / counts.ok as f64;
    let answered = alone.percentile("answered", 50.0).ok_or("SIPp took no response times")?;
    Ok(Measured {
        figures: vec![
            Figure {
                what: "INVITE to the application's answer, unloaded, p50",
                unit: "ms",
                value: answered,
                goal: 0.3,
                stretch: 0.3,
                resolution: 1.0,
            },
            Figure {
                what: "call answered by an application with a greeting",
                unit: "ms CPU",
                value: milliseconds,
                goal: 0.35,
                stretch: 0.20,
                resolution: 0.0,
            },
        ],
        command,
        rate: RATE,
        units: counts.ok,
        failed: counts.failed,
        retransmissions: counts.retransmissions,
        resident_mib: server.resident_mib()?,
    })
}

fn place(server: &Server, rate: u32, count: u32) -> Result<(Counts, String), String> {
    let phone = Ports::free()?;
    let address = format!("{GREETING}@{}", server.tenant.domain);
    let running = Sipp::new(server, "greeted", CALLER)?
        .accounts(&server.tenant.domain, &call::callers(server))?
        .arguments(["-s", GREETING, "-auth_uri", &address])
        .arguments(["-p", &phone.sip.to_string(), "-mp", &phone.media.to_string(), "-rtp_echo"])
        .arguments(["-r", &rate.to_string(), "-m", &count.max(1).to_string(), "-timeout", "180s"])
        .start()?;
    let command = running.command.clone();
    Ok((running.finish()?, command))
}
