//! `jackfield plugin dev`: a PBX of its own for a plugin that is being written. Each save is built and swapped in while calls are up.

mod ladder;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::plugin::{Capability, Manifest};
use api::types::{InstallPlan, InstallRequest, Installed, ReloadReport};
use author::Sources;
use clap::Args;
use dialplan::NameKind;
use serde::Serialize;
use tempfile::TempDir;

use super::build::{self, Built};
use super::{named, user};
use crate::cmd::demo::files;
use crate::cmd::output::{Output, problem_line};
use crate::cmd::serve::Bundled;
use crate::cmd::{Exit, Failure, Server};
use crate::config::LogFormat;
use crate::packages::Packages;
use crate::wire::{self, Advice, Options};

/// The tenant, and the first of its ten phones.
const TENANT: &str = "dev";
const FIRST_PHONE: u32 = 300;
/// The number of what the plugin provides first; the next has the next, up to the echo.
const FIRST_NUMBER: u32 = 100;
const ECHO: u32 = 200;
/// How often the folder is looked at. A save is used when two looks agree: editors write in several steps.
const LOOK: Duration = Duration::from_millis(300);

/// Run a PBX of its own for a plugin.
#[derive(Args)]
pub(super) struct Dev {
    /// The folder with its plugin.toml.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The address and port of SIP; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", value_parser = crate::cmd::socket_address, default_value = "127.0.0.1:5070")]
    sip: SocketAddr,
    #[command(flatten)]
    bundled: Bundled,
}

/// What a phone needs to call the plugin.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// What to dial, as a URI.
    uri: String,
    user: String,
    password: String,
    domain: String,
    /// Where SIP is received.
    address: String,
    /// The data directory, for the other commands.
    data: PathBuf,
    /// What each number reaches.
    numbers: Vec<(u32, String)>,
    /// What the plugin may do; nobody was asked.
    granted: Vec<String>,
}

impl Dev {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        // Before the first build: what is saved during it is built next.
        let seen = Sources::look(&self.folder);
        let built = build::build(&self.folder)?;
        eprintln!("{}", built.sentence());
        let not_done = |error: String| Failure::new(Exit::NotDone, error);
        let home = tempfile::Builder::new().prefix("jackfield-dev-").tempdir();
        let home = home.map_err(|error| not_done(format!("no temporary directory: {error}")))?;
        let plugins = self.bundled.folder()?;
        let others = others(&Packages::new(Some(plugins.clone())), &built.manifest);
        files::make_tenant(&home.path().join("config"), TENANT, FIRST_PHONE, &plan(&[]), &others)
            .and_then(|()| files::make_host(home.path(), self.sip))
            .map_err(not_done)?;
        let data = home.path().join("data");
        let account = files::accounts(home.path(), &plugins).into_iter().next();
        let running = wire::start(Options {
            config: home.path().join("config"),
            data: data.clone(),
            plugins: Some(plugins),
            sip: Some(self.sip),
            log: Some(LogFormat::Human),
            tap: Some(Arc::new(ladder::Ladder::start())),
            advice: Advice {
                listen: "choose another port with --sip, as in --sip 127.0.0.1:0",
                locked: "the temporary directory is in use",
            },
        })
        .await?;
        let mut bench = Bench { folder: self.folder, server: Server::of(&data), home, seen, numbers: Vec::new() };
        let installed = bench.swap(&built).await?;
        let address = running.sip_address().map_or_else(String::new, |address| address.to_string());
        let phone = account.as_ref().and_then(|account| account.endpoints.first());
        let ready = Ready {
            ready: true,
            uri: format!("sip:{FIRST_NUMBER}@{TENANT}.test"),
            user: phone.map_or_else(String::new, |phone| phone.name.clone()),
            password: phone.map_or_else(String::new, |phone| phone.secret.clone()),
            domain: account.map_or_else(String::new, |account| account.domain),
            address,
            data,
            numbers: bench.numbers.clone(),
            granted: installed.granted,
        };
        output.value(&ready, || text(&ready));
        tokio::select! {
            () = running.until_stopped() => {}
            () = bench.watch() => {}
        }
        bench.home.close().map_err(|error| not_done(format!("the temporary directory stays: {error}")))
    }
}

/// The bundled plugins beside ours: all of them where ours may run other applications; else the echo alone, because each
/// is compiled anew in a directory that is. None of its name, or that provides what it provides.
fn others(packages: &Packages, manifest: &Manifest) -> Vec<String> {
    let apps = manifest.apps.iter().filter_map(|name| packages.provider(NameKind::Application, name));
    let functions = manifest.functions.iter().filter_map(|name| packages.provider(NameKind::Function, name));
    let ours: Vec<String> = apps.chain(functions).chain([manifest.id.clone()]).collect();
    let wanted = match manifest.capabilities.contains_key(&Capability::Dialplan) {
        true => packages.bundled_names(),
        false => packages.provider(NameKind::Application, "Echo").into_iter().collect(),
    };
    wanted.into_iter().filter(|name| !ours.contains(name)).collect()
}

/// A plugin's folder, and the server it is tried on.
struct Bench {
    folder: PathBuf,
    server: Server,
    home: TempDir,
    /// The sources of the last build.
    seen: Sources,
    /// What the dialplan has.
    numbers: Vec<(u32, String)>,
}

