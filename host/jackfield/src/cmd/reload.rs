//! `jackfield reload`: lets a running server read its configuration again.

use api::types::{ReloadReport, ReloadResult};

use super::output::{Output, problem_line};
use super::{Exit, Failure, Server};

/// Asks for a reload and prints what became of each tenant.
pub(crate) async fn run(server: &Server, output: Output) -> Result<(), Failure> {
    let report: ReloadReport = server.post("/v1/reload", &()).await?;
    output.value(&report, || text(&report));
    if report.ok { Ok(()) } else { Err(Failure::new(Exit::Configuration, "")) }
}

fn text(report: &ReloadReport) -> String {
    let mut lines: Vec<String> = report.problems.iter().map(problem_line).collect();
    for tenant in &report.tenants {
        lines.extend(tenant.problems.iter().map(problem_line));
        let result = match tenant.result {
            ReloadResult::Applied if tenant.problems.iter().any(|problem| problem.severity == "error") => {
                "applied as far as possible: there was no version before"
            }
            ReloadResult::Applied => "applied",
            ReloadResult::Kept => "refused; the version before is still in use",
            ReloadResult::Refused => "refused; there is no version before, its calls are not carried",
            ReloadResult::Removed => "removed",
        };
        lines.push(format!("{}: {result}", tenant.name));
    }
    lines.join("\n")
}
