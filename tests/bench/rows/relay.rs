//! P3: calls with G.711 in both directions, relayed.

use std::{thread, time::Duration};

use super::{Figure, Measured, call};
use crate::{
    server::Server,
    sipp::{Ports, Sipp},
};

const CALLER: &str = include_str!("../scenarios/relay_caller.xml");
const CALLED: &str = include_str!("../scenarios/called.xml");
/// Calls at once.
const CALLS: u32 = 200;
/// New calls a second until all are up.
const RATE: u32 = 25;
/// The measured window, with all calls up.
const WINDOW: Duration = Duration::from_secs(10);
/// Ten seconds of A-law, which the caller repeats. What it sounds like does not matter to a relay.
const SOUND_BYTES: usize = 80_000;

pub(super) fn run(server: &Server, divisor: u32) -> Result<Measured, String> {
    let calls = CALLS / divisor;
    let _called = call::answering(server, CALLED)?;
    let phone = Ports::free()?;
    let ramp = Duration::from_secs_f64(f64::from(calls) / f64::from(RATE) + 2.0);
    let hold_ms = (ramp + WINDOW + Duration::from_secs(2)).as_millis();
    let caller = Sipp::new(server, "relay", CALLER)?;
    caller.file("sound.alaw", &sound())?;
    let running = caller
        .accounts(&server.tenant.domain, &call::callers(server))?
        .arguments(["-s", "101", "-auth_uri", &call::callee(server)])
        .arguments(["-p", &phone.sip.to_string(), "-mp", &phone.media.to_string()])
        .arguments(["-r", &RATE.to_string(), "-l", &calls.to_string(), "-m", &calls.to_string()])
        .arguments(["-d", &hold_ms.to_string(), "-timeout", "180s"])
        .start()?;
    thread::sleep(ramp);
    let before = server.cpu()?;
    thread::sleep(WINDOW);
    let busy = server.cpu()? - before;
    let resident_mib = server.resident_mib()?;
    let command = running.command.clone();
    let counts = running.finish()?;
    Ok(Measured {
        figures: vec![Figure {
            what: "G.711 call relayed, both directions",
            unit: "% of a core",
            value: busy.as_secs_f64() / WINDOW.as_secs_f64() / f64::from(calls) * 100.0,
            goal: 0.060,
            stretch: 0.035,
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

fn sound() -> Vec<u8> {
    (0..SOUND_BYTES).map(|index| (index * 37 % 251) as u8).collect()
}
