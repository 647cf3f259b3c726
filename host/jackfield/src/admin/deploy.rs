//! Plugins by file and by command: the later of the two wins.
//!
//! `tenant.toml` declares plugins; a command changes them on the running server. What was last taken from the file is remembered
//! per plugin, so that a reload (or a restart) installs only what has changed in the file since, and removes only what the file once
//! declared. A plugin that the file never mentioned stays until a command removes it; one that a command removed stays away until
//! its table changes, and the reload says so.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use api::types::{InstallPlan, InstallRequest, Installed};
use api::{ControlError, ErrorCode};
use call::TenantId;
use plugin::{Basis, By, ChangeError, Digest, Event, InstallError, Origin, SplitError, Terms};
use switch::Tenant;

use super::{Admin, describe, package};
use crate::cmd::problem;
use crate::config::{self, InstalledPlugin, Package, Problem, RunningTenant, Severity};
use crate::packages::remote::{Remote, RemoteError};
use crate::packages::{Opened, PackageError, Packages};

/// What the file declared when it was last looked at: the plugins' fingerprints, by id.
type Declared = BTreeMap<String, String>;

impl Admin {
    /// A tenant's plugins as they are, for reading its files.
    pub(super) fn running_tenant(&self, tenant: &Tenant) -> RunningTenant {
        let plugin = |one: plugin::Deployed| InstalledPlugin { id: one.id, apps: one.apps, functions: one.functions };
        RunningTenant {
            plugins: tenant.plugins().list().into_iter().map(plugin).collect(),
            declared: recall(&self.memory(tenant.id())),
        }
    }

    /// Whether the tenant's file brought a plugin.
    pub(super) fn is_declared(&self, tenant: &TenantId, plugin: &str) -> bool {
        recall(&self.memory(tenant)).contains_key(plugin)
    }

    fn memory(&self, tenant: &TenantId) -> PathBuf {
        self.data.join("declared").join(format!("{tenant}.json"))
    }

    /// Installs what a tenant's file declares anew.
    pub(super) async fn deploy(&self, tenant: &Tenant, files: &config::Tenant) -> Vec<Problem> {
        tenant.plugins().keep_runs(files.keep_runs.clone());
        let memory = self.memory(tenant.id());
        let mut declared = recall(&memory);
        let mut problems = Vec::new();
        for plugin in &files.plugins {
            match self.deploy_one(tenant, files, plugin, &declared).await {
                Ok(warning) => {
                    declared.insert(plugin.id.clone(), plugin.fingerprint());
                    problems.extend(warning);
                }
                // What was installed before stays, and is still the file's.
                Err(message) => problems.push(Problem { message, ..plugin.place.clone() }),
            }
        }
        problems.extend(remember(&memory, &declared));
        problems
    }

    /// Removes what the tenant's file no longer declares. A file with faults may have meant what it does not mention.
    pub(super) async fn retire(&self, tenant: &Tenant, files: &config::Tenant) -> Vec<Problem> {
        if !files.faults.is_empty() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        let mut declared = recall(&self.memory(tenant.id()));
        let gone: Vec<String> =
            declared.keys().filter(|id| !files.plugins.iter().any(|plugin| plugin.id == **id)).cloned().collect();
        for id in gone {
            match drop_declared(tenant, &id).await {
                Ok(()) => drop(declared.remove(&id)),
                Err(error) => problems.push(Problem::whole(self.memory(tenant.id()), format!("{id}: {error}"))),
            }
        }
        problems.extend(remember(&self.memory(tenant.id()), &declared));
        problems
    }

    /// Installs a plugin unless the file says the same as before. What should be known all the same is returned.
    async fn deploy_one(
        &self,
        tenant: &Tenant,
        files: &config::Tenant,
        plugin: &config::Plugin,
        before: &Declared,
    ) -> Result<Option<Problem>, String> {
        self.unpack(&plugin.opened).map_err(|error| format!("its prompts cannot be unpacked: {error}"))?;
        if before.get(&plugin.id) == Some(&plugin.fingerprint()) {
            if tenant.plugins().show(&plugin.id).is_some() {
                return Ok(None);
            }
            // The file has not changed since, so the command was the later of the two.
            let last = tenant.plugins().history(&plugin.id).pop();
            if last.is_some_and(|last| last.event == Event::Removed) {
                let message = format!("the plugin `{}` was removed by a command and stays away", plugin.id);
                let hint = format!("delete this table, or `jackfield plugin install {} {}`", tenant.id(), plugin.id);
                let place = Problem { severity: Severity::Warning, ..plugin.place.clone() };
                return Ok(Some(Problem { message, hint: Some(hint), ..place }));
            }
        }
        // A plugin that leaves the file makes room for one that takes over its names.
        for other in tenant.plugins().list().iter().filter(|other| before.contains_key(&other.id)) {
            if !files.plugins.iter().any(|kept| kept.id == other.id) && shares_a_name(other, plugin) {
                drop_declared(tenant, &other.id).await.map_err(|error| error.to_string())?;
            }
        }
        let by = By { who: "tenant.toml".into(), why: "declared".into() };
        let installing = tenant.plugins().install(plugin.opened.package.clone(), plugin.terms.clone(), by);
        installing.await.map(|_| None).map_err(|error| error.to_string())
    }

