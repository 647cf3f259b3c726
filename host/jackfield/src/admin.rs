//! What an administrator can do to the running server: the API's [`Control`], done with the switch and the files.

mod deploy;
mod describe;
mod package;
mod runs;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use api::types::{
    self, Account, Call, DialplanQuery, DialplanTrace, Health, HistoryEntry, InstallPlan, InstallRequest, Installed,
    Plugin, RecordedRun, Registration, ReloadReport, ReloadResult, Removed, ReplayRequest, ReplayedRun, TailLine,
    TenantHealth, TenantPlugin, TenantReload,
};
use api::{Control, ControlError, ErrorCode};
use call::{CallId, TenantId};
use switch::{Applied, Definition, Switch, Tenant};
use tokio::sync::Mutex;

use crate::cmd::problem;
use crate::config::{self, Claims, Loaded, Offers, Problem, Running, Server};
use crate::definition::definition;
use crate::packages::Packages;
use crate::sounds::Sounds;
pub(crate) use package::Pinned;

/// The administrator's side of a running server.
pub(crate) struct Admin {
    pub(crate) switch: Switch,
    pub(crate) config: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) packages: Packages,
    pub(crate) sounds: Arc<Sounds>,
    /// The host's settings at the start; a change of them waits for a restart.
    pub(crate) server: Server,
    /// Where SIP is received, for people.
    pub(crate) listeners: Vec<String>,
    pub(crate) started: Instant,
    /// One reload at a time.
    pub(crate) state: Mutex<State>,
    /// One change at a time of the file that remembers where prompts are.
    pub(crate) remembering: std::sync::Mutex<()>,
    pub(crate) pinned: Pinned,
}

/// What the last reload left.
#[derive(Default)]
pub(crate) struct State {
    claims: Claims,
    /// Why a tenant's files are refused.
    problems: BTreeMap<TenantId, Vec<types::Problem>>,
}

impl Admin {
    /// Puts a configuration in place, tenant by tenant: what is refused keeps its last good version (F10).
    pub(crate) async fn apply(&self, loaded: Loaded) -> ReloadReport {
        let mut state = self.state.lock().await;
        let mut report = ReloadReport { ok: true, problems: self.host_problems(&loaded), tenants: Vec::new() };
        let (definitions, valid) = self.definitions(&loaded);
        // A tenant that runs gets its new plugins before the dialplan that uses them.
        let mut deployed = BTreeMap::new();
        for (id, files) in &valid {
            self.pin(files);
            if let Some(tenant) = self.switch.tenant(id) {
                deployed.insert(id.clone(), self.deploy(&tenant, files).await);
            }
        }
        self.sounds.declare(&self.sound_folders(&loaded), |tenant| self.prompts_by_hand(tenant));
        let applied = match self.switch.apply(definitions).await {
            Ok(applied) => applied,
            // `Claims` let no conflict through; if one comes, nothing has changed.
            Err(conflict) => {
                report.problems.push(problem(&Problem::whole(&self.config, conflict.to_string())));
                report.ok = false;
                return report;
            }
        };
        for (id, applied) in applied {
            let mut tenant = self.tenant_report(&loaded, &id, &applied);
            if let (Some(running), Some(files)) = (self.switch.tenant(&id), valid.get(&id)) {
                let problems = match deployed.remove(&id) {
                    Some(problems) => problems,
                    None => self.deploy(&running, files).await,
                };
                let problems = problems.into_iter().chain(self.retire(&running, files).await);
                tenant.problems.extend(problems.map(|one| problem(&one)));
            }
            report.tenants.push(tenant);
        }
        let known: Vec<String> = report.tenants.iter().map(|tenant| tenant.name.clone()).collect();
        let silent = loaded.tenants.iter().filter(|(id, _)| !known.contains(&id.as_str().to_owned()));
        for (id, result) in silent {
            let problems = result.as_ref().err().into_iter().flatten().map(problem).collect();
            report.tenants.push(TenantReload { name: id.to_string(), result: ReloadResult::Refused, problems });
        }
        state.claims = loaded.claims;
        state.problems = report
            .tenants
            .iter()
            .filter(|tenant| !tenant.problems.is_empty())
            .filter_map(|tenant| Some((TenantId::new(&tenant.name).ok()?, tenant.problems.clone())))
            .collect();
        for tenant in &mut report.tenants {
            let running = TenantId::new(&tenant.name).ok().and_then(|id| self.switch.tenant(&id));
            // What a kept tenant's old dialplan lacks is not what these files are refused for.
            let running = running.filter(|_| tenant.result == ReloadResult::Applied);
            tenant.problems.extend(running.iter().flat_map(|running| self.lacks(running)).map(|one| problem(&one)));
        }
        let refuses = |problem: &types::Problem| problem.severity == "error";
        report.ok = !report.problems.iter().chain(report.tenants.iter().flat_map(|one| &one.problems)).any(refuses);
        log(&report);
        report
    }

