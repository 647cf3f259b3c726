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
    /// A channel driver: calls of another network.
    Channel,
    /// A strategy: it chooses for other plugins, like who rings next.
    Strategy,
}

impl From<Kind> for author::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::App => Self::App,
            Kind::Function => Self::Function,
            Kind::Service => Self::Service,
            Kind::Channel => Self::Channel,
            Kind::Strategy => Self::Strategy,
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
    let (what, word) = match kind {
        author::Kind::App => ("the application", "application"),
        author::Kind::Service => ("a service, and the application", "application"),
        author::Kind::Function => ("the function", "function"),
        author::Kind::Channel => ("a driver of addresses like", "scheme"),
        author::Kind::Strategy => ("the strategy", "strategy"),
    };
    output.value(&json!({ "folder": id, word: provided }), || {
        let (lines, number) = steps(id, kind, &provided);
        let needs =
            if kind == author::Kind::Strategy { " with the phones 101 and 102 registered, its members" } else { "" };
        format!(
            "{id} has {what} {provided}. Next:\n\n    jackfield plugin build {id}\n    {lines}\n\n\
             and call {number}{needs}: jackfield call acme 100 {number}"
        )
    });
    Ok(())
}

/// How a tenant of the demo comes to use it, and which number to call then.
fn steps(id: &str, kind: author::Kind, provided: &str) -> (String, &'static str) {
    let tenant = "jackfield-demo/config/tenants/acme";
    let install = format!("jackfield plugin install acme {id}/build/package --unsigned");
    let exten = |line: &str| {
        format!("printf '\\n[internal](+)\\nexten => {line}\\n' >> {tenant}/dialplan.conf && jackfield reload")
    };
    match kind {
        author::Kind::App | author::Kind::Service => {
            (format!("{install}\n    {}", exten(&format!("605,1,{provided}()"))), "605")
        }
        author::Kind::Function => {
            (format!("{install}\n    {}", exten(&format!("605,1,Verbose(1,${{{provided}()}})"))), "605")
        }
        author::Kind::Strategy => {
            let queue =
                format!("sed -i 's/demo 101 102/& strategy={provided}/' {tenant}/tenant.toml && jackfield reload");
            (format!("{install}\n    {queue}"), "630")
        }
        // Where its calls begin stands in the tenant's file, which also installs it.
        author::Kind::Channel => {
            let table = format!(
                "printf '[plugins.{id}]\\npackage = \"%s\"\\nunsigned = true\\ngrants = [\"lines\"]\\nchannel-context = \
                 \"internal\"\\n' \"$PWD/{id}/build/package\" >> {tenant}/tenant.toml"
            );
            (format!("{table}\n    {}", exten(&format!("_7.,1,Dial({provided}:${{EXTEN:1}})"))), "7600")
        }
    }
}
