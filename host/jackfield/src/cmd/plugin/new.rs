//! `jackfield plugin new`: a folder with a plugin that can be built at once.

use std::fs;
use std::path::Path;

use ::plugin::Manifest;
use clap::ValueEnum;
use serde_json::json;

use crate::author;
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

pub(super) fn run(id: &str, language: Language, output: Output) -> Result<(), Failure> {
    let files = author::files(id, language.into());
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
    let application = author::application(id);
    output.value(&json!({ "folder": id, "application": application }), || {
        format!(
            "{id} has the application {application}. Next:\n\n    jackfield plugin build {id}\n    \
             jackfield plugin install acme {id}/build/package --unsigned\n    \
             echo 'exten => 605,1,{application}()' >> jackfield-demo/config/tenants/acme/dialplan.conf && jackfield reload\n\n\
             and call 605: jackfield call acme 100 605"
        )
    });
    Ok(())
}
