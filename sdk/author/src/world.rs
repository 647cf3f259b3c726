//! The WIT world of one plugin: what its manifest says it provides and wants, and nothing else.
//!
//! Python and JavaScript components import whole interfaces of their world, used or not, and an import is what an administrator
//! consents to; so the world has to be as narrow as the manifest. C and Rust components list what they use.

use plugin::{Capability, Language, Manifest, WIT_0_1};
use wit_bindgen_core::wit_parser::{Resolve, SourceMap, WorldId};

/// The world's name, and with it the prefix of C's generated names.
pub(crate) const NAME: &str = "plugin";

/// A WIT package in memory.
pub(crate) struct Resolved {
    pub(crate) resolve: Resolve,
    pub(crate) world: WorldId,
}

/// The files of the package that the plugin is written against: ours, and the plugin's world.
pub(crate) fn wit(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let files = WIT_0_1.iter().map(|(name, text)| (*name, (*text).to_owned()));
    files.chain([("plugin.wit", text(manifest))]).collect()
}

fn text(manifest: &Manifest) -> String {
    let all = manifest.build.language == Language::C;
    let wanted = |capability: &Capability| all || manifest.capabilities.contains_key(capability);
    let capabilities = Capability::ALL.into_iter().filter(wanted).map(|capability| capability.name());
    let imports = ["types", "legs", "system"].into_iter().chain(capabilities);
    let provides = [
        ("apps", !manifest.apps.is_empty()),
        ("functions", !manifest.functions.is_empty()),
        ("services", manifest.service),
        ("strategies", !manifest.strategies.is_empty()),
    ];
    let exports = provides.into_iter().filter_map(|(interface, is_provided)| is_provided.then_some(interface));
    let mut lines = vec!["package jackfield:pbx@0.1.0;".to_owned(), String::new()];
    lines.push(format!("/// What {} may import and has to export, by its plugin.toml.", manifest.id));
    lines.push(format!("world {NAME} {{"));
    lines.extend(imports.map(|interface| format!("    import {interface};")));
    lines.extend(exports.map(|interface| format!("    export {interface};")));
    lines.push("}\n".to_owned());
    lines.join("\n")
}

impl Resolved {
    /// Resolves what [`wit`] made.
    pub(crate) fn new(manifest: &Manifest) -> Self {
        let mut sources = SourceMap::new();
        for (name, text) in wit(manifest) {
            sources.push_str(name, text);
        }
        let mut resolve = Resolve::new();
        let group = sources.parse().unwrap_or_else(|(_, error)| panic!("our own WIT parses: {error:?}"));
        let package = resolve.push_group(group).expect("our own WIT resolves");
        let world = resolve.select_world(&[package], Some(NAME)).expect("the world was just written");
        Self { resolve, world }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(rest: &str) -> Manifest {
        let text = format!("[plugin]\nid = \"app-x\"\nversion = \"1\"\n[provides]\napps = [\"X\"]\n{rest}");
        Manifest::parse("plugin.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_world_has_what_the_manifest_declares() {
        let world = text(&manifest(
            "functions = [\"F\"]\nstrategies = [\"s\"]\nservice = true\n[capabilities]\nkv = {}\n[build]\nlanguage = \"python\"\n",
        ));
        for line in [
            "import legs;",
            "import system;",
            "import kv;",
            "export apps;",
            "export functions;",
            "export services;",
            "export strategies;",
        ] {
            assert!(world.contains(line), "{line} is in\n{world}");
        }
        assert!(!world.contains("import dial;"), "{world}");
    }

    #[test]
    fn every_language_and_capability_resolves() {
        for language in ["rust", "python", "javascript", "c"] {
            for capability in Capability::ALL {
                let given = format!("[capabilities]\n{capability} = {{}}\n[build]\nlanguage = \"{language}\"\n");
                let Resolved { resolve, world } = Resolved::new(&manifest(&given));
                assert_eq!(resolve.worlds[world].name, NAME);
            }
        }
    }
}
