//! Replacing plugins while they run: F61, F66 and rows 2J of the hostile catalogue.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::sync::Arc;

use call::LegId;
use plugin::{ChangeError, Digest, Event, InstallError, Package, RunError, Trouble, limit};
use support::{FakeCall, HOSTILE, Rig, by, component, hostile, manifest, variant};

fn version(number: u32) -> Package {
    Package { wasm: variant(&component("hostile"), number), ..hostile() }
}

/// A version that traps in `Moody`.
fn moody(number: u32) -> Package {
    let manifest = format!("{HOSTILE}\n[config.mode]\ntype = \"string\"\ndefault = \"trap\"\n");
    Package { manifest, ..version(number) }
}

fn service(number: u32, mode: &str) -> Package {
    let manifest = format!(
        "[plugin]\nid = \"counter\"\nversion = \"0.{number}.0\"\n[provides]\napps = [\"Count\"]\nservice = true\n[capabilities]\nbus = {{}}\ndialplan = {{}}\n\
         [config.mode]\ntype = \"string\"\ndefault = \"{mode}\"\n"
    );
    Package::folder(manifest, variant(&component("counter"), number))
}

async fn count(rig: &Rig, request: &str) -> Result<String, String> {
    let call = FakeCall::new();
    let end = rig.run("Count", request, &call).await.unwrap();
    end.map_err(|error| error.code)?;
    let variables = call.variables.lock().unwrap();
    Ok(variables["COUNT"].clone())
}

/// J1, J2: swap after swap while runs are suspended in the host. None fails, each ends on the version it began with, and only
/// the last generation stays in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_stay_on_their_version() {
    const SWAPS: u32 = 40;
    const RUNS_EACH: usize = 5;
    let rig = Rig::new().await;
    rig.install(version(0)).await.unwrap();
    let call = FakeCall::new();
    let mut runs = Vec::new();
    for swap in 1..=SWAPS {
        for _ in 0..RUNS_EACH {
            let slot = rig.plugins.app("Wait").unwrap();
            let began_with = slot.digest();
            let run = tokio::spawn(slot.clone().run(LegId(0), "3600000".into(), call.clone()));
            runs.push((run, slot, began_with));
        }
        rig.install(version(swap)).await.unwrap();
    }
    // Each answered and is waiting.
    call.reached(SWAPS as usize * RUNS_EACH * 2).await;
    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.live, shown.draining), (0, SWAPS as usize * RUNS_EACH));
    assert_eq!(shown.generations, SWAPS as usize + 1);
    call.hang_up();
    for (run, slot, began_with) in runs {
        assert_eq!(run.await.unwrap().unwrap().unwrap_err().code, "gone");
        assert_eq!(slot.digest(), began_with);
    }
    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.live, shown.draining, shown.generations, shown.faults), (0, 0, 1, 0));
    assert_eq!(rig.host.versions(), 1, "old code is gone from memory");
    assert_eq!(shown.available.len(), limit::KEPT_VERSIONS);
}

/// Functions swap as well, and instances kept by the old generation go with it.
#[tokio::test]
async fn functions_swap() {
    let rig = Rig::new().await;
    for number in 0..5 {
        rig.install(version(number)).await.unwrap();
        assert_eq!(rig.read("GOOD", &["a", "b"]).await.unwrap().unwrap(), "a-b");
    }
    assert_eq!(rig.plugins.show("hostile").unwrap().generations, 1);
}

