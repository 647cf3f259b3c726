//! `func-core` and `app-read` as components: what their native tests say holds within the sandbox and its limits.

mod support;

use call::{LegId, Request};
use plugin::{FunctionCall, Package, limit};
use support::{FakeCall, Rig, component, manifest};

fn package(name: &str) -> Package {
    Package::folder(manifest(name), component(name))
}

/// F24, F12: every function within its fuel, the ones that carry the zone database too.
#[tokio::test]
async fn the_core_functions_answer() {
    let rig = Rig::new().await;
    rig.install(package("func-core")).await.unwrap();
    for (function, arguments, expected) in [
        ("LEN", &["héllo"][..], "5"),
        ("MATH", &["7*6", "int"], "42"),
        ("FILTER", &["0-9", "secret,s,1"], "1"),
        ("CUT", &["a-b-c", "-", "2-"], "b-c"),
        ("STRFTIME", &["1779278405", "Europe/Madrid", "%Y-%m-%d %H:%M %Z"], "2026-05-20 14:00 CEST"),
        ("STRFTIME", &["", "America/Argentina/ComodRivadavia", "%Y"], "2025"),
        ("RAND", &["5", "5"], "5"),
        ("DB", &["none/such"], ""),
        ("DB_EXISTS", &["none/such"], "0"),
        ("DB_KEYS", &[], ""),
    ] {
        let answer = rig.read(function, arguments).await;
        assert_eq!(answer.unwrap().as_deref(), Ok(expected), "{function} {arguments:?}");
    }
    let refused = rig.read("MATH", &["1/0"]).await.unwrap().unwrap_err();
    assert_eq!(refused.code, "invalid");
}

/// F24: what one call writes another reads.
#[tokio::test]
async fn the_database_is_shared() {
    let rig = Rig::new().await;
    rig.install(package("func-core")).await.unwrap();
    let write = |key: &str, value: &str| {
        let slot = rig.plugins.function("DB").unwrap();
        slot.write(vec![key.into()], value.into(), None)
    };
    for nth in 0..1_200 {
        write(&format!("names/{nth:04}"), "Ann").await.unwrap().unwrap();
    }
    assert_eq!(rig.read("DB", &["names/0007"]).await.unwrap().as_deref(), Ok("Ann"));
    assert_eq!(rig.read("DB_DELETE", &["names/0007"]).await.unwrap().as_deref(), Ok("Ann"));
    assert_eq!(rig.read("DB_EXISTS", &["names/0007"]).await.unwrap().as_deref(), Ok("0"));
    assert_eq!(rig.read("DB_KEYS", &[""]).await.unwrap().as_deref(), Ok("names"));
    let keys = rig.read("DB_KEYS", &["names"]).await.unwrap().unwrap();
    assert_eq!(keys.split(',').count(), 1_199);
}

/// `CALLERID` reads the leg of the call that asks.
#[tokio::test]
async fn functions_see_their_call() {
    let rig = Rig::new().await;
    rig.install(package("func-core")).await.unwrap();
    let call = FakeCall::new();
    let asked = FunctionCall { leg: LegId(0), port: call.clone() };
    let slot = rig.plugins.function("CALLERID").unwrap();
    let answer = slot.read(vec!["num".into()], Some(asked)).await.unwrap();
    assert!(answer.is_ok(), "{answer:?}");
    let asked_for = call.requests();
    assert!(matches!(&asked_for[..], [Request::Attribute { name, .. }] if name == "caller.number"), "{asked_for:?}");
    assert!(rig.read("CALLERID", &["num"]).await.unwrap().is_err());
}

/// F12: `Read` knows which key ended the input, so it asks for one at a time.
#[tokio::test]
async fn read_fills_its_variable() {
    let rig = Rig::new().await;
    rig.install(package("app-read")).await.unwrap();
    let call = FakeCall::new();
    call.digits.lock().unwrap().extend(["#", "2", "1"].map(str::to_owned));
    rig.run("Read", "choice,hello,4", &call).await.unwrap().unwrap();
    assert_eq!(call.variables.lock().unwrap()["choice"], "12");
    assert_eq!(call.variables.lock().unwrap()["READSTATUS"], "OK");
    let requests = call.requests();
    assert!(matches!(&requests[..2], [Request::Attribute { .. }, Request::Answer { .. }]), "{requests:?}");
    let reads = requests[2..].iter().map(|request| match request {
        Request::ReadDigits { max, terminators, prompts, .. } => (*max, terminators.as_str(), prompts.len()),
        other => panic!("{other:?}"),
    });
    assert_eq!(reads.collect::<Vec<_>>(), [(1, "", 1), (1, "", 0), (1, "", 0)]);
}

/// A leg is its call's: an instance that kept the handle of one never serves another, and no number of them uses anything up.
#[tokio::test]
async fn a_function_that_keeps_its_leg_begins_anew() {
    let rig = Rig::new().await;
    let manifest = "[plugin]\nid = \"keeper\"\nversion = \"1\"\n[provides]\nfunctions = [\"KEEP\"]\n";
    rig.install(Package::folder(manifest, component("keeper"))).await.unwrap();
    for _ in 0..2 * limit::HANDLES {
        let call = FunctionCall { leg: LegId(0), port: FakeCall::new() };
        let answer = rig.plugins.function("KEEP").unwrap().read(Vec::new(), Some(call)).await.unwrap();
        assert_eq!(answer.as_deref(), Ok("1"), "what it kept before is gone");
    }
    assert_eq!(rig.plugins.show("keeper").unwrap().faults, 0);
}