    /// What installing a package by command would change.
    pub(super) async fn plan_by_hand(
        &self,
        tenant: &Tenant,
        request: &InstallRequest,
    ) -> Result<InstallPlan, ControlError> {
        let (opened, terms) = self.ordered(tenant, request).await?;
        let plan = tenant.plugins().plan(&opened.package, &terms.trust).map_err(|error| install_error(&error))?;
        Ok(describe::plan(plan, opened.package.origin == Origin::Bundled))
    }

    /// The package that a command names, and on what terms.
    async fn ordered(&self, tenant: &Tenant, request: &InstallRequest) -> Result<(Opened, Terms), ControlError> {
        let invalid = |message: String| ControlError::new(ErrorCode::Invalid, message);
        let opened = self.open(&request.package).await.map_err(|error| package_error(&error))?;
        let consent = match (opened.package.origin, request.grants.as_deref()) {
            (Origin::Bundled, grants) => config::consent(grants),
            (_, grants) => config::consent_to_growth(grants.unwrap_or_default()),
        };
        let digest = |text: &str| text.parse::<Digest>().map_err(|error| invalid(error.to_string()));
        let basis = request.basis.as_ref();
        let basis = basis.map(|basis| Ok(Basis { package: digest(&basis.package)?, state: digest(&basis.state)? }));
        let terms = Terms {
            consent: consent.map_err(invalid)?,
            trust: self.trust(tenant.id(), request)?,
            basis: basis.transpose()?,
            canary: request
                .canary
                .as_ref()
                .map(|split| split.parse())
                .transpose()
                .map_err(|error: SplitError| invalid(error.to_string()))?,
        };
        Ok((opened, terms))
    }

    /// Opens the package that a command names, wherever it is.
    pub(super) async fn open(&self, name: &str) -> Result<Opened, PackageError> {
        if let Some(place) = Remote::of(name) {
            let place = place?;
            return Opened::look(PathBuf::from(name), Packages::fetch(&place).await?);
        }
        self.packages.open(&match name.contains('/') {
            true => Package::Path(PathBuf::from(name)),
            false => Package::Bundled(name.to_owned()),
        })
    }

    /// Installs a package because an administrator says so.
    pub(super) async fn install_by_hand(
        &self,
        tenant: &Tenant,
        request: InstallRequest,
    ) -> Result<Installed, ControlError> {
        let (opened, terms) = self.ordered(tenant, &request).await?;
        // Before the seconds that compiling takes.
        let plan = tenant.plugins().plan(&opened.package, &terms.trust);
        plan.and_then(|plan| plan.allows(&terms.consent)).map_err(|error| install_error(&error))?;
        let prompts = self.folder(&opened).join("prompts");
        let failed = |error| ControlError::new(ErrorCode::Failed, format!("its prompts cannot be unpacked: {error}"));
        self.unpack(&opened).map_err(failed)?;
        let by = By { who: request.who, why: request.why };
        let installed = tenant.plugins().install(opened.package, terms, by).await;
        let installed = installed.map_err(|error| install_error(&error))?;
        self.remember_prompts(tenant, &installed.id, &prompts);
        Ok(self.with_lacks(tenant, installed))
    }

    /// The prompts of plugins that were installed by command: their packages' folders, which no file names.
    pub(super) fn prompts_by_hand(&self, tenant: &TenantId) -> BTreeMap<String, PathBuf> {
        recall(&self.prompts_memory(tenant)).into_iter().map(|(id, folder)| (id, PathBuf::from(folder))).collect()
    }

    fn remember_prompts(&self, tenant: &Tenant, plugin: &str, folder: &Path) {
        self.sounds.install(tenant.id(), plugin, folder);
        // What was read of an older version is not the newest any more.
        tenant.forget_prompts();
        let change = |folders: &mut Declared| drop(folders.insert(plugin.to_owned(), folder.display().to_string()));
        if let Some(problem) = self.change_prompts_memory(tenant.id(), change) {
            tracing::error!(%problem, "the plugin's prompts will not be found after a restart");
        }
    }

