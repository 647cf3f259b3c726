//! F61: a version on trial beside the active one: which calls use it, how it ends, and that it survives a restart.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::time::Duration;

use call::{CallId, LegId};
use plugin::{
    ChangeError, Chooser, Consent, Digest, Event, Host, HostConfig, InstallError, Installed, Package, Split, Terms,
    limit,
};
use support::{FakeCall, Rig, by, component, hostile, manifest, variant};

/// Another version of the hostile guest.
fn version(number: u32) -> Package {
    let manifest = hostile().manifest.replace("version = \"0.1.0\"", &format!("version = \"0.{number}.0\""));
    Package { manifest, wasm: variant(&hostile().wasm, number), ..hostile() }
}

fn digest(number: u32) -> Digest {
    Digest::of(&version(number).wasm)
}

async fn begin(rig: &Rig, package: Package, split: &str) -> Result<Installed, InstallError> {
    let canary = Some(split.parse::<Split>().unwrap());
    rig.plugins.install(package, Terms { canary, ..Terms::unsigned(Consent::Declared) }, by()).await
}

fn call(random: u128, dialed: &str) -> Chooser {
    Chooser { call: CallId::from_parts(1_750_000_000_000, random), dialed: dialed.into(), endpoint: None }
}

/// The version that a call's applications and functions use; the same one for both.
fn used(rig: &Rig, call: &Chooser) -> Digest {
    let app = rig.plugins.app_for("good", call).unwrap();
    assert_eq!(app.digest(), rig.plugins.function_for("GOOD", call).unwrap().digest());
    app.digest()
}

/// The version 1, and 2 on trial for calls to 601.
async fn on_trial() -> Rig {
    let rig = Rig::new().await;
    rig.install(version(1)).await.unwrap();
    let installed = begin(&rig, version(2), "number=601").await.unwrap();
    assert_eq!((installed.digest, installed.canary), (digest(2), Some(Split::Number("601".into()))));
    rig
}

fn events(rig: &Rig) -> Vec<Event> {
    rig.plugins.history("hostile").iter().map(|entry| entry.event).collect()
}

/// Lets the version that calls to `dialed` use trap so often.
async fn traps(rig: &Rig, dialed: &str, times: usize) {
    for _ in 0..times {
        let slot = rig.plugins.app_for("Trap", &call(1, dialed)).unwrap();
        slot.run(LegId(0), String::new(), FakeCall::new()).await.unwrap_err();
    }
}

async fn until(rig: &Rig, reached: impl Fn(&plugin::Deployed) -> bool) {
    while !reached(&rig.plugins.show("hostile").unwrap()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_number_or_a_share_of_the_calls_tries_a_version() {
    let rig = on_trial().await;
    assert_eq!(used(&rig, &call(1, "601")), digest(2));
    assert_eq!(used(&rig, &call(1, "600")), digest(1));
    assert_eq!(rig.plugins.app("Good").unwrap().digest(), digest(1));
    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.digest, shown.version.as_str(), shown.generations, shown.draining), (digest(1), "0.1.0", 2, 0));
    let canary = shown.canary.unwrap();
    assert_eq!((canary.digest, canary.version.as_str(), canary.by), (digest(2), "0.2.0", by()));

    // Another trial takes the place of the first; a call is always the same version's.
    begin(&rig, version(3), "25%").await.unwrap();
    let tries = |random| used(&rig, &call(random, "601")) == digest(3);
    let taken: Vec<bool> = (0..1_000).map(tries).collect();
    let many = taken.iter().filter(|taken| **taken).count();
    assert!((200..300).contains(&many), "{many}");
    assert_eq!((0..1_000).map(tries).collect::<Vec<_>>(), taken);
}

