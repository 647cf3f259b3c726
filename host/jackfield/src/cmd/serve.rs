//! `jackfield serve`: the server.

use std::path::PathBuf;

use api::types::{ReloadResult, TenantReload};
use clap::Args;
use serde::Serialize;

use super::output::{Output, problem_line};
use super::{Exit, Failure};
use crate::config::LogFormat;
use crate::wire::{self, Advice, Options};

/// Run the server until it is told to stop. SIGHUP reloads the configuration; SIGTERM or Ctrl-C drains and stops, twice stops at once.
#[derive(Args)]
pub(crate) struct Serve {
    /// The configuration directory.
    #[arg(long, value_name = "DIR", default_value = "/etc/jackfield")]
    config: PathBuf,
    /// The data directory.
    #[arg(long, value_name = "DIR", default_value = super::server::DATA)]
    data: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

/// What `serve` and `demo` both take.
#[derive(Args)]
pub(crate) struct Shared {
    #[command(flatten)]
    pub(crate) bundled: Bundled,
    /// Write log lines as JSON.
    #[arg(long)]
    log_json: bool,
}

/// Where the plugins are that come with the server.
#[derive(Args)]
pub(crate) struct Bundled {
    /// The directory of the bundled plugins [default: plugins beside the program].
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    sip: Vec<String>,
    api: PathBuf,
    /// Tenants whose files have errors, served or not.
    faulty: Vec<TenantReload>,
}

impl Serve {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        if !self.config.join("jackfield.toml").exists() {
            return Err(Failure::new(Exit::Configuration, super::check::no_configuration(&self.config)));
        }
        let options = Options {
            log: self.shared.log(),
            tap: None,
            // A server without bundled plugins is possible: its tenants bring their own.
            plugins: self.shared.bundled.folder().ok(),
            config: self.config,
            data: self.data,
            sip: None,
            advice: Advice {
                listen: "[sip] in jackfield.toml names the addresses",
                locked: "stop that server, or name another directory with --data",
            },
        };
        let running = wire::start(options).await?;
        let ready = Ready {
            ready: true,
            sip: running.listeners().to_vec(),
            api: running.socket().to_owned(),
            faulty: running.faulty().to_vec(),
        };
        output.value(&ready, || {
            let mut lines = vec![format!("ready: SIP on {}, API on {}", ready.sip.join(" "), ready.api.display())];
            lines.extend(faulty_lines(&ready.faulty));
            lines.join("\n")
        });
        running.until_stopped().await;
        Ok(())
    }
}

impl Bundled {
    /// The folder, if it is there.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        let beside = || Some(std::env::current_exe().ok()?.canonicalize().ok()?.parent()?.join("plugins"));
        let folder = self.plugins.clone().or_else(beside).unwrap_or_else(|| "plugins".into());
        match folder.is_dir() {
            true => Ok(folder),
            false => {
                let text = format!("no bundled plugins in {}; name their folder with --plugins DIR", folder.display());
                Err(Failure::new(Exit::NotFound, text))
            }
        }
    }
}

impl Shared {
    /// How log lines are written, where the command line says so.
    pub(crate) fn log(&self) -> Option<LogFormat> {
        self.log_json.then_some(LogFormat::Json)
    }
}

/// What a start says of the tenants with errors in their files: a tenant's mistake is that tenant's alone (F10).
pub(super) fn faulty_lines(faulty: &[TenantReload]) -> Vec<String> {
    let mut lines = Vec::new();
    for tenant in faulty {
        let state = match tenant.result {
            ReloadResult::Refused => "NOT served; mend its files, then `jackfield reload`",
            _ => "served as far as possible; mend its files, then `jackfield reload`",
        };
        lines.push(format!("Tenant {} is {state}:", tenant.name));
        lines.extend(tenant.problems.iter().map(|problem| format!("  {}", problem_line(problem))));
    }
    lines
}
