//! F61: a version that some calls try, with real calls: which version each of them used is in its record.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::reload::new_version;
use crate::server::Server;
use crate::sipp::{Place, Role};

const CALLS: u32 = 40;

fn install(server: &Server, split: &str) -> Value {
    let package = new_version(server);
    let package = package.to_str().unwrap();
    server.ask(&["plugin", "install", "acme", package, "--unsigned", "--canary", split, "--why", "a look"])
}

fn shown(server: &Server) -> Value {
    server.ask(&["plugin", "show", "acme", "app-echo"])
}

fn call(server: &Server, number: &str) {
    Place::new().plays(server, &Role::new("caller-hangs-up", "acme", "100").to(number));
}

/// The versions that calls have used, in the order of their records.
fn used(server: &Server, calls: usize) -> Vec<String> {
    let records = server.records("acme", calls);
    records.iter().map(|record| record["plugin"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn some_calls_try_a_version_and_the_others_do_not() {
    let server = Server::start();
    server.extend("acme", "dialplan.conf", "\n[internal](+)\nexten => 690,1,Echo()\n");
    let installed = install(&server, "number=690");
    assert_eq!((&installed["canary"], &installed["version"]), (&json!("number=690"), &json!("0.1.1")));
    let before = shown(&server);
    let (active, tried) = (&before["digest"], &before["canary"]["digest"]);
    assert_eq!((&before["version"], &before["canary"]["version"]), (&json!("0.1.0"), &json!("0.1.1")));
    for number in ["600", "690"] {
        call(&server, number);
    }
    let named = |digest: &Value| format!("app-echo@{}", digest.as_str().unwrap());
    let both = BTreeSet::from([named(active), named(tried)]);
    let first: BTreeSet<String> = used(&server, 2).into_iter().collect();
    assert_eq!(first, both, "each number its version");
    let to_690 = server.records("acme", 2).into_iter().find(|record| record["to"] == "690").unwrap();
    assert_eq!(to_690["plugin"], named(tried).as_str());
    let (_, text) = server.say(&["plugin", "show", "acme", "app-echo"]);
    assert!(text.contains("tried by calls to 690") && text.contains("a look"), "{text}");
    let (_, text) = server.say(&["plugin", "list", "acme"]);
    assert!(text.contains("0.1.1 tried by calls to 690"), "{text}");

    // Neither a reload nor a crash ends it.
    assert_eq!(server.say(&["reload"]).0, 0);
    let server = server.crash_and_restart();
    assert_eq!(shown(&server)["canary"], before["canary"]);
    install(&server, "50%");
    Place::new().plays(&server, &Role::new("caller-hangs-up", "acme", "100").to("600").times(CALLS));
    let shares: BTreeSet<String> = used(&server, 2 + CALLS as usize).into_iter().collect();
    assert_eq!(shares, both, "of {CALLS} calls some used the one and some the other");

    // A developer's own phone: nobody else is bothered.
    install(&server, "endpoint=101");
    let calls = 2 + CALLS as usize;
    for from in ["100", "101"] {
        Place::new().plays(&server, &Role::new("caller-hangs-up", "acme", from).to("600"));
    }
    let by = |from: &str| {
        let records = server.records("acme", calls + 2);
        records.into_iter().skip(calls).find(|record| record["from_endpoint"] == from).unwrap()["plugin"].clone()
    };
    assert_eq!((by("100").as_str(), by("101").as_str()), (Some(&*named(active)), Some(&*named(tried))));

    let promoted = server.ask(&["plugin", "promote", "acme", "app-echo"]);
    assert_eq!((&promoted["digest"], &promoted["canary"]), (tried, &Value::Null));
    assert_eq!(shown(&server)["canary"], Value::Null);
    let (code, text) = server.say(&["plugin", "promote", "acme", "app-echo"]);
    assert!(code == 1 && text.contains("no version on trial"), "{code} {text}");
    let history = server.ask(&["plugin", "history", "acme", "app-echo"]);
    let events: Vec<&Value> = history.as_array().unwrap().iter().map(|entry| &entry["event"]).collect();
    assert_eq!(events, ["installed", "canary-started", "canary-started", "canary-started", "promoted"]);
    assert_eq!((&history[1]["canary"]["split"], &history[1]["why"]), (&json!("number=690"), &json!("a look")));
}
