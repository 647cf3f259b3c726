//! What authors have while they write: `plugin check`, and `plugin dev` with its swap at each save.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::languages::Author;
use crate::patience::until;
use crate::process::Process;
use crate::server::{Server, profile, program, said};

/// A folder with a bundled plugin's package, its manifest changed.
fn changed(name: &str, change: impl FnOnce(String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let bundled = profile().join("plugins").join(name);
    let manifest = std::fs::read_to_string(bundled.join("plugin.toml")).unwrap();
    std::fs::write(folder.path().join("plugin.toml"), change(manifest)).unwrap();
    let wasm = format!("{name}.wasm");
    std::fs::copy(bundled.join(&wasm), folder.path().join(&wasm)).unwrap();
    folder
}

/// `plugin check`, as programs read it.
fn check(plugin: &Path, more: &[&str]) -> (i32, Value) {
    let output = program().args(["plugin", "check", "--json"]).arg(plugin).args(more).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (output.status.code().unwrap(), value)
}

/// A component that wants a `kv.get` of numbers, `kv.count`, and an interface of a later WIT.
fn from_elsewhere(folder: &Path) -> PathBuf {
    let text = r#"(component
        (import "jackfield:pbx/kv@0.1.0" (instance
            (export "get" (func (param "key" u32) (result string))) (export "count" (func (result u32)))))
        (import "jackfield:pbx/video@0.3.0" (instance (export "show" (func))))
        (instance $none) (export "jackfield:pbx/apps@0.1.0" (instance $none)))"#;
    let path = folder.join("app-elsewhere.wasm");
    std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    path
}

#[test]
fn a_plugin_that_fits_passes_against_a_running_server_too() {
    let server = Server::start();
    let folder = changed("app-voicemail", |manifest| manifest);
    let data = server.data("");
    for more in [&[][..], &["--against", "0.1"], &["--against", data.to_str().unwrap()]] {
        let (code, verdict) = check(folder.path(), more);
        assert_eq!((code, &verdict["ok"], &verdict["wit"]), (0, &json!(true), &json!("0.1.0")), "{verdict}");
        assert_eq!(verdict["worlds"], json!(["app", "function"]));
        assert_eq!((&verdict["undeclared"], &verdict["unused"]), (&json!([]), &json!([])), "{verdict}");
    }
}

#[test]
fn every_import_that_is_missing_or_otherwise_is_named_with_both_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let path = from_elsewhere(folder.path());
    let (code, verdict) = check(&path, &[]);
    assert_eq!((code, &verdict["ok"]), (1, &json!(false)));
    let missing = verdict["missing"].as_array().unwrap();
    let row = |one: &Value| json!([one["import"], one["wanted"], one["offered"], one["needs"]]);
    assert_eq!(
        missing.iter().map(row).collect::<Vec<_>>(),
        [
            json!([
                "jackfield:pbx/kv@0.1.0 get",
                "func(key: u32) -> string",
                "func(key: string) -> result<option<list<u8>>, error>",
                null
            ]),
            json!(["jackfield:pbx/kv@0.1.0 count", "func() -> u32", null, null]),
            json!(["jackfield:pbx/video@0.3.0", null, null, "0.3.0"]),
        ]
    );
    let (code, text) = said(program().args(["plugin", "check"]).arg(&path));
    assert_eq!(code, 1);
    for line in
        ["wanted   func(key: u32) -> string", "needs WIT 0.3.0, this server has 0.1.0", "does not fit WIT 0.1.0"]
    {
        assert!(text.contains(line), "{line:?} is in\n{text}");
    }
}

/// The installation says the same, and not that linking failed.
#[test]
fn an_installation_names_the_signature() {
    let server = Server::start();
    let folder = server.scratch("elsewhere");
    from_elsewhere(&folder);
    let manifest =
        "[plugin]\nid = \"app-elsewhere\"\nversion = \"1\"\n[provides]\napps = [\"X\"]\n[capabilities]\nkv = {}\n";
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    let install = ["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned", "--yes", "--grant", "kv"];
    let (code, text) = server.say(&install);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("get as `func(key: u32) -> string`, but WIT 0.1.0 of this server has it as `func("),
        "{text}"
    );
}

