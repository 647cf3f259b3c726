//! `jackfield registrations`: the phones that are registered.

use api::types::Registration;
use clap::Args;

use super::output::{Output, table_or};
use super::{Failure, Server};

/// List the phones that are registered.
#[derive(Args)]
pub(crate) struct Registrations {
    #[command(flatten)]
    server: Server,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<String>,
}

impl Registrations {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let path = super::of_tenant("/v1/registrations", self.tenant.as_deref());
        let registrations: Vec<Registration> = self.server.get(&path).await?;
        output.value(&registrations, || {
            let rows: Vec<Vec<String>> = registrations.iter().map(row).collect();
            table_or("no phone is registered", &["tenant", "endpoint", "contact", "source", "expires", "agent"], &rows)
        });
        Ok(())
    }
}

fn row(one: &Registration) -> Vec<String> {
    let Registration { tenant, endpoint, contact, source, expires_s, user_agent } = one.clone();
    vec![tenant, endpoint, contact, source, expires_s.to_string(), user_agent]
}
