//! P1: a phone registers with digest, and the binding is persisted: it is there after the server was killed.

use super::{Figure, Measured};
use crate::{
    server::{Endpoint, Server},
    sipp::{Counts, Ports, Sipp},
};

const SCENARIO: &str = include_str!("../scenarios/register.xml");
const RATE: u32 = 1_500;
const REGISTRATIONS: u32 = 18_000;

/// How old a binding may seem after the restart: it was made again some seconds before the end.
const AGE_S: u64 = 60;
/// What the phones ask for.
const EXPIRES_S: u64 = 600;

pub(super) fn run(server: Server, divisor: u32) -> Result<Measured, String> {
    let phone = Ports::free()?;
    register(&server, &server.tenant.endpoints, phone, (RATE, REGISTRATIONS / divisor / 10))?;
    let before = server.cpu()?;
    let (counts, command) = register(&server, &server.tenant.endpoints, phone, (RATE, REGISTRATIONS / divisor))?;
    let milliseconds = (server.cpu()? - before).as_secs_f64() * 1e3 / counts.ok as f64;
    let resident_mib = server.resident_mib()?;
    check_after_kill(server)?;
    Ok(Measured {
        figures: vec![Figure {
            what: "REGISTER with digest (challenge and answer)",
            unit: "ms CPU",
            value: milliseconds,
            goal: 0.06,
            stretch: 0.03,
        }],
        command,
        rate: RATE,
        units: counts.ok,
        failed: counts.failed,
        retransmissions: counts.retransmissions,
        resident_mib,
        slowness: 1.0,
    })
}

/// Every binding was acknowledged, so a server that was killed at once still has it.
fn check_after_kill(server: Server) -> Result<(), String> {
    let server = server.killed_and_started()?;
    let bindings = server.registered()?;
    let fresh = bindings.iter().filter(|binding| binding.expires_s + AGE_S >= EXPIRES_S).count();
    let endpoints = server.tenant.endpoints.len();
    if fresh != endpoints {
        return Err(format!("{fresh} of {endpoints} bindings are there after a kill: {bindings:?}"));
    }
    Ok(())
}

/// Registers the endpoints in turn from `phone`, which is where the server will send their calls.
pub(super) fn register(
    server: &Server,
    endpoints: &[Endpoint],
    phone: Ports,
    (rate, count): (u32, u32),
) -> Result<(Counts, String), String> {
    let (domain, port) = (&server.tenant.domain, phone.sip.to_string());
    let running = Sipp::new(server, "register", SCENARIO)?
        .accounts(domain, endpoints)?
        .arguments(["-p", &port, "-key", "contact_port", &port, "-auth_uri", domain])
        .arguments(["-r", &rate.to_string(), "-m", &count.max(1).to_string(), "-timeout", "120s"])
        .start()?;
    let command = running.command.clone();
    Ok((running.finish()?, command))
}