    /// The lines of a tenant's dialplan that use applications and functions which none of its plugins provides.
    fn lacks(&self, tenant: &Tenant) -> Vec<Problem> {
        self.lacks_without(tenant, None)
    }

    /// The same, as if a plugin were not there.
    fn lacks_without(&self, tenant: &Tenant, plugin: Option<&str>) -> Vec<Problem> {
        let mut offers = Offers::default();
        for one in tenant.plugins().list().iter().filter(|one| Some(one.id.as_str()) != plugin) {
            if let Err(taken) = offers.add(&one.id, &one.apps, &one.functions) {
                tracing::error!(tenant = %tenant.id(), %taken, "two installed plugins have the same name");
            }
        }
        let folder = self.config.join("tenants").join(tenant.id().as_str());
        offers.lacks(&folder, &tenant.definition().dialplan, &self.packages)
    }

    /// What the switch shall run: the valid tenants as they are in the files, the refused ones as they run now.
    fn definitions<'a>(&self, loaded: &'a Loaded) -> (Vec<Definition>, BTreeMap<TenantId, &'a config::Tenant>) {
        let mut definitions = Vec::new();
        let mut valid = BTreeMap::new();
        for (id, result) in &loaded.tenants {
            match result {
                Ok(tenant) => {
                    definitions.push(definition(tenant, &self.server.realm));
                    valid.insert(id.clone(), tenant);
                }
                Err(_) => definitions.extend(self.switch.tenant(id).map(|tenant| (*tenant.definition()).clone())),
            }
        }
        (definitions, valid)
    }

    fn tenant_report(&self, loaded: &Loaded, id: &TenantId, applied: &Applied) -> TenantReload {
        let files = loaded.tenants.get(id);
        let mut problems: Vec<types::Problem> = match files {
            Some(Ok(tenant)) => tenant.faults.iter().chain(&tenant.warnings).map(problem).collect(),
            Some(Err(problems)) => problems.iter().map(problem).collect(),
            None => Vec::new(),
        };
        let result = match applied {
            Applied::Started | Applied::Changed if files.is_some_and(Result::is_ok) => ReloadResult::Applied,
            Applied::Started | Applied::Changed => ReloadResult::Kept,
            Applied::Stopped => ReloadResult::Removed,
            Applied::Failed(error) => {
                let folder = self.config.join("tenants").join(id.as_str());
                problems.push(problem(&Problem::whole(folder, error.to_string())));
                ReloadResult::Refused
            }
        };
        TenantReload { name: id.to_string(), result, problems }
    }

    /// Problems of `jackfield.toml` and of no tenant, and changes that wait for a restart.
    fn host_problems(&self, loaded: &Loaded) -> Vec<types::Problem> {
        let mut problems: Vec<types::Problem> = loaded.others.iter().map(problem).collect();
        match &loaded.server {
            Err(wrong) => problems.extend(wrong.iter().map(problem)),
            Ok(server) if *server != self.server => {
                let text = "the host's settings have changed; they are used after a restart";
                let file = self.config.join("jackfield.toml");
                problems.push(types::Problem { severity: "warning".into(), ..problem(&Problem::whole(file, text)) });
            }
            Ok(_) => {}
        }
        problems
    }

    /// What runs, for reading files that shall replace it.
    async fn running(&self) -> Running {
        let claims = self.state.lock().await.claims.clone();
        let tenants = self.switch.tenants();
        let tenants = tenants.iter().map(|tenant| (tenant.id().clone(), self.running_tenant(tenant))).collect();
        Running { claims, tenants, publishers: Some(self.server.publishers.clone()) }
    }

    /// Where each valid tenant's prompts are looked for: its own folder, the packages of its plugins, all bundled plugins.
    fn sound_folders(&self, loaded: &Loaded) -> BTreeMap<TenantId, Option<Vec<PathBuf>>> {
        let bundled = self.packages.bundled_folders();
        let folders = |id: &TenantId, tenant: &config::Tenant| {
            let own = self.config.join("tenants").join(id.as_str()).join("sounds");
            let packages = tenant.plugins.iter().map(|plugin| self.folder(&plugin.opened));
            let prompts = packages.chain(bundled.iter().cloned()).map(|folder| folder.join("prompts"));
            std::iter::once(own).chain(prompts).collect()
        };
        let tenants = loaded.tenants.iter();
        tenants.map(|(id, result)| (id.clone(), result.as_ref().ok().map(|tenant| folders(id, tenant)))).collect()
    }

    fn tenant(&self, name: &str) -> Result<Arc<Tenant>, ControlError> {
        let found = TenantId::new(name).ok().and_then(|id| self.switch.tenant(&id));
        found.ok_or_else(|| {
            let tenants = self.switch.tenants();
            let hint = config::choice(name, tenants.iter().map(|tenant| tenant.id().as_str()));
            ControlError::not_found(format!("there is no tenant `{name}`")).hint(hint)
        })
    }

    fn plugin_of(&self, tenant: &Tenant, plugin: plugin::Deployed) -> Plugin {
        let declared = self.is_declared(tenant.id(), &plugin.id);
        Plugin { declared, ..describe::plugin(plugin) }
    }

    fn tenants(&self, name: Option<&str>) -> Result<Vec<Arc<Tenant>>, ControlError> {
        match name {
            Some(name) => Ok(vec![self.tenant(name)?]),
            None => Ok(self.switch.tenants()),
        }
    }
}

