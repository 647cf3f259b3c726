//! `jackfield plugin new`: a folder with a plugin that can be built at once.

use std::fs;
use std::path::Path;

use ::plugin::Manifest;
use clap::ValueEnum;
use serde_json::json;

use crate::cmd::output::Output;
use crate::cmd::{Exit, Failure};

/// The languages with an SDK, as the command line names them.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Language {
    Rust,
    Python,
    #[value(name = "javascript")]
    JavaScript,
    C,
}

impl From<Language> for ::plugin::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Rust => Self::Rust,
            Language::Python => Self::Python,
            Language::JavaScript => Self::JavaScript,
            Language::C => Self::C,
        }
    }
}

/// What a plugin is for, as the command line names it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kind {
    /// A dialplan application.
    App,
    /// A dialplan function.
    Function,
    /// A part that lives as long as the plugin is installed, and an application that asks it.
    Service,
}

impl From<Kind> for author::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::App => Self::App,
            Kind::Function => Self::Function,
            Kind::Service => Self::Service,
        }
    }
}

pub(super) fn run(id: &str, kind: Option<Kind>, language: Language, output: Output) -> Result<(), Failure> {
    let kind = kind.map_or_else(|| author::Kind::of(id), author::Kind::from);
    let files = author::files(id, kind, language.into());
    // The manifest's own rules say what an id is.
    let text = files.iter().find(|(name, _)| *name == "plugin.toml").map(|(_, text)| text.as_str()).unwrap_or_default();
    let manifest = Manifest::parse("plugin.toml", text).map_err(|error| Failure::new(Exit::NotDone, error.message))?;
    let folder = Path::new(id);
    let failed = |error: std::io::Error| Failure::new(Exit::NotDone, format!("{id}: {error}"));
    fs::create_dir(folder).map_err(failed)?;
    for (name, text) in &files {
        let path = folder.join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text)).map_err(failed)?;
    }
    author::write(folder, &manifest).map_err(failed)?;
    let provided = author::provided(id, kind);
    let (what, word, step) = match kind {
        author::Kind::App => ("the application", "application", format!("{provided}()")),
        author::Kind::Service => ("a service, and the application", "application", format!("{provided}()")),
        author::Kind::Function => ("the function", "function", format!("Verbose(1,${{{provided}()}})")),
    };
    output.value(&json!({ "folder": id, word: provided }), || {
        format!(
            "{id} has {what} {provided}. Next:\n\n    jackfield plugin build {id}\n    \
             jackfield plugin install acme {id}/build/package --unsigned\n    \
             echo 'exten => 605,1,{step}' >> jackfield-demo/config/tenants/acme/dialplan.conf && jackfield reload\n\n\
             and call 605: jackfield call acme 100 605"
        )
    });
    Ok(())
}
