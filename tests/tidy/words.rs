//! Words that stand only where a reason lets them.

use super::source::{File, Tree, tracked};

/// A word, the paths where it may stand, and what to do instead.
struct Rule {
    word: &'static str,
    only_in: &'static [&'static str],
    instead: &'static str,
}

/// Paths of our own programs and automation, which touch the world by trade.
const RULES: &[Rule] = &[
    Rule { word: "todo!(", only_in: &[], instead: "finish it or leave it out" },
    Rule { word: "unimplemented!(", only_in: &[], instead: "return an error the caller can match" },
    Rule { word: "dbg!(", only_in: &[], instead: "tracing" },
    Rule { word: ".unwrap()", only_in: &[], instead: "`?`, or expect(\"why it holds\")" },
    Rule { word: "let _ = ", only_in: &[], instead: "handle the error, log it, or expect" },
    Rule {
        word: "Instant::now(",
        only_in: &["host/io/", "host/switch/", "host/api/", "host/jackfield/"],
        instead: "take `now` as an argument",
    },
    Rule {
        word: "SystemTime::now(",
        only_in: &["host/io/", "host/switch/", "host/api/", "host/jackfield/"],
        instead: "take the wallclock as an argument",
    },
    Rule {
        word: "std::env::",
        only_in: &["host/jackfield/", "tests/"],
        instead: "a setting, read in jackfield::config",
    },
    // The plugin host compiles in a child; the store names its lock file's owner.
    Rule {
        word: "std::process::",
        only_in: &["host/jackfield/", "tests/", "host/io/plugin/src/loader/compile.rs", "host/io/store/"],
        instead: "only the binary starts or ends processes",
    },
    // The store keeps its own files, the plugin host its cache of compiled components, the API its socket.
    Rule {
        word: "std::fs",
        only_in: &["host/jackfield/", "host/io/store/", "host/io/plugin/", "host/api/", "sdk/author/", "tests/"],
        instead: "bytes from jackfield::config or the store",
    },
    Rule { word: "UdpSocket", only_in: &["host/io/net/", "host/jackfield/src/cmd/call", "tests/"], instead: "io/net" },
    Rule { word: "TcpListener", only_in: &["host/io/net/", "host/api/", "tests/"], instead: "io/net or api" },
    Rule { word: "TcpStream", only_in: &["host/io/net/", "host/api/", "tests/"], instead: "io/net or api" },
    Rule { word: "UnixListener", only_in: &["host/api/"], instead: "api" },
    Rule {
        word: "unbounded_channel",
        only_in: &["host/io/net/src/sip_driver.rs"],
        instead: "a bounded channel, with a decision for the full one",
    },
];

/// Every line outside tests where a word is not allowed.
pub(crate) fn misplaced(tree: &Tree) -> Vec<String> {
    let mut offenders = Vec::new();
    for file in tree.files.iter().filter(|file| !file.path.starts_with("tests/tidy/")) {
        for rule in RULES.iter().filter(|rule| !rule.only_in.iter().any(|home| file.path.starts_with(home))) {
            offenders.extend(uses(file, rule));
        }
    }
    offenders
}

fn uses<'a>(file: &'a File, rule: &'a Rule) -> impl Iterator<Item = String> + 'a {
    let lines = file.statements().filter(|(_, line)| line.contains(rule.word));
    lines.map(|(number, _)| format!("{}:{number}: `{}`; instead: {}", file.path, rule.word, rule.instead))
}

/// Lines of the host (but not of its binary, which writes the demo) that name a bundled plugin.
pub(crate) fn plugin_names(tree: &Tree) -> Vec<String> {
    let manifests = tracked("plugins/*/Cargo.toml");
    let names: Vec<&str> = manifests.iter().filter_map(|path| path.split('/').nth(1)).collect();
    let host =
        tree.files.iter().filter(|file| file.path.starts_with("host/") && !file.path.starts_with("host/jackfield/"));
    let mut offenders = Vec::new();
    for file in host {
        for (number, line) in file.statements() {
            let known = names.iter().filter(|name| line.contains(&format!("\"{name}\"")));
            offenders.extend(known.map(|name| format!("{}:{number}: {name}", file.path)));
        }
    }
    offenders
}
