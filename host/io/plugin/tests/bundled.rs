//! Bundled plugins as components: what their native tests say holds within the sandbox.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::time::Duration;

use call::{DialOptions, LegId, Request, Ringback, Target};
use plugin::{Capability, Package};
use support::{FakeCall, Rig, component, manifest};

const LEG: LegId = LegId(0);

fn package(name: &str) -> Package {
    Package::folder(manifest(name), component(name))
}

fn play(prompt: &str, interrupt: &str) -> Request {
    Request::Play { leg: LEG, prompts: vec![prompt.into()], interrupt: interrupt.into() }
}

#[tokio::test]
async fn playback_plays_and_says() {
    let rig = Rig::new().await;
    let installed = rig.install(package("app-playback")).await.unwrap();
    assert_eq!(installed.granted, [Capability::Dialplan]);
    let call = FakeCall::new();
    rig.run("PLAYBACK", "hello&goodbye", &call).await.unwrap().unwrap();
    let state = Request::Attribute { leg: LEG, name: "state".into() };
    assert_eq!(call.requests(), [state, Request::Answer { leg: LEG }, play("hello", ""), play("goodbye", "")]);
    assert_eq!(call.variables.lock().unwrap()["PLAYBACKSTATUS"], "SUCCESS");

    let call = FakeCall::new();
    rig.run("SayNumber", "42", &call).await.unwrap().unwrap();
    let prompts = vec!["digits/40".into(), "digits/2".into()];
    assert_eq!(call.requests().last(), Some(&Request::Play { leg: LEG, prompts, interrupt: String::new() }));
    assert_eq!(rig.run("SayNumber", "x", &call).await.unwrap().unwrap_err().code, "invalid");
}

/// One component of two worlds: the function fills what the application reads.
#[tokio::test]
async fn dial_by_name_finds_and_dials() {
    let rig = Rig::new().await;
    let installed = rig.install(package("app-dial-by-name")).await.unwrap();
    assert_eq!(installed.granted, [Capability::Dial, Capability::Dialplan, Capability::Kv]);
    let directory = rig.plugins.function("DIRECTORY").unwrap();
    directory.clone().write(vec!["101".into()], "Anna Smith".into(), None).await.unwrap().unwrap();
    assert_eq!(directory.read(vec!["101".into()], None).await.unwrap().unwrap(), "Anna Smith");

    let call = FakeCall::new();
    call.digits.lock().unwrap().push("764".into());
    rig.tenant.settings.lock().unwrap().insert("ring-seconds".into(), "7".into());
    rig.run("DialByName", "", &call).await.unwrap().unwrap();
    let options = DialOptions { ringback: Ringback::Tone, go_on: true, ..DialOptions::default() };
    let timeout = Duration::from_secs(7);
    let dial = Request::Dial { leg: LEG, targets: vec![Target::Endpoint("101".into())], timeout, options };
    assert_eq!(call.requests().last(), Some(&dial));
    assert_eq!(call.variables.lock().unwrap()["DIALSTATUS"], "BUSY");
}