/// F61: the version before is one command away, and the history tells who and why.
#[tokio::test]
async fn rollback_is_one_command() {
    let rig = Rig::new().await;
    let first = rig.install(version(1)).await.unwrap();
    assert!(!rig.install(version(1)).await.unwrap().changed, "the same again changes nothing");
    let second = rig.install(version(2)).await.unwrap();
    assert_eq!(second.replaced, Some(first.digest));
    let back = rig.plugins.rollback("hostile", by()).await.unwrap();
    assert_eq!((back.digest, back.replaced), (first.digest, Some(second.digest)));
    assert!(matches!(rig.plugins.rollback("hostile", by()).await, Err(ChangeError::NothingBefore(_))));
    rig.plugins.activate("hostile", &second.digest.short(), by()).await.unwrap();
    let unknown = Digest::of(b"never seen").to_string();
    assert!(matches!(rig.plugins.activate("hostile", &unknown, by()).await, Err(ChangeError::UnknownVersion { .. })));
    rig.plugins.remove("hostile", by()).await.unwrap();
    assert!(rig.plugins.app("Good").is_none() && rig.plugins.list().is_empty());
    let history: Vec<Event> = rig.plugins.history("hostile").iter().map(|entry| entry.event).collect();
    assert_eq!(history, [Event::Installed, Event::Installed, Event::RolledBack, Event::Activated, Event::Removed]);
    assert!(rig.plugins.history("hostile").iter().all(|entry| entry.by == by() && entry.unix_ms > 0));
    let hint = rig.plugins.remove("hostil", by()).await.unwrap_err().to_string();
    assert_eq!(hint, "no plugin hostil is installed");
}

/// F61: a new manifest around the same component is a version of its own: told apart, rolled back to, found by its name.
#[tokio::test]
async fn the_same_component_with_another_manifest_is_another_version() {
    let rig = Rig::new().await;
    let numbered = |number: &str| {
        let Package { manifest, wasm, .. } = version(1);
        Package::folder(manifest.replace("0.1.0", number), wasm)
    };
    let first = rig.install(numbered("0.1.0")).await.unwrap();
    let second = rig.install(numbered("0.1.1")).await.unwrap();
    assert_eq!(first.digest, second.digest);
    assert_eq!((second.version.as_str(), second.replaced_version.as_deref()), ("0.1.1", Some("0.1.0")));
    assert_eq!(rig.plugins.show("hostile").unwrap().version, "0.1.1");

    let back = rig.plugins.rollback("hostile", by()).await.unwrap();
    assert_eq!((back.version.as_str(), back.changed), ("0.1.0", true));
    let shown = rig.plugins.show("hostile").unwrap();
    let available: Vec<(&str, bool)> = shown.available.iter().map(|one| (one.version.as_str(), one.active)).collect();
    assert_eq!((shown.version.as_str(), available), ("0.1.0", vec![("0.1.1", false), ("0.1.0", true)]));

    rig.plugins.activate("hostile", "0.1.1", by()).await.unwrap();
    rig.install(Package { manifest: numbered("0.1.1").manifest, ..version(2) }).await.unwrap();
    let back = rig.plugins.activate("hostile", "0.1.1", by()).await.unwrap();
    assert_eq!(back.digest, first.digest, "not the active one, but the other of that name");
    rig.plugins.activate("hostile", "0.1.0", by()).await.unwrap();
    let error = rig.plugins.activate("hostile", "0.1.1", by()).await.unwrap_err();
    assert!(error.to_string().contains(&first.digest.short()), "{error}");
    let versions: Vec<Option<String>> = rig.plugins.history("hostile").into_iter().map(|entry| entry.version).collect();
    assert_eq!(versions[..3], ["0.1.0", "0.1.1", "0.1.0"].map(|version| Some(version.to_owned())));

    let rig = Rig::reopen(rig.directory.clone(), |config| config).await;
    assert_eq!(rig.plugins.show("hostile").unwrap().version, "0.1.0", "the restart knows which");
}

