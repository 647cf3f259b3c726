//! What only C can get wrong: a text that ends inside a character, a text within itself, a status that is none. Each is an error
//! of the plugin with its own words, and never a trap.

use crate::languages::{Author, copy_folder, source};

#[test]
fn failures_of_c_are_errors_with_their_words() {
    let author = Author::new("c");
    copy_folder(&source("interop/plugins/edges"), &author.folder.join("edges"));
    author.command(&["plugin", "build", "edges"]);
    author.install("edges");
    let cases = [
        ("long", format!("invalid: {}\"", "é".repeat(255))),
        ("cut", "invalid: the caf\"".to_owned()),
        ("again", "limit: by word\"".to_owned()),
        ("high", "failed: no status of ours\"".to_owned()),
        ("low", "failed: no status of ours\"".to_owned()),
    ];
    let plan: String =
        (701..).zip(&cases).map(|(number, (way, _))| format!("exten => {number},1,Edges({way})\n")).collect();
    let answer = author.server.extend("acme", "dialplan.conf", &format!("\n[internal](+)\n{plan}"));
    assert_eq!(answer.code, 0, "{}", answer.printed);
    for (number, (way, words)) in (701..).zip(cases) {
        author.server.command(&["call", "acme", "100", &number.to_string()]);
        let log = author.server.log();
        let said = log.lines().rev().find(|line| line.contains("Edges (")).unwrap_or_default();
        assert!(said.contains("failed (FAILED)") && said.contains(&words), "{way}: {said}");
    }
    assert_eq!(author.server.ask(&["plugin", "show", "acme", "app-edges"])["faults"], 0);
}