#[test]
fn manifest_and_component_are_held_against_each_other() {
    let undeclared = changed("app-voicemail", |manifest| {
        let lines = manifest.lines().filter(|line| !line.starts_with("blob"));
        lines.collect::<Vec<_>>().join("\n")
    });
    let (code, verdict) = check(undeclared.path(), &[]);
    assert_eq!((code, &verdict["undeclared"]), (1, &json!(["blob"])), "{verdict}");

    let unused = changed("app-echo", |manifest| manifest + "\n[capabilities]\nkv = {}\n");
    let (code, verdict) = check(unused.path(), &[]);
    assert_eq!((code, &verdict["unused"]), (0, &json!(["kv"])), "what is not used is a warning: {verdict}");

    let other_kind = changed("app-echo", |manifest| manifest.replace("apps = [\"Echo\"]", "functions = [\"ECHO\"]"));
    let (code, verdict) = check(other_kind.path(), &[]);
    assert_eq!(code, 1);
    let problem = "the component exports applications, but plugin.toml lists no apps";
    assert_eq!(verdict["problems"], json!([problem]), "{verdict}");

    let misspelt = changed("app-echo", |manifest| manifest.replace("title", "titel"));
    let (code, verdict) = check(misspelt.path(), &[]);
    assert_eq!(code, 1);
    let error = verdict["error"].as_str().unwrap();
    assert!(error.contains("plugin.toml:4: unknown field") && error.contains("did you mean \"title\"?"), "{error}");
}

#[test]
fn what_cannot_be_compared_with_is_said() {
    let folder = changed("app-echo", |manifest| manifest);
    let (code, verdict) = check(folder.path(), &["--against", "0.7"]);
    assert_eq!(code, 5, "{verdict}");
    assert!(verdict["error"].as_str().unwrap().contains("this program knows (0.1.0)"), "{verdict}");
}

/// `plugin dev` with a plugin of its own, in the folder of an author.
struct Bench {
    dev: Process,
    ready: Value,
    author: Author,
    id: &'static str,
}

impl Bench {
    fn start(language: &'static str, id: &'static str) -> Self {
        let author = Author::new(language);
        author.command(&["plugin", "new", id, "--language", language]);
        let mut command = author.program(&["plugin", "dev", id, "--sip", "127.0.0.1:0", "--json"]);
        let dev = Process::start("plugin dev", &mut command);
        let ready = serde_json::from_str(&dev.prints("{\"ready\":true")).unwrap();
        Self { dev, ready, author, id }
    }

    /// Saves the source with something replaced.
    fn saves(&self, file: &str, old: &str, new: &str) {
        let path = self.author.folder.join(self.id).join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{old} is in\n{text}");
        std::fs::write(path, text.replace(old, new)).unwrap();
    }

