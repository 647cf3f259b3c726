//! An application is replaced while 50 calls are inside it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::crowd::Crowd;
use crate::patience::until;
use crate::server::{Server, profile};
use crate::sipp::{Place, Role};

const OLD_CALLS: usize = 50;
const NEW_CALLS: usize = 10;
const SWAPS: usize = 100;

/// F61, J1: no call drops, the old calls end on the old version, new calls begin on the new one.
#[test]
fn an_application_is_replaced_under_fifty_calls() {
    let server = Server::start();
    let process = server.id();
    let (first, second) = (Place::new(), Place::new());
    let begin = |place: &Place, endpoint, times: usize| {
        let role = Role::new("caller", "acme", endpoint).to("600").times(u32::try_from(times).unwrap());
        place.begin(&server, &role)
    };
    let mut old_callers = begin(&first, "100", OLD_CALLS);
    let before = until_inside(&server, OLD_CALLS, 0);
    let old_calls = server.until_calls(OLD_CALLS);

    let installed = server.ask(&["plugin", "install", "acme", new_version(&server).to_str().unwrap(), "--unsigned"]);
    assert_eq!(installed["changed"], true, "{installed}");
    assert_eq!(installed["replaced"], before["digest"]);
    let mut new_callers = begin(&second, "101", NEW_CALLS);
    let after = until_inside(&server, NEW_CALLS, OLD_CALLS);
    assert_ne!(after["digest"], before["digest"]);
    assert_eq!(after["version"], "0.1.1");

    for call in &old_calls {
        server.hang_up(call);
    }
    // SIPp answered 50 BYEs of ours, and nothing else ended its calls.
    old_callers.succeeds();
    let drained = until_inside(&server, NEW_CALLS, 0);
    assert_eq!(drained["faults"], 0, "{drained}");
    for call in server.until_calls(NEW_CALLS) {
        server.hang_up(&call);
    }
    new_callers.succeeds();

    let records = server.records("acme", OLD_CALLS + NEW_CALLS);
    let on = |version: &Value| {
        let plugin = format!("app-echo@{}", version["digest"].as_str().unwrap());
        records.iter().filter(|record| record["plugin"] == plugin.as_str()).count()
    };
    assert_eq!((on(&before), on(&after)), (OLD_CALLS, NEW_CALLS));
    assert_eq!(server.id(), process);
    let history = server.ask(&["plugin", "history", "acme", "app-echo"]);
    assert!(history.as_array().unwrap().len() >= 2, "{history}");
    let other = server.ask(&["plugin", "show", "globex", "app-echo"]);
    assert_eq!(other["digest"], before["digest"], "F8: the other tenant has what it had");
}

/// J2: two versions take turns as fast as they can be installed. No call ends, no packet is lost, and every new call is answered.
#[test]
fn a_storm_of_replacements_costs_nobody_anything() {
    let server = Server::start();
    let bundled = profile().join("plugins/app-echo");
    let versions = [bundled, new_version(&server)].map(|folder| folder.to_str().unwrap().to_owned());
    let [mut talkers, mut others, mut newcomer] =
        ["100", "101", "102"].map(|name| Crowd::new(server.account("acme", name)));
    for crowd in [&mut talkers, &mut others] {
        (0..OLD_CALLS).for_each(|_| crowd.call("600"));
        crowd.until_up();
    }
    let over = AtomicBool::new(false);
    let heard = std::thread::scope(|scope| {
        scope.spawn(|| others.murmur(&over));
        scope.spawn(|| newcomer.try_out("600", &over));
        let storm = scope.spawn(|| {
            for folder in versions.iter().cycle().take(SWAPS) {
                server.ask(&["plugin", "install", "acme", folder, "--unsigned", "--yes"]);
            }
        });
        let heard = talkers.talk(Duration::from_secs(10));
        storm.join().unwrap();
        over.store(true, Ordering::Relaxed);
        heard
    });
    talkers.work();
    others.work();
    assert_eq!((heard.lost, talkers.up(), others.up()), (0, OLD_CALLS, OLD_CALLS));
    assert!(newcomer.answered_after.len() > 10, "only {} new calls", newcomer.answered_after.len());
    [&mut talkers, &mut others].into_iter().for_each(Crowd::hang_up);
    // F61: nothing of the versions before is kept alive.
    until_inside(&server, 0, 0);
}

/// A plugin that leaves the file makes room for another one that has its names, strategies and all.
#[test]
fn a_plugin_takes_over_the_names_of_one_that_leaves_the_file() {
    let server = Server::start();
    let (bundled, folder) = (profile().join("plugins/strategy-queue"), server.scratch("strategy-own"));
    let manifest = std::fs::read_to_string(bundled.join("plugin.toml")).unwrap();
    std::fs::write(folder.join("plugin.toml"), manifest.replace("\"strategy-queue\"", "\"strategy-own\"")).unwrap();
    std::fs::copy(bundled.join("strategy-queue.wasm"), folder.join("strategy-own.wasm")).unwrap();
    let file = server.file("acme", "tenant.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let table = format!("[plugins.strategy-own]\npackage = {folder:?}\nunsigned = true\n");
    let own = text.replace("[plugins.strategy-queue]\n", &table);
    assert_ne!(own, text);
    std::fs::write(&file, own).unwrap();
    let (code, said) = server.say(&["reload"]);
    assert_eq!(code, 0, "{said}");
    let strategies = &server.ask(&["plugin", "show", "acme", "strategy-own"])["strategies"];
    assert_eq!(strategies[0], "longest-idle");
    assert_eq!(server.say(&["plugin", "show", "acme", "strategy-queue"]).0, 5);
}

/// The plugin once so many calls are in its active version and so many in former ones.
fn until_inside(server: &Server, live: usize, draining: usize) -> Value {
    until(&format!("{live} calls inside, {draining} draining"), || {
        let plugin = server.ask(&["plugin", "show", "acme", "app-echo"]);
        (plugin["live"] == live && plugin["draining"] == draining).then_some(plugin)
    })
}

/// The bundled Echo as another version: another manifest, and a component with one more custom section.
pub(crate) fn new_version(server: &Server) -> PathBuf {
    let bundled = profile().join("plugins/app-echo");
    let folder = server.scratch("app-echo");
    let manifest = std::fs::read_to_string(bundled.join("plugin.toml")).unwrap();
    std::fs::write(folder.join("plugin.toml"), manifest.replace("0.1.0", "0.1.1")).unwrap();
    let mut component = std::fs::read(bundled.join("app-echo.wasm")).unwrap();
    component.extend([0, 4, 3, b'n', b'e', b'w']);
    std::fs::write(folder.join("app-echo.wasm"), component).unwrap();
    folder
}