impl Bench {
    /// Makes this build what new calls use, and gives what it provides their numbers.
    async fn swap(&mut self, built: &Built) -> Result<Installed, Failure> {
        let package = std::path::absolute(&built.package).unwrap_or_else(|_| built.package.clone());
        let mut request = InstallRequest {
            package: package.display().to_string(),
            unsigned: true,
            publisher: None,
            grants: None,
            canary: None,
            basis: None,
            who: user(),
            why: "plugin dev".into(),
        };
        let tenant = format!("/v1/tenants/{TENANT}");
        let plan: InstallPlan = self.server.post(&format!("{tenant}/plan"), &request).await?;
        request.grants = Some(plan.growth);
        request.basis = Some(plan.basis);
        let installed: Installed = self.server.post(&format!("{tenant}/plugins"), &request).await?;
        let numbers = numbers(&built.manifest);
        if numbers != self.numbers {
            self.dial(&numbers).await?;
            self.numbers = numbers;
        }
        Ok(installed)
    }

    /// Writes the dialplan and lets the server read it.
    async fn dial(&self, numbers: &[(u32, String)]) -> Result<(), Failure> {
        let file = self.home.path().join("config/tenants").join(TENANT).join("dialplan.conf");
        let written = std::fs::write(&file, plan(numbers));
        written.map_err(|error| Failure::new(Exit::NotDone, format!("{}: {error}", file.display())))?;
        let report: ReloadReport = self.server.post("/v1/reload", &()).await?;
        if report.ok {
            return Ok(());
        }
        let problems = report.problems.iter().chain(report.tenants.iter().flat_map(|tenant| &tenant.problems));
        Err(Failure::new(Exit::NotDone, problems.map(problem_line).collect::<Vec<_>>().join("\n")))
    }

    /// Builds and swaps at each save, without end.
    async fn watch(&mut self) {
        let mut last = self.seen.clone();
        loop {
            tokio::time::sleep(LOOK).await;
            let folder = self.folder.clone();
            let Ok(now) = tokio::task::spawn_blocking(move || Sources::look(&folder)).await else { return };
            let is_quiet = now == last;
            last = now;
            let changed = last.first_change(&self.seen).map(Path::to_owned);
            if let (true, Some(changed)) = (is_quiet, changed) {
                self.seen = last.clone();
                eprintln!("saved      {}", changed.display());
                self.build().await;
            }
        }
    }

    /// What cannot be built or installed is told, and the old version stays.
    async fn build(&mut self) {
        let folder = self.folder.clone();
        let built = tokio::task::spawn_blocking(move || build::build(&folder)).await;
        let done = match built {
            Ok(Ok(built)) => self.swap(&built).await,
            Ok(Err(failure)) => Err(failure),
            Err(panic) => Err(Failure::new(Exit::NotDone, panic.to_string())),
        };
        match done {
            Ok(installed) => {
                let now = named(Some(&installed.version), Some(&installed.digest));
                let new = if installed.changed { "new calls use it" } else { "the same as before" };
                eprintln!("swapped    {} {now}: {new}; calls that are up keep theirs", installed.id);
            }
            Err(failure) => eprintln!("not built  {failure}\n           the version before stays"),
        }
    }
}

/// The number of each thing the plugin provides.
fn numbers(manifest: &Manifest) -> Vec<(u32, String)> {
    let apps = manifest.apps.iter().map(|name| format!("{name}()"));
    let functions = manifest.functions.iter().map(|name| format!("Verbose(1,{name} is ${{{name}()}})"));
    (FIRST_NUMBER..ECHO).zip(apps.chain(functions)).collect()
}

fn plan(numbers: &[(u32, String)]) -> String {
    let echo = [(ECHO, "Echo()".to_owned())];
    let lines = numbers.iter().chain(&echo).map(|(number, step)| {
        let answer = if step.starts_with("Verbose(") || *number == ECHO { "Answer()\n same => n," } else { "" };
        format!("exten => {number},1,{answer}{step}\n same => n,Hangup()\n")
    });
    let lines: String = lines.collect();
    format!("[internal]\n{lines}exten => _30X,1,Dial(PJSIP/${{EXTEN}},25)\n same => n,Hangup()\n")
}

fn text(ready: &Ready) -> String {
    let mut lines = vec![
        format!("Call {} by a phone with the account", ready.uri),
        format!("  user name  {}\n  password   {}\n  domain     {}", ready.user, ready.password, ready.domain),
        format!("  proxy      {}", ready.address),
        format!("or by  jackfield call --data {} {TENANT} {} {FIRST_NUMBER}", ready.data.display(), ready.user),
        String::new(),
    ];
    lines.extend(ready.numbers.iter().map(|(number, step)| format!("  {number}  {step}")));
    lines
        .push(format!("  {ECHO}  an echo\n  301-309  more phones; their passwords are in tenant.toml beside the data"));
    let granted = if ready.granted.is_empty() { "nothing".to_owned() } else { ready.granted.join(", ") };
    lines.push(format!("\nIt may use: {granted}. Here nobody is asked for consent; an installation asks."));
    lines.push("Each save is built and swapped in. Stop with Ctrl-C: nothing is left.".into());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_provides_has_a_number_and_the_echo_keeps_its_own() {
        let apps: Vec<String> = (0..50).map(|number| format!("\"A{number}\"")).collect();
        let functions: Vec<String> = (0..60).map(|number| format!("\"F{number}\"")).collect();
        let text = format!(
            "[plugin]\nid = \"app-x\"\nversion = \"1\"\n[provides]\napps = [{}]\nfunctions = [{}]\n",
            apps.join(","),
            functions.join(",")
        );
        let numbers = numbers(&Manifest::parse("plugin.toml", &text).unwrap());
        assert_eq!(numbers[0], (100, "A0()".into()));
        assert_eq!(numbers[50], (150, "Verbose(1,F0 is ${F0()})".into()));
        assert_eq!(numbers.last().unwrap().0, 199);
        assert_eq!(plan(&numbers).matches("exten => 200,").count(), 1);
    }
}