fn no_endpoint(tenant: &Tenant, name: &str) -> ControlError {
    let definition = tenant.definition();
    let hint = config::choice(name, definition.endpoints.keys().map(String::as_str));
    ControlError::not_found(format!("tenant {} has no endpoint `{name}`", tenant.id())).hint(hint)
}

fn log(report: &ReloadReport) {
    for tenant in &report.tenants {
        tracing::info!(tenant = tenant.name, result = ?tenant.result, "configuration");
    }
    let all = report.problems.iter().chain(report.tenants.iter().flat_map(|tenant| &tenant.problems));
    for problem in all {
        let place = format!("{}:{}:{}", problem.file, problem.line, problem.column);
        let hint = problem.hint.as_deref().unwrap_or_default();
        match problem.severity.as_str() {
            "error" => tracing::error!(place, hint, "{}", problem.message),
            _ => tracing::warn!(place, hint, "{}", problem.message),
        }
    }
}

impl Control for Admin {
    fn wit(&self) -> types::Wit {
        let files = plugin::WIT_0_1.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        types::Wit { version: plugin::WIT_VERSION.into(), files }
    }

    async fn health(&self) -> Health {
        let state = self.state.lock().await;
        let store = self.switch.store_health();
        let running = self.switch.tenants();
        let mut tenants: Vec<TenantHealth> = running
            .iter()
            .map(|tenant| {
                let mut problems = state.problems.get(tenant.id()).cloned().unwrap_or_default();
                // Files that were refused may lack the same as what runs.
                let mut lacks: Vec<types::Problem> = self.lacks(tenant).iter().map(problem).collect();
                lacks.retain(|lack| !problems.contains(lack));
                problems.extend(lacks);
                TenantHealth { name: tenant.id().to_string(), serving: true, problems }
            })
            .collect();
        let refused = state.problems.iter().filter(|(id, _)| self.switch.tenant(id).is_none());
        tenants.extend(refused.map(|(id, problems)| TenantHealth {
            name: id.to_string(),
            serving: false,
            problems: problems.clone(),
        }));
        Health {
            version: env!("CARGO_PKG_VERSION").into(),
            config: self.config.canonicalize().unwrap_or_else(|_| self.config.clone()).display().to_string(),
            up_s: self.started.elapsed().as_secs(),
            calls: self.switch.calls_up(),
            sip: self.listeners.clone(),
            tenants,
            problems: store.problems.iter().map(|problem| format!("{problem:?}")).collect(),
        }
    }

