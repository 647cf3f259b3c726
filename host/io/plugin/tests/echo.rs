//! The first plugin, end to end: installed, run on a leg, ended by a hang-up.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use call::{LegId, Request};
use plugin::{Capability, Package, World};
use support::{FakeCall, Rig, component, manifest};

fn echo() -> Package {
    Package::folder(manifest("app-echo"), component("app-echo"))
}

/// F1: an application is a component.
#[tokio::test]
async fn echo_answers_and_echoes_until_the_hang_up() {
    let rig = Rig::new().await;
    let installed = rig.install(echo()).await.unwrap();
    assert!(installed.changed && installed.replaced.is_none());
    let call = FakeCall::new();
    let run = tokio::spawn({
        let (slot, call) = (rig.plugins.app("echo").unwrap(), call.clone());
        async move { slot.run(LegId(0), String::new(), call).await }
    });
    call.reached(2).await;
    call.hang_up();
    let end = run.await.unwrap().unwrap();
    assert_eq!(end.unwrap_err().code, "gone");
    let leg = LegId(0);
    assert_eq!(call.requests(), [Request::Answer { leg }, Request::Echo { leg, stop: "#".into() }]);
    let shown = rig.plugins.show("app-echo").unwrap();
    assert_eq!((shown.runs, shown.faults, shown.live, shown.generations), (1, 0, 0, 1));
}

/// F60: what a component can do is its import list.
#[tokio::test]
async fn the_imports_are_read_from_the_component() {
    let rig = Rig::new().await;
    let version = rig.host.load(component("app-echo")).await.unwrap();
    assert_eq!(version.worlds(), [World::App]);
    assert_eq!(version.capabilities(), []);
    let own: Vec<&str> =
        version.imports().iter().filter(|import| !import.starts_with("wasi:")).map(String::as_str).collect();
    assert_eq!(own, ["jackfield:pbx/legs@0.1.0 [method]leg.answer", "jackfield:pbx/legs@0.1.0 [method]leg.echo"]);
    let version = rig.host.load(component("hostile")).await.unwrap();
    assert_eq!(version.capabilities(), [Capability::Kv]);
}
