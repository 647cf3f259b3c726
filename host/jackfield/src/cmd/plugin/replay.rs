//! `jackfield plugin runs` and `plugin replay`: what plugins did in calls, and whether a version would do the same.

use std::path::PathBuf;

use api::types::{RecordedRun, ReplayRequest, ReplayedRun};
use clap::Args;
use serde_json::Value;

use super::absolute;
use crate::cmd::output::{Output, printable, table_or};
use crate::cmd::{Exit, Failure, Server, segment};

#[derive(Args)]
pub(super) struct Replay {
    /// The tenant.
    tenant: String,
    /// The call, or the beginning of its name, as `plugin runs` lists it.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    call: Option<String>,
    /// All recorded runs that are kept.
    #[arg(long)]
    all: bool,
    /// Of this plugin only.
    #[arg(long, value_name = "ID")]
    plugin: Option<String>,
    /// Another version: one that is installed, or a package that is not, as `plugin install` takes it.
    #[arg(long, value_name = "VERSION")]
    against: Option<String>,
    /// Write the recorded run into a file instead of running it again.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "against"])]
    save_fixture: Option<PathBuf>,
}

pub(super) async fn list(tenant: &str, server: &Server, output: Output) -> Result<(), Failure> {
    let runs: Vec<RecordedRun> = server.get(&format!("/v1/tenants/{}/runs", segment(tenant))).await?;
    output.value(&runs, || {
        let row = |run: &RecordedRun| {
            let version = format!("{} {}", run.plugin, run.version);
            let questions = run.questions.to_string();
            vec![run.time.clone(), run.call.clone(), version, printable(&run.app), questions, printable(&run.end)]
        };
        let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
        let header = ["TIME", "CALL", "VERSION", "APPLICATION", "QUESTIONS", "END"];
        table_or("no run is kept: `keep-runs` in tenant.toml", &header, &rows)
    });
    Ok(())
}

impl Replay {
    pub(super) async fn run(self, server: &Server, output: Output) -> Result<(), Failure> {
        let tenant = format!("/v1/tenants/{}", segment(&self.tenant));
        if let (Some(file), Some(call)) = (&self.save_fixture, &self.call) {
            let run: Value = server.get(&format!("{tenant}/runs/{}", segment(call))).await?;
            let text = format!("{run:#}\n");
            let failed = |error| Failure::new(Exit::NotDone, format!("{}: {error}", file.display()));
            std::fs::write(file, text).map_err(failed)?;
            output.value(&run, || format!("{}: the run of call {call}", file.display()));
            return Ok(());
        }
        let against = self.against.as_deref().map(absolute).transpose()?;
        let request = ReplayRequest { call: self.call, plugin: self.plugin, against };
        let runs: Vec<ReplayedRun> = server.post(&format!("{tenant}/replay"), &request).await?;
        output.value(&runs, || report(&runs));
        match runs.iter().filter(|run| run.recorded.is_some() || run.problem.is_some()).count() {
            0 => Ok(()),
            other => Err(Failure::new(Exit::NotDone, format!("{other} of {} recorded runs would differ", runs.len()))),
        }
    }
}

/// Each that differs, and how many do not.
fn report(runs: &[ReplayedRun]) -> String {
    let mut lines = Vec::new();
    for ReplayedRun { run, version, same, recorded, replayed, problem } in runs {
        let name = format!("{} {} {} on {version}", run.call, run.plugin, printable(&run.app));
        match (recorded, replayed, problem) {
            (_, _, Some(problem)) => lines.push(format!("{name}: {}", printable(problem))),
            (Some(recorded), Some(replayed), _) => lines.extend([
                format!("{name}: after {same} questions that are the same"),
                format!("  recorded  {}", printable(recorded)),
                format!("  now       {}", printable(replayed)),
            ]),
            _ if runs.len() == 1 => lines.push(format!("{name}: {same} questions, all the same, to the same end")),
            _ => {}
        }
    }
    let same = runs.iter().filter(|run| run.recorded.is_none() && run.problem.is_none()).count();
    lines.push(format!("{same} of {} recorded runs do the same", runs.len()));
    lines.join("\n")
}
