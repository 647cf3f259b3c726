//! P13: 50 calls with audio in one tenant while every plugin of another misbehaves, all on one core.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Figure, Measured};
use crate::attack::Attack;
use crate::crowd::{Crowd, Heard, permille};
use crate::probe::Pinned;
use crate::{guest, server::Server};

const CALLS: u32 = 50;
const WINDOW: Duration = Duration::from_secs(20);
/// The demo's echo.
const ECHO: &str = "600";

/// What the neighbour of an attacker notices.
struct Noticed {
    heard: Heard,
    /// How long new calls waited for their answer, sorted.
    answered_after: Vec<Duration>,
}

pub(super) fn run(server: &Server, divisor: u32) -> Result<Measured, String> {
    let folder = server.dir().join("attack");
    let attack = Attack::lay_out(&folder, &guest::package("hostile").wasm).map_err(|error| error.to_string())?;
    for package in &attack.packages {
        let package = package.to_string_lossy();
        let install = ["plugin", "install", &server.tenant.name, &package, "--unsigned", "--yes", "--grant", "kv"];
        server.command(&install)?;
    }
    server.dial(&server.tenant, &attack.dialplan)?;
    let _pinned = Pinned::to_load_generator()?;
    let mut talkers = Crowd::new(server.account(&server.neighbour, "100")?);
    (0..CALLS).for_each(|_| talkers.call(ECHO));
    talkers.until_up();

    let newcomer = || server.account(&server.neighbour, "101").map(Crowd::new);
    let window = WINDOW / divisor;
    let quiet = notice(&mut talkers, newcomer()?, window);
    let over = AtomicBool::new(false);
    let mut attacker = Crowd::new(server.account(&server.tenant, "100")?);
    let (attacked, attacks) = thread::scope(|scope| {
        let attacks = scope.spawn(|| attacker.pester(&attack.numbers, &over));
        let attacked = notice(&mut talkers, newcomer()?, window);
        over.store(true, Ordering::Relaxed);
        Ok::<_, String>((attacked, attacks.join().map_err(|_| "the attacker failed")?))
    })?;
    let more = |of: fn(&Noticed) -> Duration| (of(&attacked).as_secs_f64() - of(&quiet).as_secs_f64()) * 1e3;
    let figure = |what, unit, value, (goal, stretch)| Figure { what, unit, value, goal, stretch };
    Ok(Measured {
        figures: vec![
            figure(
                "jitter p99.9 of a tenant beside an attacker, growth",
                "ms",
                more(|noticed| permille(&noticed.heard.jitter, 999)),
                (2.0, 0.5),
            ),
            figure("packets lost meanwhile", "packets", attacked.heard.lost.into(), (0.0, 0.0)),
            figure(
                "INVITE to 200 meanwhile, p99, growth",
                "ms",
                more(|noticed| permille(&noticed.answered_after, 990)),
                (10.0, 5.0),
            ),
        ],
        command: format!("{attacks} calls of {} hostile applications and functions", attack.numbers.len()),
        rate: (f64::from(attacks) / window.as_secs_f64()) as u32,
        units: attacks.into(),
        failed: (CALLS as usize - talkers.up()) as u64,
        retransmissions: 0,
        resident_mib: server.resident_mib()?,
        slowness: 1.0,
    })
}

/// Calls and talks for a while.
fn notice(talkers: &mut Crowd, mut newcomer: Crowd, window: Duration) -> Noticed {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let trials = scope.spawn(|| {
            newcomer.try_out(ECHO, &over);
            newcomer.answered_after
        });
        let heard = talkers.talk(window);
        over.store(true, Ordering::Relaxed);
        let mut answered_after = trials.join().expect("every call is answered");
        answered_after.sort();
        Noticed { heard, answered_after }
    })
}
