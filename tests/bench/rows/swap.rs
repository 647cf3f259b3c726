//! P11: an application is replaced over and over under a thousand calls that are in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Figure, Measured};
use crate::crowd::{Crowd, permille};
use crate::probe::Pinned;
use crate::server::Server;

/// Calls that talk and whose every packet is timed.
const TALKERS: u32 = 50;
/// Calls beside them that say something now and then: with them it is as many as a tenant may have, but for those that try.
const OTHERS: u32 = 940;
/// Calls that one phone begins at once.
const AT_ONCE: u32 = 50;
const WINDOW: Duration = Duration::from_secs(60);
/// The demo's echo.
const ECHO: &str = "600";
const PACKET: Duration = Duration::from_millis(20);

pub(super) fn run(server: &Server, divisor: u32) -> Result<Measured, String> {
    let versions = versions(server)?;
    let _pinned = Pinned::to_load_generator()?;
    let caller = |name| server.account(&server.tenant, name).map(Crowd::new);
    let (mut talkers, mut others, mut newcomer) = (caller("100")?, caller("101")?, caller("102")?);
    begin(&mut talkers, TALKERS);
    begin(&mut others, OTHERS / divisor);
    let before = server.resident_mib()?;

    let over = AtomicBool::new(false);
    let (heard, swaps) = thread::scope(|scope| {
        scope.spawn(|| others.murmur(&over));
        let trials = scope.spawn(|| newcomer.try_out(ECHO, &over));
        let swaps = scope.spawn(|| swap(server, &versions, &over));
        let heard = talkers.talk(WINDOW / divisor);
        over.store(true, Ordering::Relaxed);
        trials.join().map_err(|_| "a new call was not answered")?;
        Ok::<_, String>((heard, swaps.join().map_err(|_| "swaps")??))
    })?;
    others.work();
    let lost = (TALKERS + OTHERS / divisor) as usize - talkers.up() - others.up();
    let kept = server.resident_mib()? - before;
    newcomer.answered_after.sort();
    let gap = heard.jitter.last().copied().unwrap_or_default() + PACKET;
    let pauses = permille(&newcomer.answered_after, 990) - permille(&newcomer.answered_after, 500);
    let figure = |what, unit, value, (goal, stretch)| Figure { what, unit, value, goal, stretch };
    Ok(Measured {
        figures: vec![
            figure("calls lost while their application is replaced", "calls", lost as f64, (0.0, 0.0)),
            figure("longest RTP gap meanwhile", "ms", gap.as_secs_f64() * 1e3, (40.0, 20.0)),
            figure("packets lost meanwhile", "packets", heard.lost.into(), (0.0, 0.0)),
            figure("INVITE to 200 meanwhile, p99 over p50", "ms", pauses.as_secs_f64() * 1e3, (1.0, 1.0)),
            figure("memory kept after it", "MiB", kept, (32.0, 8.0)),
        ],
        command: format!("{swaps} swaps"),
        rate: (swaps as f64 / (WINDOW / divisor).as_secs_f64()) as u32,
        units: swaps,
        failed: lost as u64,
        retransmissions: 0,
        resident_mib: server.resident_mib()?,
        slowness: 1.0,
    })
}

fn begin(crowd: &mut Crowd, calls: u32) {
    for begun in (0..calls).step_by(AT_ONCE as usize) {
        (begun..calls.min(begun + AT_ONCE)).for_each(|_| crowd.call(ECHO));
        crowd.until_up();
    }
}

/// Two packages of the bundled Echo, unlike each other in version and bytes.
fn versions(server: &Server) -> Result<[String; 2], String> {
    let package = crate::guest::package("app-echo");
    let make = |version: &str| {
        let folder = server.dir().join(format!("echo-{version}"));
        let mut component = package.wasm.to_vec();
        // A custom section that is the version's.
        component.extend([0, 4, 3]);
        component.extend(&version.as_bytes()[2..5]);
        let manifest = package.manifest.replace("version = \"0.1.0\"", &format!("version = \"{version}\""));
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join("app-echo.wasm"), component))
            .and_then(|()| std::fs::write(folder.join("plugin.toml"), manifest));
        written.map_err(|error| error.to_string())?;
        let folder = folder.to_string_lossy().into_owned();
        server.command(&["plugin", "install", &server.tenant.name, &folder, "--unsigned", "--yes"])?;
        Ok::<_, String>(folder)
    };
    Ok([make("0.1.101")?, make("0.1.102")?])
}

/// Puts one in the place of the other until it is told to stop; how often.
fn swap(server: &Server, versions: &[String; 2], over: &AtomicBool) -> Result<u64, String> {
    let mut swaps = 0;
    let begun = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let folder = &versions[swaps as usize % 2];
        server.command(&["plugin", "install", &server.tenant.name, folder, "--unsigned", "--yes"])?;
        swaps += 1;
    }
    eprintln!("{swaps} swaps, {:?} each", begun.elapsed() / u32::try_from(swaps.max(1)).unwrap_or(u32::MAX));
    Ok(swaps)
}