/// F61: a version that traps too often is replaced by the one before, and is not one to go back to.
#[tokio::test]
async fn a_bad_version_is_rolled_back_automatically() {
    let rig = Rig::new().await;
    let good = rig.install(version(1)).await.unwrap();
    let bad = rig.install(moody(2)).await.unwrap();
    for _ in 0..limit::TRAPS_TO_ROLL_BACK {
        assert!(matches!(rig.run("Moody", "", &FakeCall::new()).await, Err(RunError::Trap { .. })));
    }
    // What new runs get counts: it changes a moment after what `show` tells.
    while rig.plugins.show("hostile").unwrap().digest == bad.digest
        || rig.plugins.app("Moody").unwrap().digest() == bad.digest
    {
        tokio::task::yield_now().await;
    }
    rig.run("Moody", "", &FakeCall::new()).await.unwrap().unwrap();
    let last = rig.plugins.history("hostile").pop().unwrap();
    assert_eq!(
        (last.event, last.digest, last.by.who.as_str()),
        (Event::RolledBackAutomatically, Some(good.digest), "system")
    );
    assert!(last.by.why.starts_with("5 of the last 5 runs failed"), "{}", last.by.why);
    rig.install(version(3)).await.unwrap();
    let back = rig.plugins.rollback("hostile", by()).await.unwrap();
    assert_eq!(back.digest, good.digest, "the failed one is passed over");
}

/// H17: with nothing to go back to, a plugin that traps again and again is left alone for a while.
#[tokio::test]
async fn a_hopeless_plugin_is_suspended() {
    let rig = Rig::new().await;
    rig.install(moody(1)).await.unwrap();
    for _ in 0..limit::TRAPS_TO_SUSPEND {
        assert!(matches!(rig.run("Moody", "", &FakeCall::new()).await, Err(RunError::Trap { .. })));
    }
    assert!(matches!(rig.run("Moody", "", &FakeCall::new()).await, Err(RunError::Suspended { .. })));
    assert!(matches!(rig.plugins.show("hostile").unwrap().trouble, Some(Trouble::Suspended { .. })));
    rig.install(version(2)).await.unwrap();
    rig.run("Moody", "", &FakeCall::new()).await.unwrap().unwrap();
}

/// J3: what is refused changes nothing.
#[tokio::test]
async fn a_refused_version_leaves_the_old_one() {
    let rig = Rig::new().await;
    let good = rig.install(version(1)).await.unwrap();
    let broken = Package { wasm: b"\0asm\x0d\0\x01\0broken".to_vec().into(), ..hostile() };
    assert!(matches!(rig.install(broken).await, Err(InstallError::Load(_))));
    let wrong = Package { manifest: "[plugin]".into(), ..version(2) };
    assert!(matches!(rig.install(wrong).await, Err(InstallError::Manifest(_))));
    assert_eq!(rig.plugins.show("hostile").unwrap().digest, good.digest);
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
}

/// Two plugins of a tenant do not provide the same name.
#[tokio::test]
async fn names_are_taken_once() {
    let rig = Rig::new().await;
    rig.install(Package::folder(manifest("app-echo"), component("app-echo"))).await.unwrap();
    let other = manifest("app-echo").replace("id = \"app-echo\"", "id = \"app-echo2\"").replace("\"Echo\"", "\"ECHO\"");
    let error = rig.install(Package::folder(other, component("app-echo"))).await.unwrap_err();
    assert_eq!(error.to_string(), "ECHO is provided by app-echo already");
}

/// J6: two administrators at once: one after the other, and the state is one of theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_installs_do_not_mix() {
    let rig = Arc::new(Rig::new().await);
    component("hostile");
    let installs: Vec<_> = (1..=4)
        .map(|number| {
            let rig = rig.clone();
            tokio::spawn(async move { rig.install(version(number)).await.unwrap().digest })
        })
        .collect();
    let mut digests = Vec::new();
    for install in installs {
        digests.push(install.await.unwrap());
    }
    let shown = rig.plugins.show("hostile").unwrap();
    assert!(digests.contains(&shown.digest) && shown.available.len() == 4 && shown.generations == 1);
    assert_eq!(rig.plugins.history("hostile").last().unwrap().digest, Some(shown.digest));
}

/// K1: what was acknowledged is there after a restart: versions, grants, history.
#[tokio::test]
async fn a_restart_comes_up_with_the_same_versions() {
    let rig = Rig::new().await;
    rig.install(version(1)).await.unwrap();
    let second = rig.install(version(2)).await.unwrap();
    let (shown, history) = (rig.plugins.show("hostile").unwrap(), rig.plugins.history("hostile"));
    let rig = Rig::reopen(rig.directory.clone(), |config| config).await;
    let again = rig.plugins.show("hostile").unwrap();
    assert_eq!((again.digest, &again.available, &again.granted), (second.digest, &shown.available, &shown.granted));
    assert_eq!(rig.plugins.history("hostile"), history);
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
    rig.plugins.rollback("hostile", by()).await.unwrap();
}

