//! `jackfield dialplan test`: what the dialplan would do, without a call.

use api::types::{DialplanQuery, DialplanTrace, TraceLine};
use clap::{Args, Subcommand};

use super::output::Output;
use super::{Failure, Server};

/// Ask what the dialplan would do.
#[derive(Args)]
pub(crate) struct Dialplan {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Explain what happens when an endpoint of a tenant dials something.
    Test {
        #[command(flatten)]
        server: Server,
        /// The tenant.
        tenant: String,
        /// Who calls: the name of an endpoint.
        from: String,
        /// What is dialled.
        to: String,
        /// The context to begin in, instead of the endpoint's.
        #[arg(long)]
        context: Option<String>,
    },
}

impl Dialplan {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let Command::Test { server, tenant, from, to, context } = self.command;
        let query = DialplanQuery { tenant, from, to, context };
        let trace: DialplanTrace = server.post("/v1/dialplan", &query).await?;
        output.value(&trace, || trace.lines.iter().map(line).collect::<Vec<_>>().join("\n"));
        Ok(())
    }
}

fn line(line: &TraceLine) -> String {
    let place = line.place.as_ref().map(|place| format!("  [{place}]")).unwrap_or_default();
    format!("{}{}{place}", "  ".repeat(usize::from(line.depth)), super::output::printable(&line.text))
}