    /// Calls a number as `jackfield call` does, to its end.
    fn calls(&self, number: &str, more: &[&str]) -> Value {
        let mut command = self.call(number);
        let output = command.args(more).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Ctrl-C ends it, and its directory is gone.
    fn leaves_nothing(mut self) {
        let home = Path::new(self.ready["data"].as_str().unwrap()).parent().unwrap().to_owned();
        assert!(home.is_dir());
        self.dev.interrupt();
        assert!(self.dev.ends().success());
        assert!(!home.exists(), "nothing is left of {}", home.display());
    }

    /// What the server of the bench answers.
    fn asks(&self, arguments: &[&str]) -> Value {
        let data = self.ready["data"].as_str().unwrap();
        let output = program().args(arguments).args(["--json", "--data", data]).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Waits until one call is inside the active version (`live`) or a former one (`draining`).
    fn until_inside(&self, which: &str) {
        until(&format!("one call {which}"), || {
            (self.asks(&["plugin", "show", "dev", self.id])[which] == 1).then_some(())
        });
    }

    fn call(&self, number: &str) -> std::process::Command {
        let mut command = program();
        command.args(["call", "--data", self.ready["data"].as_str().unwrap(), "dev"]);
        command.args([self.ready["user"].as_str().unwrap(), number, "--for", "600", "--expect-hangup"]);
        command
    }
}

fn heard(verdict: &Value) -> u64 {
    assert_eq!((&verdict["status"], &verdict["ended_by"]), (&json!(200), &json!("them")), "{verdict}");
    verdict["heard_ms"].as_u64().unwrap()
}

/// A save is heard by the next call; a call that is up keeps its version; what does not build changes nothing.
#[test]
fn a_save_is_heard_by_the_next_call_and_not_by_the_one_that_is_up() {
    let bench = Bench::start("rust", "app-front-desk");
    assert_eq!(bench.ready["numbers"], json!([[100, "FrontDesk()"]]));
    assert_eq!(bench.ready["granted"], json!([]));
    let press = ["--dtmf", "wwwwwwww7"];
    let greeted = heard(&bench.calls("100", &press));
    bench.dev.prints_matching(&["SIP  ", "--> INVITE sip:100@dev.test"]);
    bench.dev.prints_matching(&["SIP  ", "<-- 200 OK (INVITE)"]);

    // Ten minutes for a digit: this call is still up when another version takes over.
    bench.saves("src/lib.rs", "Digits::up_to(1)", "Digits::up_to(1).first_within_secs(600)");
    bench.dev.prints("new calls use it");
    let up = Process::start("the call that is up", &mut bench.call("100"));
    bench.until_inside("live");
    bench.saves("src/lib.rs", "leg.play(\"hello\")?;", "leg.play(\"hello\")?;\n    leg.play(\"hello\")?;");
    bench.dev.prints_again("new calls use it", 2);
    let twice = heard(&bench.calls("100", &press));
    assert!(twice > greeted + 300, "the second greeting is heard: {greeted} ms, then {twice} ms");
    bench.until_inside("draining");
    let calls = bench.asks(&["calls"]);
    bench.asks(&["calls", "hang-up", calls[0]["id"].as_str().unwrap()]);
    up.prints("ended by the other side");

    bench.saves("src/lib.rs", "leg.answer()?;", "leg.answer()?");
    bench.dev.prints("the version before stays");
    assert_eq!(heard(&bench.calls("100", &press)).abs_diff(twice) / 300, 0);
    bench.saves("src/lib.rs", "leg.answer()?", "leg.answer()?;");
    bench.dev.prints_again("swapped", 3);

    bench.leaves_nothing();
}

/// Python has no compiler of ours: the folder is watched all the same.
#[test]
fn python_is_swapped_too() {
    let bench = Bench::start("python", "app-front-desk");
    let press = ["--dtmf", "wwwwwwww7"];
    let greeted = heard(&bench.calls("100", &press));
    bench.saves("app.py", "leg.play(\"hello\")", "leg.play(\"hello\")\n    leg.play(\"hello\")");
    bench.dev.prints("new calls use it");
    assert!(heard(&bench.calls("100", &press)) > greeted + 300);
    let echo = bench.calls("200", &["--dtmf", "ww#"]);
    assert_eq!(echo["status"], 200, "{echo}");
    bench.leaves_nothing();
}

/// `plugin docs` writes what the WIT says, in both forms.
#[test]
fn the_reference_is_written_by_interface() {
    let folder = tempfile::tempdir().unwrap();
    for (form, file) in [("--html", "kv.html"), ("--markdown", "kv.md")] {
        let out = folder.path().join(form);
        let (code, text) = said(program().args(["plugin", "docs", form, "-o"]).arg(&out));
        assert_eq!(code, 0, "{text}");
        let page = std::fs::read_to_string(out.join(file)).unwrap();
        assert!(page.contains("Puts a value; durable when it returns."), "{page}");
        assert!(text.contains("index."), "{text}");
    }
    let (code, text) = said(program().args(["plugin", "docs"]));
    assert_eq!(code, 0);
    assert!(text.contains("# `legs`") && text.contains("## `leg.read-digits`"), "{text}");
}

/// `doctor` names what is missing with the line that brings it, and the plugin that was built against another WIT.
#[test]
fn the_doctor_names_what_is_missing_and_what_mends_it() {
    let author = Author::new("c");
    author.command(&["plugin", "new", "app-front-desk", "--language", "c"]);
    author.command(&["plugin", "build", "app-front-desk"]);
    let examine = |path: Option<&str>| {
        let mut command = author.program(&["doctor", "app-front-desk", "--json", "--data"]);
        command.arg(author.server.data(""));
        path.map(|path| command.env("PATH", path));
        let output = command.output().unwrap();
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), verdict)
    };
    let finding = |verdict: &Value, about: &str| {
        let findings = verdict["findings"].as_array().unwrap();
        findings.iter().find(|one| one["about"] == about).unwrap_or_else(|| panic!("{about}: {verdict}")).clone()
    };
    let (_, verdict) = examine(None);
    for about in
        ["C's clang and wasm-ld", "C's wasi-libc", "Rust's wasm32-wasip2", "the plugin's WIT", "data directory"]
    {
        assert_eq!(finding(&verdict, about)["state"], "ok", "{verdict}");
    }
    assert_eq!(finding(&verdict, "the plugin's WIT")["found"], "that of the running server");

    // Another WIT, and a machine with nothing but a shell.
    let wit = author.folder.join("app-front-desk/build/wit/v0.1/legs.wit");
    std::fs::write(&wit, "interface legs {}").unwrap();
    let shell = author.folder.join("shell");
    std::fs::create_dir(&shell).unwrap();
    std::os::unix::fs::symlink("/bin/sh", shell.join("sh")).unwrap();
    let (code, verdict) = examine(Some(shell.to_str().unwrap()));
    assert_eq!((code, &verdict["ok"]), (1, &json!(false)));
    assert_eq!(finding(&verdict, "the plugin's WIT")["mend"], "jackfield plugin build app-front-desk");
    let (own, other) = (finding(&verdict, "C's wasi-libc"), finding(&verdict, "Rust"));
    assert_eq!((&own["state"], &other["state"]), (&json!("error"), &json!("note")), "{verdict}");
    assert!(own["mend"].as_str().unwrap().starts_with("apt-get install "), "{own}");
}
