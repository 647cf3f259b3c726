//! `jackfield health`: how a running server is.

use api::types::Health;

use super::output::{Output, problem_line};
use super::{Failure, Server};

/// Asks and prints.
pub(crate) async fn run(server: &Server, output: Output) -> Result<(), Failure> {
    let health: Health = server.get("/v1/health").await?;
    output.value(&health, || text(&health));
    Ok(())
}

fn text(health: &Health) -> String {
    let mut lines = vec![format!(
        "jackfield {}, up {} s, {} calls, SIP on {}",
        health.version,
        health.up_s,
        health.calls,
        health.sip.join(" ")
    )];
    for tenant in &health.tenants {
        lines.push(format!("{}: {}", tenant.name, if tenant.serving { "serving" } else { "not serving" }));
        lines.extend(tenant.problems.iter().map(|problem| format!("  {}", problem_line(problem))));
    }
    lines.extend(health.problems.iter().map(|problem| format!("problem: {problem}")));
    lines.join("\n")
}
