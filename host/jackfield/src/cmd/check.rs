//! `jackfield check`: looks at a configuration without using it.

use std::path::{Path, PathBuf};

use api::types::{Health, Plugin};
use call::TenantId;
use clap::Args;
use serde::Serialize;

use super::output::{self, Output};
use super::serve::Bundled;
use super::{Exit, Failure, Server};
use crate::config::{InstalledPlugin, Loaded, Running, RunningTenant, Severity, reference};
use crate::packages::Packages;

/// Look at a configuration without using it.
///
/// Where a server runs with the same configuration, the plugins that were installed by command are known too.
#[derive(Args)]
pub(crate) struct Check {
    /// The configuration directory.
    #[arg(long, value_name = "DIR", default_value = "/etc/jackfield")]
    config: PathBuf,
    /// Print every setting with its meaning, bound and default instead.
    #[arg(long)]
    reference: bool,
    #[command(flatten)]
    bundled: Bundled,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Verdict {
    ok: bool,
    tenants: usize,
    /// Whether a server with this configuration was asked for its plugins.
    server: bool,
    problems: Vec<api::types::Problem>,
}

impl Check {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        if self.reference {
            let settings: Vec<_> = reference::tables().flat_map(reference::rows).collect();
            output.value(&settings, || reference::text().trim_end().to_owned());
            return Ok(());
        }
        if !self.config.join("jackfield.toml").exists() {
            return Err(Failure::new(Exit::Configuration, no_configuration(&self.config)));
        }
        let running = self.running().await;
        let packages = Packages::new(self.bundled.folder().ok());
        let loaded = Loaded::read(&self.config, &packages, running.as_ref().unwrap_or(&Running::default()));
        let problems = loaded.problems();
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        let verdict = Verdict {
            ok: errors == 0,
            tenants: loaded.tenants.len(),
            server: running.is_some(),
            problems: problems.iter().map(output::problem).collect(),
        };
        let names_missing = loaded.tenants.values().flatten().any(|tenant| !tenant.lacks.is_empty());
        output.value(&verdict, || self.text(&verdict, errors, names_missing));
        if verdict.ok { Ok(()) } else { Err(Failure::new(Exit::Configuration, "")) }
    }

    fn text(&self, verdict: &Verdict, errors: usize, names_missing: bool) -> String {
        let mut lines: Vec<String> = verdict.problems.iter().map(output::problem_line).collect();
        if names_missing && !verdict.server {
            lines.push(
                "No server with this configuration runs: plugins that were installed by command are not known here."
                    .into(),
            );
        }
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let warnings = verdict.problems.len() - errors;
        let state = match (errors, warnings) {
            (0, 0) => "valid".to_owned(),
            (0, warnings) => format!("valid, {}", count(warnings, "warning")),
            (errors, _) => format!("not valid, {}", count(errors, "error")),
        };
        lines.push(format!("{}: {state}, {}", self.config.display(), count(verdict.tenants, "tenant")));
        lines.join("\n")
    }

    /// What a server has that runs with this configuration; nothing where none does.
    async fn running(&self) -> Option<Running> {
        let health: Health = self.server.get("/v1/health").await.ok()?;
        if self.config.canonicalize().ok()? != Path::new(&health.config) {
            return None;
        }
        let mut running = Running::default();
        for tenant in health.tenants.iter().filter(|tenant| tenant.serving) {
            let path = format!("/v1/tenants/{}/plugins", super::segment(&tenant.name));
            let plugins: Vec<Plugin> = self.server.get(&path).await.ok()?;
            running.tenants.insert(TenantId::new(&tenant.name).ok()?, running_tenant(plugins));
        }
        Some(running)
    }
}

/// What to say of a folder that has no configuration.
pub(super) fn no_configuration(folder: &Path) -> String {
    let inside = folder.join("config");
    let advice = match inside.join("jackfield.toml").exists() {
        true => format!("did you mean --config {}?", inside.display()),
        false => "--config DIR names the configuration's directory".to_owned(),
    };
    format!("no configuration in {}: there is no jackfield.toml ({advice})", folder.display())
}

fn running_tenant(plugins: Vec<Plugin>) -> RunningTenant {
    let declared = plugins.iter().filter(|plugin| plugin.declared).map(|plugin| (plugin.id.clone(), String::new()));
    RunningTenant {
        declared: declared.collect(),
        plugins: plugins
            .into_iter()
            .map(|plugin| InstalledPlugin { id: plugin.id, apps: plugin.apps, functions: plugin.functions })
            .collect(),
    }
}
