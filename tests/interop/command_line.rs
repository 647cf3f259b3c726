//! An administrator's mistakes: each command says what is wrong, where, and what to do, by the exit codes of the README.

use serde_json::Value;

use crate::process::Process;
use crate::server::{Server, profile, program, said};

/// Replaces text of a tenant's file; it must be there.
#[track_caller]
fn edit(server: &Server, tenant: &str, name: &str, from: &str, to: &str) {
    let path = server.file(tenant, name);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{name} has no {from:?}");
    std::fs::write(&path, text.replace(from, to)).unwrap();
}

/// The number of the line that has a text.
fn line_of(server: &Server, tenant: &str, name: &str, text: &str) -> usize {
    let file = std::fs::read_to_string(server.file(tenant, name)).unwrap();
    1 + file.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text:?} in {file}"))
}

/// What a reload made of a tenant.
fn result_of(report: &Value, tenant: &str) -> Value {
    report["tenants"].as_array().unwrap().iter().find(|one| one["name"] == tenant).unwrap()["result"].clone()
}

/// The plugins of acme, by id.
fn installed(server: &Server) -> Vec<String> {
    let list = server.ask(&["plugin", "list", "acme"]);
    list.as_array().unwrap().iter().map(|plugin| plugin["id"].as_str().unwrap().to_owned()).collect()
}

/// F10, F48: a misspelt plugin is told by `check` and by `reload` with its line, and nothing is removed.
#[test]
fn a_misspelt_plugin_removes_nothing() {
    let server = Server::start();
    edit(&server, "acme", "tenant.toml", "[plugins.app-echo]", "[plugins.app-ecko]");
    let place = format!("acme/tenant.toml:{}:1: error: ", line_of(&server, "acme", "tenant.toml", "app-ecko"));
    let config = server.config();
    for command in [&["check", "--config", config.to_str().unwrap()][..], &["reload"]] {
        let (code, text) = server.say(command);
        assert_eq!(code, 3, "{text}");
        assert!(text.contains(&place) && text.contains("did you mean `app-echo`?"), "{text}");
    }
    let report = server.command(&["reload"]).printed;
    assert_eq!((result_of(&report, "acme"), result_of(&report, "globex")), ("kept".into(), "applied".into()));
    assert!(installed(&server).contains(&"app-echo".to_owned()));
    assert_eq!(server.ask(&["call", "acme", "100", "601", "--expect-hangup"])["ok"], true);
}

/// F48: a name that no plugin provides is told before a caller meets it, and so is a removal that would take one away.
#[test]
fn names_that_nobody_provides_are_told() {
    let server = Server::start();
    let config = server.config();
    edit(&server, "acme", "dialplan.conf", "n,Echo()", "n,Ehco()");
    let place = format!("acme/dialplan.conf:{}: error: ", line_of(&server, "acme", "dialplan.conf", "Ehco"));
    for command in [&["check", "--config", config.to_str().unwrap()][..], &["reload"]] {
        let (code, text) = server.say(command);
        assert_eq!(code, 3, "{text}");
        assert!(text.contains(&place) && text.contains("did you mean `Echo`?"), "{text}");
    }
    edit(&server, "acme", "dialplan.conf", "n,Ehco()", "n,Echo()");
    assert_eq!(server.say(&["reload"]).0, 0);

    let (code, text) = server.say(&["plugin", "remove", "acme", "app-echo"]);
    let place = format!("acme/dialplan.conf:{}", line_of(&server, "acme", "dialplan.conf", "n,Echo()"));
    assert!(code == 1 && text.contains(&place) && text.contains("--force"), "{code} {text}");
    assert!(installed(&server).contains(&"app-echo".to_owned()));
    let (code, text) = server.say(&["plugin", "remove", "acme", "app-echo", "--force"]);
    assert!(code == 0 && text.contains("tenant.toml still has its table") && text.contains(&place), "{code} {text}");
    let health = server.ask(&["health"]).to_string();
    assert!(health.contains("no plugin of the tenant provides the application Echo"), "{health}");
    // It stays away, and until the dialplan can do without, the files are not taken.
    let (code, text) = server.say(&["reload"]);
    assert!(code == 3 && text.contains(&place), "{code} {text}");
    assert!(text.contains("does: `jackfield plugin install acme app-echo`"), "{text}");
    let (_, text) = server.say(&["health"]);
    assert_eq!(text.matches(&place).count(), 1, "told once: {text}");
    assert!(!installed(&server).contains(&"app-echo".to_owned()));
    server.ask(&["plugin", "install", "acme", "app-echo"]);
    assert_eq!(server.say(&["reload"]).0, 0);
}