    async fn reload(&self) -> ReloadReport {
        let running = self.running().await;
        let (config, packages) = (self.config.clone(), self.packages.clone());
        let loaded = tokio::task::spawn_blocking(move || Loaded::read(&config, &packages, &running)).await;
        self.apply(loaded.expect("reading files does not panic")).await
    }

    async fn calls(&self, tenant: Option<&str>) -> Result<Vec<Call>, ControlError> {
        let tenant = tenant.map(|name| self.tenant(name)).transpose()?;
        let calls = self.switch.calls(tenant.as_ref().map(|tenant| tenant.id())).await;
        Ok(calls.iter().map(describe::call).collect())
    }

    async fn hang_up(&self, call: &str) -> Result<(), ControlError> {
        let id: Option<CallId> = call.parse().ok();
        let known = id.is_some_and(|id| self.switch.hang_up(id));
        known.then_some(()).ok_or_else(|| ControlError::not_found(format!("there is no call `{call}`")))
    }

    async fn registrations(&self, tenant: Option<&str>) -> Result<Vec<Registration>, ControlError> {
        let now = SystemTime::now();
        let tenants = self.tenants(tenant)?;
        Ok(tenants.iter().flat_map(|tenant| describe::registrations(tenant, now)).collect())
    }

    async fn dialplan(&self, query: &DialplanQuery) -> Result<DialplanTrace, ControlError> {
        let tenant = self.tenant(&query.tenant)?;
        let definition = tenant.definition();
        let context = match (&query.context, definition.endpoint(&query.from)) {
            (Some(context), _) if definition.dialplan.has_context(context) => context.clone(),
            (Some(context), _) => {
                let hint = config::choice(context, definition.dialplan.contexts());
                let text = format!("tenant {} has no context `{context}`", query.tenant);
                return Err(ControlError::not_found(text).hint(hint));
            }
            (None, Some(endpoint)) => endpoint.context.clone(),
            (None, None) => {
                let error = no_endpoint(&tenant, &query.from);
                let hints = [error.hint.clone(), Some("or name a context with --context".into())];
                return Err(error.hint(Some(hints.into_iter().flatten().collect::<Vec<_>>().join("; "))));
            }
        };
        Ok(describe::route(&tenant, &context, &query.from, &query.to))
    }

    async fn account(&self, tenant: &str, endpoint: &str) -> Result<Account, ControlError> {
        let tenant = self.tenant(tenant)?;
        let definition = tenant.definition();
        let found = definition.endpoint(endpoint).ok_or_else(|| no_endpoint(&tenant, endpoint))?;
        tracing::info!(tenant = %tenant.id(), endpoint, "the account is handed out for a test call");
        Ok(describe::account(&definition, found))
    }

    async fn plugins(&self, tenant: &str) -> Result<Vec<Plugin>, ControlError> {
        let tenant = self.tenant(tenant)?;
        Ok(tenant.plugins().list().into_iter().map(|plugin| self.plugin_of(&tenant, plugin)).collect())
    }

    async fn all_plugins(&self, tenant: Option<&str>) -> Result<Vec<TenantPlugin>, ControlError> {
        let of = |tenant: &Arc<Tenant>| {
            let plugins = tenant.plugins().list().into_iter().map(|plugin| self.plugin_of(tenant, plugin));
            plugins.map(|plugin| TenantPlugin { tenant: tenant.id().to_string(), plugin }).collect::<Vec<_>>()
        };
        Ok(self.tenants(tenant)?.iter().flat_map(of).collect())
    }

    async fn plugin(&self, tenant: &str, id: &str) -> Result<Plugin, ControlError> {
        let tenant = self.tenant(tenant)?;
        tenant.plugins().show(id).map(|plugin| self.plugin_of(&tenant, plugin)).ok_or_else(|| {
            let installed = tenant.plugins().list();
            let hint = config::choice(id, installed.iter().map(|plugin| plugin.id.as_str()));
            ControlError::not_found(format!("no plugin `{id}` is installed in {}", tenant.id())).hint(hint)
        })
    }