#[tokio::test]
async fn a_trial_ends_by_promotion_or_by_roll_back() {
    let rig = on_trial().await;
    // A call inside the version on trial goes on in it, whatever becomes of it.
    let inside = FakeCall::new();
    let slot = rig.plugins.app_for("Wait", &call(1, "601")).unwrap();
    let run = tokio::spawn(slot.run(LegId(0), "3600000".into(), inside.clone()));
    inside.reached(1).await;
    assert_eq!(rig.plugins.show("hostile").unwrap().canary.unwrap().live, 1);

    let ended = rig.plugins.rollback("hostile", by()).await.unwrap();
    assert_eq!((ended.digest, ended.replaced), (digest(1), Some(digest(2))));
    assert_eq!(used(&rig, &call(1, "601")), digest(1));
    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.canary, shown.draining, shown.available.len()), (None, 1, 1));
    inside.hang_up();
    drop(run.await.unwrap());
    let error = rig.plugins.promote("hostile", by()).await.unwrap_err();
    assert!(matches!(error, ChangeError::NoCanary(_)), "{error}");

    begin(&rig, version(2), "10%").await.unwrap();
    assert_eq!(rig.plugins.promote("hostile", by()).await.unwrap().digest, digest(2));
    assert_eq!((used(&rig, &call(1, "600")), rig.plugins.show("hostile").unwrap().canary), (digest(2), None));
    // What was active is one command away.
    assert_eq!(rig.plugins.rollback("hostile", by()).await.unwrap().digest, digest(1));
    // An installation for all calls ends a trial.
    begin(&rig, version(3), "10%").await.unwrap();
    rig.install(version(4)).await.unwrap();
    assert_eq!(rig.plugins.show("hostile").unwrap().canary, None);
    use Event::{CanaryEnded, CanaryStarted, Installed, Promoted, RolledBack};
    assert_eq!(
        events(&rig),
        [
            Installed,
            CanaryStarted,
            CanaryEnded,
            CanaryStarted,
            Promoted,
            RolledBack,
            CanaryStarted,
            CanaryEnded,
            Installed
        ]
    );
    let history = rig.plugins.history("hostile");
    for (at, trial) in [(1, 2), (2, 2), (6, 3), (7, 3)] {
        assert_eq!(history[at].canary.as_ref().map(|canary| canary.digest), Some(digest(trial)), "{at}");
    }
}

/// The version on trial is judged by its own runs, and the active one by its own.
#[tokio::test]
async fn a_bad_version_on_trial_is_taken_back_alone() {
    let rig = on_trial().await;
    // Faults of the active version are not held against it.
    traps(&rig, "600", limit::TRAPS_TO_ROLL_BACK - 1).await;
    traps(&rig, "601", limit::TRAPS_TO_ROLL_BACK - 1).await;
    assert!(rig.plugins.show("hostile").unwrap().canary.is_some(), "at the bound it is still tried");
    traps(&rig, "601", 1).await;
    until(&rig, |shown| shown.canary.is_none()).await;
    assert_eq!(used(&rig, &call(1, "601")), digest(1));
    let last = rig.plugins.history("hostile").pop().unwrap();
    assert_eq!((last.event, last.digest, last.by.who.as_str()), (Event::CanaryFailed, Some(digest(1)), "system"));
    assert!(last.by.why.starts_with("5 of its last 5 runs failed"), "{}", last.by.why);
    assert_eq!(rig.plugins.show("hostile").unwrap().trouble, None, "the active version goes on");
}

#[tokio::test]
async fn a_trial_survives_a_restart() {
    let rig = on_trial().await;
    let before = rig.plugins.show("hostile").unwrap().canary;
    let directory = rig.directory.clone();
    drop(rig);
    // Its files stay although it is neither active nor in memory yet.
    let host = Host::new(HostConfig::new(directory.path().join("plugins"))).unwrap();
    host.collect_older(Duration::ZERO).await.unwrap();
    drop(host);
    let rig = Rig::reopen(directory, |config| config).await;
    assert_eq!(rig.plugins.show("hostile").unwrap().canary, before);
    assert_eq!((used(&rig, &call(1, "601")), used(&rig, &call(1, "600"))), (digest(2), digest(1)));
    rig.plugins.remove("hostile", by()).await.unwrap();
    rig.install(version(1)).await.unwrap();
    assert_eq!(used(&rig, &call(1, "601")), digest(1), "a trial ends with its plugin");
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused() {
    let rig = Rig::new().await;
    let error = begin(&rig, version(1), "10%").await.unwrap_err();
    assert!(matches!(error, InstallError::NothingBeside), "{error}");
    rig.install(version(1)).await.unwrap();
    let error = begin(&rig, version(1), "10%").await.unwrap_err();
    assert!(matches!(error, InstallError::ActiveAlready), "{error}");
    assert_eq!((events(&rig).len(), rig.plugins.show("hostile").unwrap().canary), (1, None));
    let service = |number: u32| {
        let manifest = format!(
            "[plugin]\nid = \"counter\"\nversion = \"0.{number}.0\"\n[provides]\napps = [\"Count\"]\nservice = true\n\
             [capabilities]\nbus = {{}}\ndialplan = {{}}\n"
        );
        Package::folder(manifest, variant(&component("counter"), number))
    };
    rig.install(service(1)).await.unwrap();
    let error = begin(&rig, service(2), "10%").await.unwrap_err();
    assert!(matches!(error, InstallError::NotOfCalls("a service")), "{error}");
    let strategy =
        |number: u32| Package::folder(manifest("strategy-queue"), variant(&component("strategy-queue"), number));
    rig.install(strategy(1)).await.unwrap();
    let error = begin(&rig, strategy(2), "10%").await.unwrap_err();
    assert!(matches!(error, InstallError::NotOfCalls("strategies")), "{error}");
}
