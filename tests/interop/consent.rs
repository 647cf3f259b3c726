//! F60: what a package asks for is shown and consented to before it is installed, and again where a later version asks for more.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::bad_input::hostile;
use crate::server::{Server, program, said};

/// A package of the hostile guest, which imports `kv`.
fn package(server: &Server, version: &str, asks: &str) -> PathBuf {
    let folder = server.scratch(&format!("hostile-{version}"));
    std::fs::copy(hostile(), folder.join("hostile.wasm")).unwrap();
    let manifest = format!(
        "[plugin]\nid = \"hostile\"\nversion = \"{version}\"\ntitle = \"Hostile\"\n[provides]\napps = [\"Good\"]\n\
         functions = [\"GOOD\"]\n[capabilities]\n{asks}\n"
    );
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    folder
}

fn install<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned"], more].concat()
}

#[test]
fn a_package_is_installed_with_what_was_consented_to() {
    let server = Server::start();
    let first = package(&server, "0.1.0", "kv = { quota = \"1MB\" }\ndial = {}");
    let plan = server.ask(&install(&first, &["--plan"]));
    assert_eq!(plan["growth"], json!(["kv"]));
    assert_eq!((&plan["replaces"], &plan["signer"]), (&json!(null), &json!(null)));
    let rights = plan["rights"].as_array().unwrap();
    assert_eq!((&rights[0]["name"], &rights[0]["difference"]), (&json!("dial"), &json!("unused")));
    assert!(rights[1]["imports"].as_array().unwrap().contains(&json!("get")), "{plan}");

    // Nobody can be asked here.
    let (code, text) = server.say(&install(&first, &[]));
    assert!(code == 1 && text.contains("hostile needs consent to kv"), "{code} {text}");
    assert!(text.contains("kv         keeps values on this server's disk (at most 1048576 bytes) ["), "{text}");
    let line = format!("plugin install acme {} --unsigned --yes --grant kv", first.display());
    assert!(text.contains(&line), "the line to type: {text}");
    for more in [&["--yes"][..], &["--grant", "kv"], &["--yes", "--grant", "memory"]] {
        let (code, text) = server.say(&install(&first, more));
        assert!(code == 1 && text.contains("not installed: "), "{more:?}: {code} {text}");
    }
    assert_eq!(server.command(&["plugin", "show", "acme", "hostile"]).code, 5);
    let typed: Vec<&str> = line.split(' ').collect();
    assert_eq!(server.ask(&typed)["granted"], json!(["kv"]));

    // No growth, no question.
    let second = package(&server, "0.2.0", "kv = { quota = \"1MB\" }");
    assert_eq!(server.say(&install(&second, &[])).0, 0);
    let third = package(&server, "0.3.0", "kv = { quota = \"2MB\" }");
    let answer = server.command(&install(&third, &["--yes"]));
    assert!(answer.code == 1 && answer.printed["error"].as_str().unwrap().contains("--grant kv"), "{}", answer.printed);
    assert_eq!(server.ask(&["plugin", "show", "acme", "hostile"])["version"], "0.2.0");
    // Somebody who sits there is asked.
    for (typed, version) in [("n", "0.2.0"), ("y", "0.3.0")] {
        let text = at_a_terminal(&server, &third, typed);
        assert!(text.contains("(at most 2097152 bytes) instead of (at most 1048576 bytes)"), "{text}");
        assert_eq!(server.ask(&["plugin", "show", "acme", "hostile"])["version"], version, "{text}");
    }
    let server = server.crash_and_restart();
    let shown = server.ask(&["plugin", "show", "acme", "hostile"]);
    assert_eq!((&shown["granted"], &shown["version"]), (&json!(["kv"]), &json!("0.3.0")));
    let history = server.ask(&["plugin", "history", "acme", "hostile"]);
    assert!(history.as_array().unwrap().iter().all(|entry| entry["granted"] == json!(["kv"])), "{history}");
}

/// Installs at a terminal (that of `script`) and types an answer.
fn at_a_terminal(server: &Server, folder: &Path, answer: &str) -> String {
    let words: Vec<String> = install(folder, &[]).iter().map(|word| format!("'{word}'")).collect();
    let line =
        format!("echo {answer} | script --quiet --return --command \"'{}' {}\" /dev/null", own(), words.join(" "));
    said(Command::new("sh").args(["-c", &line]).env("JACKFIELD_DATA", server.data(""))).1
}

fn own() -> String {
    program().get_program().to_str().unwrap().to_owned()
}
