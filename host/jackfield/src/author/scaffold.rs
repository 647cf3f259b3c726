//! A plugin to begin with: the templates of `sdk/template`, with the plugin's own name.

use plugin::Language;

/// What the templates call the plugin.
const ID: &str = "app-hello";
const APPLICATION: &str = "Hello";

const GITIGNORE: &str = "/build\n/node_modules\n";

/// A Cargo.toml for a plugin outside of our workspace.
const CARGO_TOML: &str = r#"[package]
name = "app-hello"
version = "0.1.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib"]

[dependencies]
# Written by `jackfield plugin build`, for the version of the server it comes from.
jackfield-sdk = { path = "build/sdk/jackfield-sdk" }

[profile.release]
opt-level = "s"
lto = true
panic = "abort"
strip = "symbols"

[workspace]
"#;

const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", CARGO_TOML),
    ("plugin.toml", include_str!("../../../../sdk/template/rust/plugin.toml")),
    ("src/lib.rs", include_str!("../../../../sdk/template/rust/src/lib.rs")),
];

const PYTHON: &[(&str, &str)] = &[
    ("plugin.toml", include_str!("../../../../sdk/template/python/plugin.toml")),
    ("app.py", include_str!("../../../../sdk/template/python/app.py")),
];

const JAVASCRIPT: &[(&str, &str)] = &[
    ("plugin.toml", include_str!("../../../../sdk/template/javascript/plugin.toml")),
    ("app.js", include_str!("../../../../sdk/template/javascript/app.js")),
];

const C: &[(&str, &str)] = &[
    ("plugin.toml", include_str!("../../../../sdk/template/c/plugin.toml")),
    ("app.c", include_str!("../../../../sdk/template/c/app.c")),
];

/// The files of a new plugin `id`, which begins with its kind: `app-front-desk` has the application `FrontDesk`.
pub(crate) fn files(id: &str, language: Language) -> Vec<(&'static str, String)> {
    let template = match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::JavaScript => JAVASCRIPT,
        Language::C => C,
    };
    let application = application(id);
    let named = |text: &str| {
        // The name of a function in it is `hello`, in lower case: it may stay.
        text.replace(ID, id).replace(APPLICATION, &application)
    };
    let own = template.iter().map(|(name, text)| (*name, named(text)));
    own.chain([(".gitignore", GITIGNORE.to_owned())]).collect()
}

/// The application's name, made of the plugin's.
pub(crate) fn application(id: &str) -> String {
    let words = id.strip_prefix("app-").unwrap_or(id).split('-');
    words
        .map(|word| {
            word.chars().take(1).map(|first| first.to_ascii_uppercase()).chain(word.chars().skip(1)).collect::<String>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use plugin::Manifest;

    use super::*;

    #[test]
    fn every_template_is_a_plugin_of_its_language() {
        for language in [Language::Rust, Language::Python, Language::JavaScript, Language::C] {
            let files = files("app-front-desk", language);
            let (_, text) = files.iter().find(|(name, _)| *name == "plugin.toml").expect("each has a manifest");
            let manifest = Manifest::parse("plugin.toml", text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((manifest.id.as_str(), manifest.build.language), ("app-front-desk", language));
            assert_eq!(manifest.apps, ["FrontDesk"]);
            assert!(
                files.iter().any(|(name, text)| name.contains('.') && text.contains("\"FrontDesk\"")
                    || text.contains("FrontDesk(leg"))
            );
            assert!(files.iter().all(|(_, text)| !text.contains(ID) && !text.contains("Hello()")), "{files:?}");
        }
    }
}
