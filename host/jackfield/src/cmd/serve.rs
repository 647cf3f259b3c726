//! `jackfield serve`: the server.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output::Output;
use super::{Exit, Failure};
use crate::config::LogFormat;
use crate::wire::{self, Options};

/// Run the server until it is told to stop. SIGHUP reloads the configuration; SIGTERM or Ctrl-C drains and stops, twice stops at once.
#[derive(Args)]
pub(crate) struct Serve {
    /// The configuration directory.
    #[arg(long, value_name = "DIR", default_value = "/etc/jackfield")]
    config: PathBuf,
    /// The data directory.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/jackfield")]
    data: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

/// What `serve` and `demo` both take.
#[derive(Args)]
pub(crate) struct Shared {
    /// The directory of the bundled plugins [default: plugins beside the program].
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Write log lines as JSON.
    #[arg(long)]
    log_json: bool,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    sip: Vec<String>,
    api: PathBuf,
}

impl Serve {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let options = Options {
            log: self.shared.log(),
            // A server without bundled plugins is possible: its tenants bring their own.
            plugins: self.shared.bundled_plugins().ok(),
            config: self.config,
            data: self.data,
            sip: None,
        };
        let running = wire::start(options).await?;
        let ready = Ready { ready: true, sip: running.listeners().to_vec(), api: running.socket().to_owned() };
        output.value(&ready, || format!("ready: SIP on {}, API on {}", ready.sip.join(" "), ready.api.display()));
        running.until_stopped().await;
        Ok(())
    }
}

impl Shared {
    /// Where the bundled plugins are.
    pub(crate) fn bundled_plugins(&self) -> Result<PathBuf, Failure> {
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

    /// How log lines are written, where the command line says so.
    pub(crate) fn log(&self) -> Option<LogFormat> {
        self.log_json.then_some(LogFormat::Json)
    }
}