    /// A removed plugin's prompts are not searched any more after the next reload.
    pub(super) fn forget_prompts(&self, tenant: &TenantId, plugin: &str) {
        self.sounds.remove(tenant, plugin);
        if let Some(problem) = self.change_prompts_memory(tenant, |folders| drop(folders.remove(plugin))) {
            tracing::error!(%problem, "a removed plugin's prompts are still searched after a restart");
        }
    }

    fn change_prompts_memory(&self, tenant: &TenantId, change: impl FnOnce(&mut Declared)) -> Option<Problem> {
        // Two commands at once must not lose what the other one wrote.
        let _one_at_a_time = self.remembering.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = self.prompts_memory(tenant);
        let mut folders = recall(&memory);
        change(&mut folders);
        remember(&memory, &folders)
    }

    fn prompts_memory(&self, tenant: &TenantId) -> PathBuf {
        self.data.join("prompts").join(format!("{tenant}.json"))
    }

    /// What a change of a plugin did, with what the dialplan now lacks.
    pub(super) fn with_lacks(&self, tenant: &Tenant, installed: plugin::Installed) -> Installed {
        let problems = self.lacks(tenant).iter().map(problem).collect();
        Installed { problems, ..describe::installed(installed) }
    }
}

/// Removes a plugin that the file declared once. It may be gone already.
async fn drop_declared(tenant: &Tenant, id: &str) -> Result<(), ChangeError> {
    let by = By { who: "tenant.toml".into(), why: "no longer declared".into() };
    match tenant.plugins().remove(id, by).await {
        Ok(()) | Err(ChangeError::Unknown { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn shares_a_name(installed: &plugin::Deployed, plugin: &config::Plugin) -> bool {
    let manifest = &plugin.opened.inspection.manifest;
    let shares = |own: &[String], other: &[String]| {
        own.iter().any(|name| other.iter().any(|other| other.eq_ignore_ascii_case(name)))
    };
    shares(&installed.apps, &manifest.apps)
        || shares(&installed.functions, &manifest.functions)
        || shares(&installed.strategies, &manifest.strategies)
        || shares(&installed.schemes, &manifest.schemes)
}

/// What was remembered; nothing after a loss, which makes the file's plugins be installed once more.
fn recall(path: &Path) -> Declared {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Declared::new(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot be read: nothing is known of the plugins");
            return Declared::new();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "is damaged: nothing is known of the plugins");
        Declared::new()
    })
}

/// Writes down what the file declares, where that has changed.
fn remember(path: &Path, declared: &Declared) -> Option<Problem> {
    if *declared == recall(path) {
        return None;
    }
    let text = serde_json::to_vec(declared).map_err(io::Error::other);
    let written = text.and_then(|text| store::replace_file(path, &text));
    written.err().map(|error| Problem::whole(path, format!("cannot be written: {error}")))
}

pub(super) fn package_error(error: &PackageError) -> ControlError {
    let code = match error {
        PackageError::Remote(
            RemoteError::Reference(..) | RemoteError::NoRegistry(_) | RemoteError::Url(..) | RemoteError::Plain(_),
        ) => ErrorCode::Invalid,
        PackageError::NotBundled { .. } | PackageError::NoManifest(_) => ErrorCode::NotFound,
        _ => ErrorCode::Refused,
    };
    ControlError::new(code, error.to_string()).hint(error.hint([]))
}

pub(super) fn install_error(error: &InstallError) -> ControlError {
    let code = match error {
        InstallError::Journal(_) => ErrorCode::Failed,
        InstallError::OtherPackage { .. } | InstallError::StalePlan => ErrorCode::Conflict,
        _ => ErrorCode::Refused,
    };
    let hint = match error {
        InstallError::Untrusted(error) => package::trust_hint(error),
        InstallError::NoConsent(_) => Some("grants have to name them".into()),
        InstallError::OtherPackage { .. } | InstallError::StalePlan => {
            Some("install it again to look at a new plan".into())
        }
        _ => None,
    };
    ControlError::new(code, error.to_string()).hint(hint)
}

pub(super) fn change_error(error: ChangeError) -> ControlError {
    match &error {
        ChangeError::Install(install) => install_error(install),
        ChangeError::Unknown { .. } | ChangeError::UnknownVersion { .. } => ControlError::not_found(error.to_string()),
        ChangeError::SeveralVersions { .. } => ControlError::new(ErrorCode::Invalid, error.to_string()),
        ChangeError::NothingBefore(_) | ChangeError::NoCanary(_) => {
            ControlError::new(ErrorCode::Refused, error.to_string())
        }
    }
}