/// What the file does not mention: what it declared once goes with its table, what a command installed stays.
#[test]
fn a_plugin_goes_with_its_table_and_one_by_command_stays() {
    let server = Server::start();
    for (tenant, id) in [("acme", "app-dial-by-name"), ("acme", "func-core")] {
        edit(&server, tenant, "tenant.toml", &format!("[plugins.{id}]"), "");
    }
    // The dialplan still needs them.
    let (code, text) = server.say(&["reload"]);
    assert!(code == 3 && text.contains("or [plugins.app-dial-by-name] in tenant.toml"), "{code} {text}");
    std::fs::write(server.file("acme", "dialplan.conf"), "[internal]\nexten => 600,1,Echo()\n").unwrap();
    assert_eq!(server.say(&["reload"]).0, 0);
    assert_eq!(
        installed(&server),
        ["app-echo", "app-playback", "app-queue", "app-read", "app-voicemail", "chan-loopback", "strategy-queue"]
    );
    server.ask(&["plugin", "install", "acme", "func-core"]);
    assert_eq!(server.say(&["reload"]).0, 0);
    let list = server.ask(&["plugin", "list", "acme"]);
    let core = list.as_array().unwrap().iter().find(|plugin| plugin["id"] == "func-core").expect("it stays");
    assert_eq!(core["declared"], false);
}

/// F60: what the manifest does not declare cannot be granted, and a version is told from another by more than its component.
#[test]
fn grants_and_versions_are_told() {
    let server = Server::start();
    let (code, text) = server.say(&["plugin", "install", "acme", "app-read", "--grant", "kv"]);
    assert!(
        code == 1 && text.contains("does not declare kv") && text.contains("it declares dialplan"),
        "{code} {text}"
    );
    let (code, text) = server.say(&["plugin", "install", "acme", "app-read", "--grant", "dailplan"]);
    assert!(code == 2 && text.contains("did you mean `dialplan`?"), "{code} {text}");

    let folder = server.scratch("app-echo");
    let bundled = profile().join("plugins/app-echo");
    let manifest = std::fs::read_to_string(bundled.join("plugin.toml")).unwrap();
    std::fs::write(folder.join("plugin.toml"), manifest.replace("0.1.0", "0.1.1")).unwrap();
    std::fs::copy(bundled.join("app-echo.wasm"), folder.join("app-echo.wasm")).unwrap();
    let (code, text) = server.say(&["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned"]);
    assert!(code == 0 && text.contains("the same component, another plugin.toml"), "{code} {text}");
    let (_, text) = server.say(&["plugin", "history", "acme", "app-echo"]);
    let times = text.lines().skip(1).map(|line| line.split_whitespace().next().unwrap());
    assert!(
        times.clone().count() == 2 && times.into_iter().all(|time| time.ends_with('Z') && time.len() == 20),
        "{text}"
    );
    assert!(text.contains("0.1.0 (") && text.contains("0.1.1 ("), "{text}");
    let (code, text) = server.say(&["plugin", "rollback", "acme", "app-echo"]);
    assert!(code == 0 && text.starts_with("app-echo 0.1.0 ("), "{code} {text}");
    assert_eq!(server.ask(&["plugin", "rollback", "acme", "app-echo", "--to", "0.1.1"])["version"], "0.1.1");
    let (code, text) = server.say(&["plugin", "rollback", "acme", "app-echo", "--to", "0.9"]);
    assert!(code == 5 && text.contains("has no version `0.9`"), "{code} {text}");
}

/// A plugin installed from a folder brings its prompts, at once and after a restart.
#[test]
fn a_plugin_by_command_brings_its_prompts() {
    let server = Server::start();
    let (folder, bundled) = (server.scratch("app-playback"), profile().join("plugins/app-playback"));
    let prompts = server.scratch("app-playback/prompts/en");
    for name in ["plugin.toml", "app-playback.wasm"] {
        std::fs::copy(bundled.join(name), folder.join(name)).unwrap();
    }
    std::fs::copy(bundled.join("prompts/en/hello.wav"), prompts.join("special.wav")).unwrap();
    let manifest = std::fs::read_to_string(folder.join("plugin.toml")).unwrap();
    std::fs::write(folder.join("plugin.toml"), manifest.replace("0.1.0", "0.1.1")).unwrap();
    server.extend("acme", "dialplan.conf", "\n[internal](+)\nexten => 690,1,Playback(special)\n same => n,Hangup()\n");
    server.ask(&["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned"]);
    let heard = |server: &Server| {
        let call = server.ask(&["call", "acme", "100", "690", "--expect-hangup"]);
        call["heard_ms"].as_u64().unwrap()
    };
    assert!(heard(&server) > 1_000);
    // Another prompt of the same name is heard as soon as its version is there.
    std::fs::copy(bundled.join("prompts/en/beep.wav"), prompts.join("special.wav")).unwrap();
    std::fs::write(folder.join("plugin.toml"), manifest.replace("0.1.0", "0.1.2")).unwrap();
    server.ask(&["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned"]);
    assert!((1..1_000).contains(&heard(&server)));
    let server = server.crash_and_restart();
    assert!((1..1_000).contains(&heard(&server)));
}

