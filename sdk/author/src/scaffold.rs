//! A plugin to begin with: the templates of `sdk/template`, with the plugin's own name.

use plugin::Language;

/// What the templates call the plugin, its application and its function.
const ID: &str = "app-hello";
const APPLICATION: &str = "Hello";
const FUNCTION: &str = "HELLO";
/// A scheme and a strategy.
const WORD: &str = "hello";

const GITIGNORE: &str = "/build\n/node_modules\n";

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It provides a dialplan application.
    App,
    /// It provides a dialplan function.
    Function,
    /// It has a part that lives as long as it is installed, and an application that asks it.
    Service,
    /// It carries the calls of another network.
    Channel,
    /// It chooses for other plugins.
    Strategy,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::App, Self::Function, Self::Service, Self::Channel, Self::Strategy];

    /// What the ids of this kind begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::App => "app-",
            Self::Function => "func-",
            Self::Service => "service-",
            Self::Channel => "chan-",
            Self::Strategy => "strategy-",
        }
    }

    /// The kind that an id begins with; an application if it begins with none.
    pub fn of(id: &str) -> Self {
        Self::ALL.into_iter().find(|kind| id.starts_with(kind.prefix())).unwrap_or(Self::App)
    }
}

macro_rules! template {
    ($name:expr) => {
        include_str!(concat!("../../template/", $name))
    };
}

/// The manifest of a kind, and its source in each language.
macro_rules! templates {
    ($kind:literal) => {
        (
            template!(concat!($kind, "/plugin.toml")),
            [
                template!(concat!($kind, "/rust/src/lib.rs")),
                template!(concat!($kind, "/python/app.py")),
                template!(concat!($kind, "/javascript/app.js")),
                template!(concat!($kind, "/c/app.c")),
            ],
        )
    };
}

/// The files of a new plugin `id`: `app-front-desk` has the application `FrontDesk`, `func-front-desk` the function `FRONT_DESK`.
pub fn files(id: &str, kind: Kind, language: Language) -> Vec<(&'static str, String)> {
    let (manifest, [rust, python, javascript, c]) = match kind {
        Kind::App => templates!("app"),
        Kind::Function => templates!("function"),
        Kind::Service => templates!("service"),
        Kind::Channel => templates!("channel"),
        Kind::Strategy => templates!("strategy"),
    };
    let (name, source, word) = match language {
        Language::Rust => ("src/lib.rs", rust, "rust"),
        Language::Python => ("app.py", python, "python"),
        Language::JavaScript => ("app.js", javascript, "javascript"),
        Language::C => ("app.c", c, "c"),
    };
    let build = format!("\n[build]\nlanguage = \"{word}\"\n");
    let named = |text: &str| {
        let text = text.replace(ID, id);
        // What is named by hand in lower case may stay, and so may the words of a greeting.
        match kind {
            Kind::Function => text.replace(FUNCTION, &provided(id, kind)),
            Kind::App | Kind::Service => text.replace(APPLICATION, &provided(id, kind)),
            Kind::Channel | Kind::Strategy => text.replace(WORD, &provided(id, kind)),
        }
    };
    let mut files = vec![("plugin.toml", named(manifest) + &build), (name, named(source))];
    if language == Language::Rust {
        files.push(("Cargo.toml", named(template!("Cargo.toml"))));
    }
    files.push((".gitignore", GITIGNORE.to_owned()));
    files
}

/// The name of what a new plugin provides, made of the plugin's own.
pub fn provided(id: &str, kind: Kind) -> String {
    let words = id.strip_prefix(kind.prefix()).unwrap_or(id);
    match kind {
        Kind::Function => words.replace('-', "_").to_ascii_uppercase(),
        Kind::App | Kind::Service => words.split('-').map(capitalized).collect(),
        Kind::Channel => words.replace('-', ""),
        Kind::Strategy => words.to_owned(),
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use plugin::Manifest;

    use super::*;

    #[test]
    fn every_template_is_a_plugin_of_its_kind_and_language() {
        for kind in Kind::ALL {
            for language in [Language::Rust, Language::Python, Language::JavaScript, Language::C] {
                let id = format!("{}front-desk", kind.prefix());
                let files = files(&id, kind, language);
                let (_, text) = files.iter().find(|(name, _)| *name == "plugin.toml").expect("each has a manifest");
                let manifest = Manifest::parse("plugin.toml", text).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!((manifest.id.as_str(), manifest.build.language), (id.as_str(), language));
                assert_eq!(manifest.service, matches!(kind, Kind::Service | Kind::Channel));
                let provided = manifest
                    .apps
                    .iter()
                    .chain(&manifest.functions)
                    .chain(&manifest.strategies)
                    .chain(&manifest.schemes);
                let name = super::provided(&id, kind);
                assert_eq!(provided.collect::<Vec<_>>(), [&name]);
                let provides = |text: &str| {
                    text.contains(&format!("\"{name}\""))
                        || text.contains(&format!("{name}(leg"))
                        || text.contains(&format!("{name}: {{"))
                        || text.contains(&format!("`{name}:NUMBER`"))
                };
                assert!(files.iter().any(|(file, text)| *file != "plugin.toml" && provides(text)), "{files:?}");
                assert!(files.iter().all(|(_, text)| !text.contains(ID) && !text.contains("Hello()")), "{files:?}");
                assert!(files.iter().all(|(_, text)| !text.contains(FUNCTION)), "{files:?}");
            }
        }
    }

    #[test]
    fn an_id_says_its_kind() {
        for (id, kind, provides) in [
            ("app-front-desk", Kind::App, "FrontDesk"),
            ("func-front-desk", Kind::Function, "FRONT_DESK"),
            ("service-queue", Kind::Service, "Queue"),
            ("chan-front-desk", Kind::Channel, "frontdesk"),
            ("strategy-front-desk", Kind::Strategy, "front-desk"),
            ("front-desk", Kind::App, "FrontDesk"),
        ] {
            assert_eq!((Kind::of(id), provided(id, kind)), (kind, provides.to_owned()), "{id}");
        }
    }
}