/// K12: a damaged component is that plugin's trouble alone.
#[tokio::test]
async fn a_damaged_file_is_one_plugins_trouble() {
    let rig = Rig::new().await;
    let installed = rig.install(version(1)).await.unwrap();
    rig.install(Package::folder(manifest("app-echo"), component("app-echo"))).await.unwrap();
    let file = rig.path().join("components").join(format!("{}.wasm", installed.digest));
    std::fs::write(&file, b"damaged").unwrap();
    let rig = Rig::reopen(rig.directory.clone(), |config| config).await;
    assert!(matches!(rig.plugins.show("hostile").unwrap().trouble, Some(Trouble::NotLoaded(_))));
    assert!(rig.plugins.app("Good").is_none() && rig.plugins.app("Echo").is_some());
    // Installing it again repairs it.
    rig.install(version(1)).await.unwrap();
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
}

/// A service keeps its state over a reload; requests keep their order.
#[tokio::test]
async fn a_service_hands_its_state_over() {
    let rig = Rig::new().await;
    rig.install(service(1, "good")).await.unwrap();
    assert_eq!((count(&rig, "").await, count(&rig, "").await), (Ok("1".into()), Ok("2".into())));
    rig.install(service(2, "good")).await.unwrap();
    assert_eq!(count(&rig, "").await, Ok("3".into()));
    let shown = rig.plugins.show("counter").unwrap();
    assert!(shown.service && shown.generations == 1, "{shown:?}");
    assert_eq!(rig.plugins.service("counter").unwrap().ask(vec![]).await.unwrap().unwrap(), b"4");
}

/// J3, J4: a new service that does not start leaves the old one at work.
#[tokio::test]
async fn a_service_that_refuses_to_start_changes_nothing() {
    let rig = Rig::new().await;
    rig.install(service(1, "good")).await.unwrap();
    count(&rig, "").await.unwrap();
    let error = rig.install(service(2, "refuse")).await.unwrap_err();
    assert_eq!(error.to_string(), "its service did not start: failed: not in the mood");
    assert_eq!(count(&rig, "").await, Ok("2".into()));
    assert_eq!(rig.plugins.show("counter").unwrap().version, "0.1.0");
}

/// A service that fails is started again, without its state; who asked gets an error.
#[tokio::test]
async fn a_service_that_traps_begins_anew() {
    let rig = Rig::new().await;
    rig.install(service(1, "good")).await.unwrap();
    count(&rig, "").await.unwrap();
    assert_eq!(count(&rig, "refuse").await, Err("failed".into()));
    assert_eq!(count(&rig, "huge").await, Err("limit".into()));
    assert_eq!(count(&rig, "").await, Ok("2".into()));
    assert_eq!(count(&rig, "trap").await, Err("failed".into()));
    assert_eq!(count(&rig, "").await, Ok("1".into()));
    assert_eq!(count(&rig, "spin").await, Err("failed".into()));
    assert_eq!(count(&rig, "").await, Ok("1".into()));
    assert_eq!(rig.plugins.show("counter").unwrap().faults, 2);
}

/// Events reach a service in order, between requests; one that makes it trap costs its state and nothing else.
#[tokio::test]
async fn events_reach_a_service() {
    let rig = Rig::new().await;
    rig.install(service(1, "good")).await.unwrap();
    let service = rig.plugins.service("counter").unwrap();
    for by in ["10", "20"] {
        service.notify("add", "tests", vec![("by".into(), by.into())]).unwrap();
    }
    service.notify("unheard of", "tests", vec![]).unwrap();
    assert_eq!(count(&rig, "").await, Ok("31".into()));
    service.notify("trap", "tests", vec![]).unwrap();
    assert_eq!(count(&rig, "").await, Ok("1".into()));
}
