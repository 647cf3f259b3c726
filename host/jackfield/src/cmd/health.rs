//! `jackfield health`: how a running server is.

use api::Client;
use api::types::Health;

use super::Failure;
use super::output::{Output, problem_line};

/// Asks and prints.
pub(crate) async fn run(client: &Client, output: Output) -> Result<(), Failure> {
    let health: Health = client.get("/v1/health").await?;
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
        lines.extend(tenant.problems.iter().map(problem_line));
    }
    lines.extend(health.problems.iter().map(|problem| format!("problem: {problem}")));
    lines.join("\n")
}
