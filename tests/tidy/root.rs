//! The names of the root folder, and the parts of a plugin.

use std::collections::BTreeSet;

use super::source::{root, tracked};

/// The seven names of the plan, and what tools want beside them.
const ROOT: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "host",
    "plugins",
    "rustfmt.toml",
    "sdk",
    "tests",
    "wit",
];

/// Names in the root that are neither planned nor dot files.
pub(crate) fn unknown_names() -> Vec<String> {
    let names: BTreeSet<String> =
        tracked(":/").iter().filter_map(|path| path.split('/').next()).map(str::to_owned).collect();
    names.into_iter().filter(|name| !name.starts_with('.') && !ROOT.contains(&name.as_str())).collect()
}

/// The parts each plugin has. Its tests stand in `tests/`, or beside the code they test.
pub(crate) fn incomplete_plugins() -> Vec<String> {
    let mut offenders = Vec::new();
    for manifest in tracked("plugins/*/Cargo.toml") {
        let folder = manifest.trim_end_matches("/Cargo.toml");
        let name = folder.trim_start_matches("plugins/");
        let kinds = ["app-", "func-", "chan-", "strategy-", "service-"];
        if !kinds.iter().any(|kind| name.starts_with(kind)) {
            offenders.push(format!("{folder}: the name does not begin with a kind: {kinds:?}"));
        }
        for part in ["plugin.toml", "README.md", "src/lib.rs"] {
            if !root().join(folder).join(part).is_file() {
                offenders.push(format!("{folder}: no {part}"));
            }
        }
        let sources = tracked(&format!("{folder}/*.rs"));
        let tested = sources
            .iter()
            .any(|path| std::fs::read_to_string(root().join(path)).is_ok_and(|text| text.contains("#[test]")));
        if !tested {
            offenders.push(format!("{folder}: no test"));
        }
        // What a plugin does in a call is seen in a call.
        let installed = tracked("tests/scenario/*.rs").iter().any(|path| {
            let text = std::fs::read_to_string(root().join(path)).unwrap_or_default();
            text.lines().any(|line| line.contains(".install(") && line.contains(&format!("\"{name}\"")))
        });
        if !installed {
            offenders.push(format!("{folder}: no scenario in tests/scenario installs it"));
        }
    }
    offenders
}
