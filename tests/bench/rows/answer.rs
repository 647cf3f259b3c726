//! P10: a call answered by an application, with a short prompt, ended by the server; and what listening costs besides.
//!
//! The prompt is the quarter of a second of `beep`: the row is about calls, and Asterisk's 0.82 ms for a call answered by itself
//! leave no room for more. What a second of prompt costs is a figure of its own.

use std::{thread, time::Duration};

use super::{Figure, Measured, call};
use crate::{
    probe,
    server::Server,
    sipp::{Counts, Ports, Running, Sipp},
};

const CALLER: &str = include_str!("../scenarios/greeted.xml");
/// New calls a second.
const RATE: u32 = 200;
/// An application that answers, plays 13 packets and is hung up on; added to the demo's dialplan by `server`.
const BEEP: &str = "690";
/// The same with half a minute of prompts.
const LONG: &str = "691";
/// Calls that listen at once, and how many of them are made a second.
const LISTENERS: u32 = 200;
const LISTENERS_RATE: u32 = 25;
/// The measured window, with all of them up.
const WINDOW: Duration = Duration::from_secs(10);

pub(super) fn run(server: &Server, divisor: u32) -> Result<Measured, String> {
    // Once, so that prompts are decoded; then unloaded: one call at a time.
    place(server, BEEP, 5, 5)?.finish()?;
    let times = probe::answer_times(server, BEEP, 400 / divisor)?;
    let answered = times.get(times.len() / 2).copied().ok_or("no call was probed")?;
    place(server, BEEP, RATE, 600 / divisor)?.finish()?;
    let before = server.cpu()?;
    let running = place(server, BEEP, RATE, 3_000 / divisor)?;
    let command = running.command.clone();
    let counts = running.finish()?;
    let milliseconds = (server.cpu()? - before).as_secs_f64() * 1e3 / counts.ok as f64;
    let figure = |what, unit, value, (goal, stretch)| Figure { what, unit, value, goal, stretch };
    Ok(Measured {
        figures: vec![
            figure("INVITE to the application's answer, unloaded, p50", "ms", answered, (0.3, 0.3)),
            figure("call answered by an application, 0.25 s of prompt", "ms CPU", milliseconds, (0.35, 0.20)),
            // Half of a relayed call (P3): one packet in and one out in 20 ms.
            figure(
                "a second of prompt, the caller talking",
                "ms CPU a second",
                listening(server, divisor)?,
                (0.30, 0.175),
            ),
        ],
        command,
        rate: RATE,
        units: counts.ok,
        failed: counts.failed,
        retransmissions: counts.retransmissions,
        resident_mib: server.resident_mib()?,
        slowness: 1.0,
    })
}

/// Processor time per call and second while calls do nothing but listen.
fn listening(server: &Server, divisor: u32) -> Result<f64, String> {
    let listeners = LISTENERS / divisor;
    let running = place(server, LONG, LISTENERS_RATE, listeners)?;
    thread::sleep(Duration::from_secs_f64(f64::from(listeners) / f64::from(LISTENERS_RATE) + 2.0));
    let before = server.cpu()?;
    thread::sleep(WINDOW);
    let busy = server.cpu()? - before;
    let Counts { ok, .. } = running.finish()?;
    Ok(busy.as_secs_f64() * 1e3 / WINDOW.as_secs_f64() / ok as f64)
}

fn place(server: &Server, extension: &str, rate: u32, count: u32) -> Result<Running, String> {
    let phone = Ports::free()?;
    let address = format!("{extension}@{}", server.tenant.domain);
    Sipp::new(server, "greeted", CALLER)?
        .accounts(&server.tenant.domain, &call::callers(server))?
        .arguments(["-s", extension, "-auth_uri", &address])
        .arguments(["-p", &phone.sip.to_string(), "-mp", &phone.media.to_string(), "-rtp_echo"])
        .arguments(["-r", &rate.to_string(), "-m", &count.max(1).to_string(), "-timeout", "180s"])
        .start()
}
