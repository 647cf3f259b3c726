//! `jackfield plugin`: the life cycle of a tenant's plugins on a running server.

mod build;
mod check;
mod dev;
mod docs;
mod inspect;
mod install;
mod key;
mod new;
mod pack;
mod publish;
mod replay;
mod tail;
mod test;
mod top;

use std::path::PathBuf;

use api::types::{self, HistoryEntry, Installed, Removed};
use clap::{Args, Subcommand};

use crate::packages::remote::Remote;

use super::output::{Output, problem_line, table, table_or};
use super::{Exit, Failure, Server, segment};

/// Write and build plugins; install, list and replace them on a running server.
#[derive(Args)]
pub(crate) struct Plugin {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a folder with a new plugin in it. Needs no server and no network.
    New {
        /// Its id: its kind and a name, such as `app-front-desk`, `func-price` or `service-queue`.
        id: String,
        /// What it is for; unless given, what its id begins with.
        #[arg(short, long, value_enum)]
        kind: Option<new::Kind>,
        /// What it is to be written in.
        #[arg(short = 't', long, value_enum, default_value = "rust")]
        language: new::Language,
    },
    /// Build a plugin: its package is then in FOLDER/build/package. Needs no server.
    Build {
        /// The folder with its plugin.toml.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Run a PBX of its own for a plugin: build it, call it, and on each save build and swap it. Ctrl-C ends it and leaves nothing.
    Dev(dev::Dev),
    /// Tell whether a built plugin fits a server, without compiling it: imports, signatures, worlds, capabilities, manifest.
    Check(check::Check),
    /// Run the recorded calls in a plugin's folder again on what was built of it. Needs no server.
    Test(test::Test),
    /// Write the reference of what plugins can do: every interface and function with its documentation. Needs no server.
    Docs(docs::Docs),
    /// Make a publisher's key, or show its public part.
    #[command(subcommand)]
    Key(key::Key),
    /// Pack a built plugin into one signed file. Needs no server.
    Pack(pack::Pack),
    /// Put a packed plugin into a registry (OCI), from where servers install it. Needs no server.
    Publish(publish::Publish),
    /// Show what a package can do and who signed it. Nothing of it is run, and no server is needed.
    Inspect(inspect::Inspect),
    /// Install a plugin or a new version of one. New calls use it; calls that are up stay on theirs.
    ///
    /// What the package asks for and the active version does not have is shown and asked about first. Where nobody can be asked,
    /// `--yes --grant NAME,…` consents to what it lists. Bundled plugins are as trusted as the server they came with.
    Install(install::Install),
    /// List a tenant's plugins.
    List {
        /// The tenant.
        tenant: String,
    },
    /// Show one plugin.
    Show {
        /// The tenant.
        tenant: String,
        /// The plugin's id.
        id: String,
    },
    /// Show what plugins use, the busiest first: the share of a core, memory, calls, host calls.
    Top(top::Top),
    /// Show what a plugin logs, how its runs end and what they cost, as it happens.
    Tail(tail::Tail),
    /// Make the version on trial (`install --canary`) the active one.
    Promote {
        /// The tenant.
        tenant: String,
        /// The plugin's id.
        id: String,
    },
    /// End the trial of a version. Without one: make the version before the active one active, or another.
    Rollback {
        /// The tenant.
        tenant: String,
        /// The plugin's id.
        id: String,
        /// The version to activate, as `plugin show` lists it: its own version, or the beginning of its digest.
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
    },
    /// Remove a plugin. Calls inside it end on their version.
    Remove {
        /// The tenant.
        tenant: String,
        /// The plugin's id.
        id: String,
        /// Even if the dialplan uses what it provides: those calls then fail.
        #[arg(long)]
        force: bool,
    },
    /// List the recorded runs of a tenant's applications (`keep-runs` in tenant.toml).
    Runs {
        /// The tenant.
        tenant: String,
    },
    /// Run what a call did again, on the same version or on another one, and show where it does something else.
    ///
    /// What the plugin asked and was told is on the server's disk; nothing of a replay reaches a call, the tenant's data or another
    /// machine. It fails if anything differs.
    Replay(replay::Replay),
    /// Tell what happened to a plugin.
    History {
        /// The tenant.
        tenant: String,
        /// The plugin's id.
        id: String,
    },
}

impl Plugin {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let server = self.server;
        let all = |tenant: &str| format!("/v1/tenants/{}/plugins", segment(tenant));
        let one = |tenant: &str, id: &str| format!("{}/{}", all(tenant), segment(id));
        match self.command {
            Command::New { id, kind, language } => new::run(&id, kind, language, output)?,
            Command::Build { folder } => build::run(&folder, output)?,
            Command::Docs(docs) => docs.run(output)?,
            Command::Dev(dev) => dev.run(output).await?,
            Command::Check(check) => check.run(output).await?,
            Command::Test(test) => test.run(output).await?,
            Command::Key(key) => key.run(output)?,
            Command::Pack(pack) => pack.run(output)?,
            Command::Publish(publish) => publish.run(output).await?,
            Command::Inspect(inspect) => inspect.run(output).await?,
            Command::Install(install) => install.run(&server, output).await?,
            Command::Top(top) => top.run(&server, output).await?,
            Command::Tail(tail) => tail.run(&server, output).await?,
            Command::Runs { tenant } => replay::list(&tenant, &server, output).await?,
            Command::Replay(replay) => replay.run(&server, output).await?,
            Command::List { tenant } => {
                let plugins: Vec<types::Plugin> = server.get(&all(&tenant)).await?;
                output.value(&plugins, || list(&plugins));
            }
            Command::Show { tenant, id } => {
                let plugin: types::Plugin = server.get(&one(&tenant, &id)).await?;
                output.value(&plugin, || show(&plugin));
            }
            Command::Rollback { tenant, id, to } => {
                let to = to.map(|to| format!("?to={}", segment(&to))).unwrap_or_default();
                let path = format!("{}/rollback{to}", one(&tenant, &id));
                let installed: Installed = server.post(&path, &()).await?;
                output.value(&installed, || change(&installed));
            }
            Command::Promote { tenant, id } => {
                let installed: Installed = server.post(&format!("{}/promote", one(&tenant, &id)), &()).await?;
                output.value(&installed, || change(&installed));
            }
            Command::Remove { tenant, id, force } => {
                let force = if force { "?force=true" } else { "" };
                let removed: Removed = server.delete(&format!("{}{force}", one(&tenant, &id))).await?;
                output.value(&removed, || gone(&removed));
            }
            Command::History { tenant, id } => {
                let history: Vec<HistoryEntry> = server.get(&format!("{}/history", one(&tenant, &id))).await?;
                output.value(&history, || events(&history));
            }
        }
        Ok(())
    }
}