/// F48: a prompt that cannot be played is an error of its file.
#[test]
fn a_broken_prompt_is_told() {
    let server = Server::start();
    let sounds = server.file("acme", "sounds");
    std::fs::write(sounds.join("hello.wav"), "no audio").unwrap();
    let (code, text) = server.say(&["check", "--config", server.config().to_str().unwrap()]);
    assert!(code == 3 && text.contains("acme/sounds/hello.wav: error: not a WAV file"), "{code} {text}");
    assert_eq!(result_of(&server.command(&["reload"]).printed, "acme"), "kept");
}

/// The test phone needs nothing but the running server: its files may be wrong meanwhile.
#[test]
fn a_test_call_asks_the_server() {
    let server = Server::start();
    let secret = server.scratch("secret").join("100");
    std::fs::write(&secret, format!("{}\n", server.secret("acme", "100"))).unwrap();
    std::fs::write(server.file("acme", "tenant.toml"), "domains = 7\n").unwrap();
    assert_eq!(server.ask(&["call", "acme", "100", "601", "--expect-hangup"])["ended_by"], "them");
    // And not even that, where the secret is given.
    let sip = server.sip().to_string();
    let alone = ["call", "acme.test", "100", "601", "--expect-hangup", "--sip", &sip, "--secret-file"];
    let (code, text) = said(program().args(alone).arg(&secret).arg("--data").arg("/nonexistent"));
    assert!(code == 0 && text.contains("answered, and ended by the other side"), "{code} {text}");
    std::fs::write(&secret, "wrong").unwrap();
    let (code, text) = said(program().args(alone).arg(&secret));
    assert!(
        code == 1 && text.contains("401 Unauthorized: the server does not accept this phone's secret"),
        "{code} {text}"
    );

    let (code, text) = server.say(&["call", "acme", "100", "699"]);
    // The demo's plan answers wrong numbers with a voice.
    assert!(code == 0 && text.contains("ended by the other side"), "{code} {text}");
    let (code, text) = server.say(&["call", "acme", "100", "600", "--for", "1", "--expect-hangup"]);
    assert!(code == 1 && text.contains("the other side did not hang up within 1 s as was expected"), "{code} {text}");
    let (code, text) = server.say(&["call", "acme", "100", "600", "--dtmf", "1x"]);
    assert!(code == 2 && text.contains("'x' is no digit"), "{code} {text}");
}

/// Every way to name something that is not there, and every command without a server, by the table of the README.
#[test]
fn exit_codes_are_even_among_commands() {
    let server = Server::start();
    let missing: [&[&str]; 13] = [
        &["registrations", "--tenant", "acne"],
        &["calls", "--tenant", "acne"],
        &["calls", "hang-up", "nonsense"],
        &["dialplan", "test", "acne", "100", "600"],
        &["dialplan", "test", "acme", "199", "600"],
        &["dialplan", "test", "acme", "100", "600", "--context", "internl"],
        &["plugin", "list", "acne"],
        &["plugin", "show", "acme", "app-ecko"],
        &["plugin", "history", "acme", "app-ecko"],
        &["plugin", "remove", "acme", "app-ecko"],
        &["plugin", "install", "acme", "app-ecko"],
        &["plugin", "install", "acme", "./nowhere"],
        &["call", "acme", "199", "600"],
    ];
    for command in missing {
        let (code, text) = server.say(command);
        assert_eq!(code, 5, "{command:?}: {text}");
        assert!(text.starts_with("jackfield: ") && text.lines().count() == 1, "{command:?}: {text}");
        let suggests = ["acne", "app-ecko", "internl", "199"].iter().any(|wrong| command.contains(wrong));
        assert!(!suggests || text.contains("did you mean"), "{command:?}: {text}");
    }
    let commands: [&[&str]; 7] = [
        &["health"],
        &["reload"],
        &["calls"],
        &["registrations"],
        &["plugin", "list", "acme"],
        &["dialplan", "test", "acme", "100", "600"],
        &["call", "acme", "100", "600"],
    ];
    let elsewhere = tempfile::tempdir().unwrap();
    for command in commands {
        let lonely = || {
            let mut program = program();
            program.args(command).current_dir(elsewhere.path()).env_remove("JACKFIELD_DATA");
            program
        };
        let (code, text) = said(&mut lonely());
        assert_eq!(code, 4, "{command:?}: {text}");
        let tried = ["./jackfield-demo", "/var/lib/jackfield", "`jackfield demo`", "--data DIR"];
        assert!(tried.iter().all(|said| text.contains(said)), "{command:?}: {text}");
        let (code, text) = said(lonely().arg("--json"));
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(code == 4 && error["error"].is_string(), "{command:?}: {text}");
    }
    let wrong = Process::start("jackfield", program().args(["demo", "--sip", "0.0.0.0:5060"]));
    let mut wrong = wrong;
    assert_eq!(wrong.ends().code(), Some(2));
}
