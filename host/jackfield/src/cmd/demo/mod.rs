//! `jackfield demo`: a PBX with two tenants that use the same numbers, made once and run.

pub(crate) mod files;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use api::types::TenantReload;
use clap::Args;
use serde::Serialize;

use super::output::Output;
use super::serve::faulty_lines;
use super::{Exit, Failure};
use crate::wire::{self, Advice, Options, Server};

/// Where the demo lives when nobody says otherwise.
pub(crate) const DEFAULT_DIR: &str = "jackfield-demo";

/// Make and run a demo PBX with two tenants, acme.test and globex.test. A second start reuses it.
#[derive(Args)]
pub(crate) struct Demo {
    /// Where its configuration and data are.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIR)]
    dir: PathBuf,
    /// The address and port phones reach it on; port 0 takes a free one [default: what was given at the first start, else 127.0.0.1:5060].
    #[arg(long, value_name = "ADDR:PORT", value_parser = super::socket_address)]
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
    /// Tenants whose files have errors, served or not.
    faulty: Vec<TenantReload>,
}

impl Demo {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        if self.sip.is_some_and(|sip| sip.ip().is_unspecified()) {
            let text = "--sip needs the address that phones reach this machine on, such as 192.168.1.5:5060";
            return Err(Failure::new(Exit::Usage, text));
        }
        let plugins = self.shared.bundled.folder()?;
        let not_done = |error| Failure::new(Exit::NotDone, error);
        let made = files::make(&self.dir, self.sip, &plugins).map_err(not_done)?;
        let accounts = files::accounts(&self.dir, &plugins);
        let options = Options {
            config: self.dir.join("config"),
            data: self.dir.join("data"),
            plugins: Some(plugins),
            sip: self.sip,
            log: self.shared.log(),
            tap: None,
            advice: Advice {
                listen: "choose another address or port with --sip, as in --sip 127.0.0.1:5070",
                locked: "it is running already: use it, stop it, or make another one with --dir and --sip",
            },
        };
        let server = match wire::start(options).await {
            Ok(server) => server,
            Err(failure) => {
                if made {
                    files::unmake(&self.dir).map_err(not_done)?;
                }
                return Err(failure);
            }
        };
        self.announce(output, &server, accounts)?;
        server.until_stopped().await;
        Ok(())
    }

    /// Prints how phones get in. People see the secrets once: at the first start that comes so far.
    fn announce(&self, output: Output, server: &Server, accounts: Vec<files::Account>) -> Result<(), Failure> {
        let ready = Ready {
            ready: true,
            sip: server.sip_address().map_or_else(String::new, |address| address.to_string()),
            listeners: server.listeners().to_vec(),
            api: server.socket().to_owned(),
            tenants: accounts,
            faulty: server.faulty().to_vec(),
        };
        let shown = files::are_secrets_shown(&self.dir);
        output.value(&ready, || text(&self.dir, &ready, !shown));
        match shown || output.json {
            true => Ok(()),
            false => files::note_secrets_shown(&self.dir).map_err(|error| Failure::new(Exit::NotDone, error)),
        }
    }
}

/// The accounts, addresses and a ready block for a phone.
fn text(dir: &Path, ready: &Ready, with_secrets: bool) -> String {
    let mut lines = vec![format!("Jackfield demo: SIP on {}, files in {}", ready.listeners.join(" "), dir.display())];
    for tenant in &ready.tenants {
        lines.push(String::new());
        lines.push(format!("Tenant {} (domain {})", tenant.name, tenant.domain));
        match with_secrets {
            true => lines
                .extend(tenant.endpoints.iter().map(|one| format!("  {}  {}  {}", one.name, one.secret, one.caller))),
            false => lines.push(format!("  its phones and secrets are in {}", tenant.file(dir).display())),
        }
    }
    if let Some((tenant, endpoint)) = ready.tenants.first().and_then(|tenant| Some((tenant, tenant.endpoints.first()?)))
    {
        let secret = if with_secrets { endpoint.secret.as_str() } else { "(in the file above)" };
        let (name, domain) = (&endpoint.name, &tenant.domain);
        lines.push(format!("\nA phone's account:\n  user name  {name}\n  password   {secret}\n  domain     {domain}"));
        lines.push(format!("  proxy      {}", ready.sip));
        lines.push(format!("A phone that cannot send a domain logs in as {name}@{domain} at {}.", ready.sip));
    }
    lines.push("\nDial".into());
    lines.extend(files::numbers().map(|line| format!("  {line}")));
    if !ready.faulty.is_empty() {
        lines.push(String::new());
        lines.extend(faulty_lines(&ready.faulty));
    }
    lines.push("\nStop with Ctrl-C.".into());
    lines.join("\n")
}
