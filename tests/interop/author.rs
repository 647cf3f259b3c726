//! What authors have while they write: `plugin check`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

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
        assert_eq!(verdict["worlds"], json!(["app"]));
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
    assert!(verdict["problems"][0].as_str().unwrap().contains("exports no"), "{verdict}");

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
