//! `jackfield check`: looks at a configuration without using it.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output::{self, Output};
use super::{Exit, Failure};
use crate::config::{Claims, Loaded, any_error, reference};

/// Look at a configuration without using it.
#[derive(Args)]
pub(crate) struct Check {
    /// The configuration directory.
    #[arg(long, value_name = "DIR", default_value = "/etc/jackfield")]
    config: PathBuf,
    /// Print every setting with its meaning, bound and default instead.
    #[arg(long)]
    reference: bool,
}

#[derive(Serialize)]
struct Verdict {
    ok: bool,
    tenants: usize,
    problems: Vec<api::types::Problem>,
}

impl Check {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        if self.reference {
            let settings: Vec<_> = reference::tables().flat_map(reference::rows).collect();
            output.value(&settings, || reference::text().trim_end().to_owned());
            return Ok(());
        }
        let loaded = Loaded::read(&self.config, &Claims::default());
        let problems = loaded.problems();
        let ok = !any_error(&problems);
        let verdict =
            Verdict { ok, tenants: loaded.tenants.len(), problems: problems.iter().map(output::problem).collect() };
        output.value(&verdict, || {
            let mut lines: Vec<String> = verdict.problems.iter().map(output::problem_line).collect();
            let state = if ok { "valid" } else { "not valid" };
            lines.push(format!("{}: {state}, {} tenants", self.config.display(), verdict.tenants));
            lines.join("\n")
        });
        if ok { Ok(()) } else { Err(Failure::new(Exit::Configuration, "")) }
    }
}