/// The server may run in another folder than we do.
fn absolute(package: &str) -> Result<String, Failure> {
    let is_name = !package.contains('/') && !std::path::Path::new(package).exists();
    if is_name || Remote::of(package).is_some() {
        return Ok(package.to_owned());
    }
    let path = std::fs::canonicalize(package);
    let path = path.map_err(|error| Failure::new(Exit::NotFound, format!("{package}: {error}")))?;
    Ok(path.display().to_string())
}

fn user() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "unknown".into())
}

fn change(installed: &Installed) -> String {
    let now = named(Some(&installed.version), Some(&installed.digest));
    let granted = match installed.granted.as_slice() {
        [] => "nothing".to_owned(),
        granted => granted.join(", "),
    };
    let before = || named(installed.replaced_version.as_deref(), installed.replaced.as_deref());
    let same = installed.replaced.as_ref() == Some(&installed.digest);
    let id = &installed.id;
    let sentence = match (installed.changed, &installed.replaced) {
        _ if installed.canary.is_some() => {
            let split = installed.canary.as_deref().map(calls_of).unwrap_or_default();
            format!("{id} {now} is tried by {split}; granted: {granted}")
        }
        (false, _) => format!("{id} {now} was active already"),
        (true, None) => format!("{id} {now} is active; granted: {granted}"),
        (true, Some(_)) if same => {
            format!(
                "{id} {now} is active, before it {}: the same component, another plugin.toml; granted: {granted}",
                before()
            )
        }
        (true, Some(_)) => format!("{id} {now} is active, before it {}; granted: {granted}", before()),
    };
    with_problems(sentence, &installed.problems)
}

fn gone(removed: &Removed) -> String {
    let declared = match removed.declared {
        true => "; tenant.toml still has its table: it stays away until that changes",
        false => "",
    };
    with_problems(format!("{} removed{declared}", removed.id), &removed.problems)
}

fn with_problems(sentence: String, problems: &[types::Problem]) -> String {
    let lines = std::iter::once(sentence).chain(problems.iter().map(problem_line));
    lines.collect::<Vec<_>>().join("\n")
}

/// A version as people tell it from others: what it calls itself, and which component it is.
fn named(version: Option<&str>, digest: Option<&str>) -> String {
    match (version, digest.map(short)) {
        (Some(version), Some(digest)) => format!("{version} ({digest})"),
        (None, Some(digest)) => format!("({digest})"),
        (_, None) => String::new(),
    }
}

