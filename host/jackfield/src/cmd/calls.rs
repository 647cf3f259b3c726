//! `jackfield calls`: the calls that are up.

use api::types::{Call, Leg};
use clap::{Args, Subcommand};

use super::output::{Output, table_or};
use super::{Failure, Server};

/// List calls, or end one.
#[derive(Args)]
pub(crate) struct Calls {
    #[command(flatten)]
    server: Server,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// End a call.
    HangUp {
        /// The call's id.
        call: String,
    },
}

impl Calls {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let server = self.server;
        if let Some(Command::HangUp { call }) = self.command {
            server.delete::<()>(&format!("/v1/calls/{}", super::segment(&call))).await?;
            output.value(&serde_json::json!({ "ended": call }), || format!("{call} ended"));
            return Ok(());
        }
        let calls: Vec<Call> = server.get(&super::of_tenant("/v1/calls", self.tenant.as_deref())).await?;
        output.value(&calls, || {
            let rows: Vec<Vec<String>> = calls.iter().map(row).collect();
            table_or("no call is up", &["call", "tenant", "seconds", "parties"], &rows)
        });
        Ok(())
    }
}

fn row(call: &Call) -> Vec<String> {
    let parties: Vec<String> = call.legs.iter().map(party).collect();
    vec![call.id.clone(), call.tenant.clone(), call.seconds.to_string(), parties.join(" + ")]
}

fn party(leg: &Leg) -> String {
    let name = leg.endpoint.clone().unwrap_or_else(|| format!("leg {}", leg.leg));
    match leg.detail.as_str() {
        "" => format!("{name} ({})", leg.state),
        detail => format!("{name} ({}, {})", leg.state, with_short_digests(detail)),
    }
}

/// Hex digits of a component's SHA-256.
const DIGEST_DIGITS: usize = 64;

/// Digests cut to what people can compare, as `plugin list` shows them.
fn with_short_digests(detail: &str) -> String {
    let mut parts = detail.split('@');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        text.push('@');
        match digits == DIGEST_DIGITS {
            true => text.extend([&part[..12], &part[digits..]]),
            false => text.push_str(part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::with_short_digests;

    #[test]
    fn digests_are_cut_and_places_are_not() {
        let long = format!("600@internal 2, Echo (app-echo@{})", "5c".repeat(32));
        assert_eq!(with_short_digests(&long), "600@internal 2, Echo (app-echo@5c5c5c5c5c5c)");
        assert_eq!(with_short_digests("dead@beef 1"), "dead@beef 1");
    }
}
