//! `jackfield demo`: a PBX with two tenants that use the same numbers, made once and run.

mod files;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output::Output;
use super::{Exit, Failure};
use crate::wire::{self, Options, Running};

/// Where the demo lives when nobody says otherwise.
pub(crate) const DEFAULT_DIR: &str = "jackfield-demo";

/// Make and run a demo PBX with two tenants, acme.test and globex.test. A second start reuses it.
#[derive(Args)]
pub(crate) struct Demo {
    /// Where its configuration and data are.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIR)]
    dir: PathBuf,
    /// The address and port phones reach it on; port 0 takes a free one [default: what was given at the first start, else 127.0.0.1:5060].
    #[arg(long, value_name = "ADDR:PORT")]
    sip: Option<SocketAddr>,
    #[command(flatten)]
    shared: super::serve::Shared,
}

/// What programs read: one line when the server listens.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// The UDP address.
    sip: String,
    /// Every address, as in `tcp:127.0.0.1:5060`.
    listeners: Vec<String>,
    api: PathBuf,
    tenants: Vec<files::Account>,
}

impl Demo {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        if self.sip.is_some_and(|sip| sip.ip().is_unspecified()) {
            let text = "--sip needs the address that phones reach this machine on, such as 192.168.1.5:5060";
            return Err(Failure::new(Exit::Configuration, text));
        }
        let plugins = self.shared.bundled_plugins()?;
        let made = files::make(&self.dir, self.sip, &plugins).map_err(|error| Failure::new(Exit::NotDone, error))?;
        let accounts = files::accounts(&self.dir).map_err(|error| Failure::new(Exit::Configuration, error))?;
        let options = Options {
            config: self.dir.join("config"),
            data: self.dir.join("data"),
            plugins: Some(plugins),
            sip: self.sip,
            log: self.shared.log(),
        };
        let running = wire::start(options).await?;
        let ready = Ready {
            ready: true,
            sip: running.sip_address().map_or_else(String::new, |address| address.to_string()),
            listeners: running.listeners().to_vec(),
            api: running.socket().to_owned(),
            tenants: accounts,
        };
        output.value(&ready, || text(&self.dir, &ready, made));
        wait(running).await;
        Ok(())
    }
}

async fn wait(running: Running) {
    running.until_stopped().await;
}

/// The accounts, addresses and a ready block for a phone.
fn text(dir: &Path, ready: &Ready, made: bool) -> String {
    let mut lines = vec![format!("Jackfield demo: SIP on {}, files in {}", ready.listeners.join(" "), dir.display())];
    for tenant in &ready.tenants {
        lines.push(String::new());
        lines.push(format!("Tenant {} (domain {})", tenant.name, tenant.domain));
        match made {
            true => lines.extend(tenant.endpoints.iter().map(|one| format!("  {}  {}", one.name, one.secret))),
            false => lines.push(format!("  the same phones and secrets as before: see {}", tenant.file(dir).display())),
        }
    }
    if let Some((tenant, endpoint)) = ready.tenants.first().and_then(|tenant| Some((tenant, tenant.endpoints.first()?)))
    {
        let secret = if made { endpoint.secret.as_str() } else { "(in the file above)" };
        let (name, domain) = (&endpoint.name, &tenant.domain);
        lines.push(format!("\nA phone's account:\n  user name  {name}\n  password   {secret}\n  domain     {domain}"));
        lines.push(format!("  proxy      {}", ready.sip));
        lines.push(format!("A phone that cannot send a domain logs in as {name}@{domain} at {}.", ready.sip));
    }
    lines.push(
        "\nDial 100-109 for another phone, 600 echo, 601 a greeting, 602 say four digits. Stop with Ctrl-C.".into(),
    );
    lines.join("\n")
}