fn list(plugins: &[types::Plugin]) -> String {
    let row = |plugin: &types::Plugin| {
        let provides: Vec<String> = plugin
            .apps
            .iter()
            .chain(&plugin.functions)
            .chain(&plugin.strategies)
            .chain(&plugin.schemes)
            .cloned()
            .collect();
        let trial =
            plugin.canary.iter().map(|one| format!(", {} tried by {}", one.trial.version, calls_of(&one.trial.split)));
        let state = plugin.trouble.clone().unwrap_or_else(|| "active".into()) + &trial.collect::<String>();
        let calls = match plugin.draining {
            0 => plugin.live.to_string(),
            draining => format!("{} (+{draining} on former versions)", plugin.live),
        };
        let from = if plugin.declared { "tenant.toml" } else { "command" };
        let version = named(Some(&plugin.version), Some(&plugin.digest));
        vec![plugin.id.clone(), version, from.into(), calls, state, provides.join(" ")]
    };
    let rows: Vec<Vec<String>> = plugins.iter().map(row).collect();
    table_or("no plugin is installed", &["plugin", "version", "from", "calls", "state", "provides"], &rows)
}

/// What it uses, in one line.
fn used(plugin: &types::Plugin) -> String {
    let types::Usage { cpu_us, memory, memory_peak, host_calls, refused, kv, blob, .. } = plugin.usage;
    let a_run = cpu_us.checked_div(plugin.runs).map(|us| format!(" ({us} us a run)")).unwrap_or_default();
    let [memory, peak, kv, blob] = [memory, memory_peak, kv, blob].map(top::bytes);
    format!(
        "uses       {:.3} s of computing{a_run}, {memory} of memory (at most {peak} so far), {host_calls} host calls, {kv} of values, {blob} of \
         recordings; {refused} runs were refused",
        cpu_us as f64 / 1e6
    )
}

fn show(plugin: &types::Plugin) -> String {
    let mut lines = vec![
        format!("{} {}: {}", plugin.id, plugin.version, plugin.title),
        format!("digest     {}", plugin.digest),
        format!("signed by  {}", plugin.signer.as_deref().unwrap_or("nobody")),
        format!("apps       {}", some(&plugin.apps)),
        format!("functions  {}", some(&plugin.functions)),
        format!("strategies {}", some(&plugin.strategies)),
        format!("schemes    {}", some(&plugin.schemes)),
        format!("granted    {}", some(&plugin.granted)),
        format!("calls      {} on this version, {} on former ones", plugin.live, plugin.draining),
        format!("runs       {}, of them {} ended by a fault", plugin.runs, plugin.faults),
        used(plugin),
    ];
    lines.extend(plugin.available.iter().map(|one| {
        let active = if one.active { ", active" } else { "" };
        format!("version    {}{active}", named(Some(&one.version), Some(&one.digest)))
    }));
    lines.extend(plugin.canary.iter().map(|one| {
        let version = named(Some(&one.trial.version), Some(&one.trial.digest));
        let (calls, granted) = (calls_of(&one.trial.split), some(&one.granted));
        let why = if one.why.is_empty() { String::new() } else { format!(": {}", one.why) };
        format!(
            "on trial   {version}, tried by {calls} ({} now), granted {granted}; since {} by {}{why}",
            one.live, one.since, one.who
        )
    }));
    lines.extend(plugin.metrics.iter().map(|(name, metric)| match metric {
        types::Metric::Counter(value) => format!("counter    {name} {value}"),
        types::Metric::Gauge(value) => format!("gauge      {name} {value}"),
    }));
    lines.extend((plugin.events_lost > 0).then(|| format!("events lost {}", plugin.events_lost)));
    lines.extend(plugin.last_fault.iter().map(|fault| format!("last fault {}", super::output::printable(fault))));
    lines.extend(plugin.trouble.iter().map(|trouble| format!("trouble    {trouble}")));
    lines.join("\n")
}

/// Which calls try a version.
fn calls_of(split: &str) -> String {
    match split.split_once('=') {
        Some(("endpoint", endpoint)) => format!("calls by {endpoint}"),
        Some((_, number)) => format!("calls to {number}"),
        None => format!("{split} of the calls"),
    }
}

fn some(words: &[String]) -> String {
    if words.is_empty() { "none".into() } else { words.join(" ") }
}

fn events(history: &[HistoryEntry]) -> String {
    let row = |entry: &HistoryEntry| {
        let active = named(entry.version.as_deref(), entry.digest.as_deref());
        let granted = some(&entry.granted);
        let trial = entry
            .canary
            .iter()
            .map(|one| format!(" {}, {}", named(Some(&one.version), Some(&one.digest)), calls_of(&one.split)));
        let event = entry.event.clone() + &trial.collect::<String>();
        vec![entry.time.clone(), event, active, granted, entry.who.clone(), entry.why.clone()]
    };
    let rows: Vec<Vec<String>> = history.iter().map(row).collect();
    table(&["time", "event", "active", "granted", "who", "why"], &rows)
}

/// As many digits as people can compare.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
