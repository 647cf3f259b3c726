//! Wrong files and wrong plugins: refused with the reason, while calls go on.

use std::path::{Path, PathBuf};

use crate::crowd::Crowd;
use crate::reload::new_version;
use crate::server::{Server, profile};
use crate::sipp::{Place, Role};

/// Calls Echo and hangs up.
fn assert_calls_work(server: &Server) {
    Place::new().plays(server, &Role::new("caller-hangs-up", "acme", "100").to("600"));
}

/// F10: the error names file and line, the old plan keeps serving, the other tenant hears nothing of it.
#[test]
fn a_broken_dialplan_leaves_the_old_one() {
    let server = Server::start();
    let answer = server.extend("acme", "dialplan.conf", "\nexten => 600,1,Goto(((\n[internal\n");
    assert_eq!(answer.code, 3, "{}", answer.printed);
    let tenants = answer.printed["tenants"].as_array().unwrap();
    let of = |name: &str| tenants.iter().find(|tenant| tenant["name"] == name).unwrap();
    assert_eq!(of("acme")["result"], "kept");
    assert_eq!(of("globex")["result"], "applied");
    let lines = std::fs::read_to_string(server.file("acme", "dialplan.conf")).unwrap().lines().count();
    let problem = &of("acme")["problems"][0];
    assert!(problem["file"].as_str().unwrap().ends_with("acme/dialplan.conf"), "{problem}");
    let line = usize::try_from(problem["line"].as_u64().unwrap()).unwrap();
    assert!((lines - 1..=lines).contains(&line), "one of the last two lines of {lines}: {problem}");
    assert_calls_work(&server);
}

/// H20: a component that wants what this server does not have is refused by the name of the import.
#[test]
fn a_plugin_with_a_missing_import_is_refused() {
    let server = Server::start();
    let folder = server.scratch("radio");
    let text = r#"(component (import "acme:radio/tuner@1.0.0" (instance (export "tune" (func)))))"#;
    std::fs::write(folder.join("radio.wasm"), wat::parse_str(text).unwrap()).unwrap();
    let manifest =
        "[plugin]\nid = \"radio\"\nversion = \"0.1.0\"\ntitle = \"Radio\"\n\n[provides]\napps = [\"Radio\"]\n";
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    let answer = server.command(&["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned"]);
    assert_eq!(answer.code, 1, "{}", answer.printed);
    let error = answer.printed["error"].as_str().unwrap();
    assert!(error.contains("acme:radio/tuner@1.0.0"), "{error}");
    let list = server.ask(&["plugin", "list", "acme"]);
    assert!(list.as_array().unwrap().iter().all(|plugin| plugin["id"] != "radio"), "{list}");
    assert_calls_work(&server);
}

/// F66, H1, H17: an application that traps or never ends gives its caller the fall-back of the plan (503 where there is none), and
/// the next call works.
#[test]
fn a_trap_ends_one_call_and_no_other() {
    let server = Server::start();
    let folder = server.scratch("hostile");
    std::fs::copy(hostile(), folder.join("hostile.wasm")).unwrap();
    let manifest = "[plugin]\nid = \"hostile\"\nversion = \"0.1.0\"\ntitle = \"Hostile\"\n\n[provides]\napps = [\"Trap\", \"Loop\"]\nfunctions = [\"GOOD\"]\n\n\
                    [capabilities]\nkv = { quota = \"1MB\" }\n";
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    server.installs(folder.to_str().unwrap());
    let plan = "\nexten => 690,1,Trap()\nexten => 691,1,Loop()\n\n[guarded]\nexten => 692,1,Trap()\nexten => e,1,Echo()\n\
                \n[internal]\nexten => 693,1,Goto(guarded,692,1)\n";
    let answer = server.extend("acme", "dialplan.conf", &format!("\n[internal]{plan}"));
    assert_eq!(answer.code, 0, "{}", answer.printed);
    for number in ["690", "691"] {
        Place::new().plays(&server, &Role::new("caller-gets-503", "acme", "100").to(number));
        assert_calls_work(&server);
    }
    // `e` of the context is the plan's own fall-back.
    Place::new().plays(&server, &Role::new("caller-hangs-up", "acme", "100").to("693"));
    assert!(server.log().contains("hostile"), "the log names the plugin");
}

/// The built hostile guest (`tests/guest/hostile`), built here when nobody did.
pub(crate) fn hostile() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let profile = profile();
    let target = profile.parent().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo)
        .current_dir(root)
        .args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2", "-p", "hostile"])
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", "")
        .status()
        .unwrap();
    assert!(status.success(), "the hostile guest does not build");
    target.join("wasm32-wasip2/plugin/hostile.wasm")
}

/// What cannot be installed says why, by file and line where there is one, and what runs runs on.
#[test]
fn packages_that_are_none_leave_what_runs() {
    let server = Server::start();
    let before = server.ask(&["plugin", "show", "acme", "app-echo"])["digest"].clone();
    let folder = new_version(&server);
    let install =
        |folder: &Path| server.say(&["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned", "--yes"]);
    let manifest = std::fs::read_to_string(folder.join("plugin.toml")).unwrap();
    let component = std::fs::read(folder.join("app-echo.wasm")).unwrap();
    let with = |text: &str| std::fs::write(folder.join("plugin.toml"), text).unwrap();

    with(&format!("{manifest}\n[capabilities]\nkw = {{}}\n"));
    let (code, text) = install(&folder);
    let line = manifest.lines().count() + 3;
    assert!(code == 1 && text.contains(&format!("plugin.toml:{line}")) && text.contains("kw"), "{code} {text}");
    with(&manifest);

    std::fs::File::create(folder.join("app-echo.wasm")).unwrap().set_len((32 << 20) + 1).unwrap();
    let (code, text) = install(&folder);
    assert!(code == 1 && text.contains("at most 33554432"), "{code} {text}");
    std::fs::write(folder.join("app-echo.wasm"), &component[..component.len() / 2]).unwrap();
    let (code, text) = install(&folder);
    assert!(code == 1 && text.contains("app-echo"), "{code} {text}");
    std::fs::write(folder.join("app-echo.wasm"), component).unwrap();

    assert_eq!(server.ask(&["plugin", "show", "acme", "app-echo"])["digest"], before);
    assert_calls_work(&server);
}

/// J6: several administrators at once, and an installation while calls drain: one after the other, whole, and calls go on.
#[test]
fn installations_do_not_meet() {
    let server = Server::start();
    let mut callers = Crowd::new(server.account("acme", "100"));
    (0..10).for_each(|_| callers.call("600"));
    callers.until_up();
    let bundled = profile().join("plugins/app-echo");
    let folders = [new_version(&server), bundled];
    std::thread::scope(|scope| {
        for folder in folders.iter().cycle().take(8) {
            scope.spawn(|| {
                let install = ["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned", "--yes"];
                let (code, text) = server.say(&install);
                // Who was shown a plan that another one's installation has overtaken is asked to look again.
                assert!(code == 0 || code == 1 && text.contains("changed since"), "{code} {text}");
            });
        }
    });
    callers.work();
    assert_eq!(callers.up(), 10);
    let shown = server.ask(&["plugin", "show", "acme", "app-echo"]);
    assert_eq!(shown["live"].as_u64().unwrap() + shown["draining"].as_u64().unwrap(), 10, "{shown}");
    let last = server.ask(&["plugin", "history", "acme", "app-echo"]).as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["digest"], shown["digest"], "what is told last is what runs");
    callers.hang_up();
    assert_calls_work(&server);
}
