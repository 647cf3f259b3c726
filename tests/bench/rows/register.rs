//! P1: a phone registers with digest, and the binding is persisted.

use super::{Figure, Measured, check};
use crate::{
    server::{Endpoint, Server},
    sipp::{Counts, Running, Sipp, free_ports},
};

const SCENARIO: &str = include_str!("../scenarios/register.xml");
const RATE: u32 = 400;
const REGISTRATIONS: u32 = 8_000;

pub(super) fn run(server: &Server, divisor: u32) -> Result<Measured, String> {
    let phone = free_ports(1)?;
    register(server, &server.tenant.endpoints, phone, (RATE, REGISTRATIONS / divisor / 10))?;
    let before = server.cpu()?;
    let (counts, command) = register(server, &server.tenant.endpoints, phone, (RATE, REGISTRATIONS / divisor))?;
    let milliseconds = (server.cpu()? - before).as_secs_f64() * 1e3 / counts.ok as f64;
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
        resident_mib: server.resident_mib()?,
    })
}

/// Registers the endpoints in turn with a contact at `phone`.
pub(super) fn register(
    server: &Server,
    endpoints: &[Endpoint],
    phone: u16,
    (rate, count): (u32, u32),
) -> Result<(Counts, String), String> {
    let domain = &server.tenant.domain;
    let running: Running = Sipp::new(server, "register", SCENARIO)?
        .accounts(domain, endpoints)?
        .arguments(["-key", "contact_port", &phone.to_string(), "-auth_uri", domain])
        .arguments(["-r", &rate.to_string(), "-m", &count.max(1).to_string(), "-timeout", "120s"])
        .start()?;
    let (errors, command) = (running.dir().join("errors.log"), running.command.clone());
    let counts = running.finish()?;
    check(&counts, &std::fs::read_to_string(errors).unwrap_or_default())?;
    Ok((counts, command))
}
