//! `jackfield plugin docs`: the reference of what plugins can do.

use std::path::PathBuf;

use author::{Format, reference};
use clap::Args;
use serde_json::json;

use crate::cmd::output::Output;
use crate::cmd::{Exit, Failure};

#[derive(Args)]
pub(super) struct Docs {
    /// Pages for a browser, each whole in itself.
    #[arg(long, conflicts_with = "markdown", requires = "out")]
    html: bool,
    /// Markdown; this is what is written unless said.
    #[arg(long)]
    markdown: bool,
    /// The folder to write a page for each interface in, beside an index [default: all of it on standard output].
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Docs {
    pub(super) fn run(self, output: Output) -> Result<(), Failure> {
        let files = reference(if self.html { Format::Html } else { Format::Markdown });
        let Some(folder) = self.out else {
            let value: serde_json::Map<_, _> = files.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
            let text = || files.iter().map(|(_, text)| text.trim_end()).collect::<Vec<_>>().join("\n\n");
            output.value(&value, text);
            return Ok(());
        };
        let failed = |error: std::io::Error| Failure::new(Exit::NotDone, format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(failed)?;
        for (name, text) in &files {
            std::fs::write(folder.join(name), text).map_err(failed)?;
        }
        let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
        output.value(&json!({ "folder": folder, "files": names }), || {
            format!("{} pages; begin with {}", names.len(), folder.join(names[0]).display())
        });
        Ok(())
    }
}