    async fn plan(&self, tenant: &str, request: InstallRequest) -> Result<InstallPlan, ControlError> {
        let tenant = self.tenant(tenant)?;
        self.plan_by_hand(&tenant, &request).await
    }

    async fn install(&self, tenant: &str, request: InstallRequest) -> Result<Installed, ControlError> {
        let tenant = self.tenant(tenant)?;
        self.install_by_hand(&tenant, request).await
    }

    async fn roll_back(&self, tenant: &str, id: &str, to: Option<&str>) -> Result<Installed, ControlError> {
        let tenant = self.tenant(tenant)?;
        let by = plugin::By { who: "administrator".into(), why: "rollback command".into() };
        let changed = match to {
            None => tenant.plugins().rollback(id, by).await,
            Some(which) => tenant.plugins().activate(id, which, by).await,
        };
        Ok(self.with_lacks(&tenant, changed.map_err(deploy::change_error)?))
    }

    async fn promote(&self, tenant: &str, id: &str) -> Result<Installed, ControlError> {
        let tenant = self.tenant(tenant)?;
        let by = plugin::By { who: "administrator".into(), why: "promote command".into() };
        let promoted = tenant.plugins().promote(id, by).await.map_err(deploy::change_error)?;
        Ok(self.with_lacks(&tenant, promoted))
    }

    async fn remove(&self, tenant: &str, id: &str, force: bool) -> Result<Removed, ControlError> {
        let tenant = self.tenant(tenant)?;
        let already = self.lacks(&tenant);
        let mut lost = self.lacks_without(&tenant, Some(id));
        lost.retain(|lack| !already.contains(lack));
        if !force && !lost.is_empty() {
            return Err(describe::still_used(id, &lost));
        }
        let by = plugin::By { who: "administrator".into(), why: "remove command".into() };
        tenant.plugins().remove(id, by).await.map_err(deploy::change_error)?;
        self.forget_prompts(tenant.id(), id);
        let declared = self.is_declared(tenant.id(), id);
        Ok(Removed { id: id.to_owned(), declared, problems: lost.iter().map(problem).collect() })
    }

    async fn runs(&self, tenant: &str) -> Result<Vec<RecordedRun>, ControlError> {
        Self::recorded(&*self.tenant(tenant)?).await
    }

    async fn run(&self, tenant: &str, call: &str) -> Result<serde_json::Value, ControlError> {
        let recording = Self::recording(&*self.tenant(tenant)?, call).await?;
        serde_json::to_value(recording).map_err(|error| ControlError::new(ErrorCode::Failed, error.to_string()))
    }

    async fn replay(&self, tenant: &str, request: ReplayRequest) -> Result<Vec<ReplayedRun>, ControlError> {
        let tenant = self.tenant(tenant)?;
        self.replay_runs(&tenant, request).await
    }

    async fn tail(&self, tenant: &str, id: &str, after: u64, wait: Duration) -> Result<Vec<TailLine>, ControlError> {
        let found = self.tenant(tenant)?;
        match tokio::time::timeout(wait, found.plugins().tail(id, after)).await {
            Ok(Some(lines)) => Ok(lines.into_iter().map(describe::tail).collect()),
            Ok(None) => self.plugin(tenant, id).await.map(|_| Vec::new()),
            Err(_) => Ok(Vec::new()),
        }
    }

    async fn history(&self, tenant: &str, id: &str) -> Result<Vec<HistoryEntry>, ControlError> {
        let tenant = self.tenant(tenant)?;
        let history = tenant.plugins().history(id);
        if history.is_empty() {
            let installed = tenant.plugins().list();
            let hint = config::choice(id, installed.iter().map(|plugin| plugin.id.as_str()));
            let text = format!("no plugin `{id}` was ever installed in {}", tenant.id());
            return Err(ControlError::not_found(text).hint(hint));
        }
        Ok(history.into_iter().map(describe::event).collect())
    }
}
