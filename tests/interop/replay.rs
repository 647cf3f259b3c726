//! F63: what a real call did is run again, on the version it was on, on another one, and on a package that nobody has installed.

use std::path::Path;

use crate::bad_input::hostile;
use crate::reload::new_version;
use crate::server::Server;

#[test]
fn a_recorded_call_is_run_again() {
    let server = Server::start();
    let (code, text) = server.say(&["plugin", "replay", "acme", "--all"]);
    assert!(
        code != 0 && text.contains("`keep-runs = 100` in tenant.toml"),
        "nothing is kept unless somebody says so: {text}"
    );
    let tenant = server.file("acme", "tenant.toml");
    let toml = std::fs::read_to_string(&tenant).unwrap();
    std::fs::write(&tenant, format!("keep-runs = 10\n{toml}")).unwrap();
    server.ask(&["reload"]);

    server.ask(&["call", "acme", "100", "600", "--dtmf", "#", "--expect-hangup"]);
    let runs = server.until_runs("acme", 1);
    assert_eq!((&runs[0]["plugin"], &runs[0]["app"]), (&"app-echo".into(), &"Echo()".into()), "{runs:?}");
    let call = runs[0]["call"].as_str().unwrap();
    assert_eq!(server.records("acme", 1)[0]["call"], call, "by the name that its record has");

    let again = server.ask(&["plugin", "replay", "acme", call]);
    assert_eq!(
        (&again[0]["same"], &again[0]["recorded"]),
        (&runs[0]["questions"], &serde_json::Value::Null),
        "{again}"
    );
    // The same program in another version, not installed: the same.
    let other = new_version(&server);
    let other = other.to_str().unwrap();
    server.ask(&["plugin", "replay", "acme", "--all", "--against", other]);
    assert_eq!(server.ask(&["plugin", "show", "acme", "app-echo"])["version"], "0.1.0");

    // Another program under the same name does something else.
    let folder = server.scratch("other-echo");
    std::fs::copy(hostile(), folder.join("app-echo.wasm")).unwrap();
    let manifest = "[plugin]\nid = \"app-echo\"\nversion = \"9.0.0\"\n[provides]\napps = [\"Echo\"]\nfunctions = [\"GOOD\"]\n[capabilities]\nkv = {}\n";
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    let (code, text) = server.say(&["plugin", "replay", "acme", "--all", "--against", folder.to_str().unwrap()]);
    assert!(code == 1 && text.contains("1 of 1 recorded runs would differ"), "{code} {text}");
    assert!(text.contains("recorded") && text.contains("now"), "{text}");

    let fixture = server.scratch("out").join("call.json");
    server.ask(&["plugin", "replay", "acme", call, "--save-fixture", fixture.to_str().unwrap()]);
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&fixture).unwrap()).unwrap();
    assert_eq!(kept["call"], call);
    a_plugin_keeps_its_tests(&server, &fixture, (Path::new(other), &folder));
    let server = server.crash_and_restart();
    assert_eq!(server.until_runs("acme", 1).len(), 1);
}

/// The recorded call is a test of the plugin's own from now on, which needs no server.
fn a_plugin_keeps_its_tests(server: &Server, fixture: &Path, (same, other): (&Path, &Path)) {
    let run = |folder: &Path| server.say(&["plugin", "test", folder.to_str().unwrap()]);
    let (code, text) = run(same);
    assert!(code == 5 && text.contains("no recorded call"), "{code} {text}");
    for folder in [same, other] {
        std::fs::create_dir(folder.join("tests")).unwrap();
        std::fs::copy(fixture, folder.join("tests/echo.json")).unwrap();
    }
    let (code, text) = run(same);
    assert!(code == 0 && text.contains("1 passed, 0 failed"), "{code} {text}");
    let (code, text) = run(other);
    assert!(code == 1 && text.contains("FAILED") && text.contains("recorded") && text.contains("now"), "{code} {text}");
    std::fs::write(same.join("tests/broken.json"), "{}").unwrap();
    let (code, text) = run(same);
    assert!(
        code == 1 && text.contains("it is no recorded call") && text.contains("1 passed, 1 failed"),
        "{code} {text}"
    );
}
