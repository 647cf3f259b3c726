//! Plugins by file and by command: the later of the two wins.
//!
//! `tenant.toml` declares plugins; a command changes them on the running server. What was last taken from the file is remembered
//! per plugin, so that a reload (or a restart) installs only what has changed in the file since, and removes only what the file once
//! declared.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use api::types::{InstallRequest, Installed};
use api::{ControlError, ErrorCode};
use plugin::{By, Capability, ChangeError, Consent, Digest, Event, InstallError};
use switch::Tenant;

use super::{Admin, describe};
use crate::config::{self, Package, Problem};

/// What the file declared when it was last looked at: the digest of component, manifest and grants, by plugin.
type Declared = BTreeMap<String, String>;

impl Admin {
    /// Installs what the tenant's file declares anew and removes what it no longer declares.
    pub(super) async fn deploy(&self, files: &config::Tenant) -> Vec<Problem> {
        let Some(tenant) = self.switch.tenant(&files.id) else { return Vec::new() };
        let memory = self.data.join("declared").join(format!("{}.json", files.id));
        let before = recall(&memory);
        let mut declared = Declared::new();
        let mut problems = Vec::new();
        for plugin in &files.plugins {
            match self.deploy_one(&tenant, plugin, before.get(&plugin.id)).await {
                Ok(digest) => {
                    declared.insert(plugin.id.clone(), digest);
                }
                Err(message) => {
                    problems.push(Problem { message, ..plugin.place.clone() });
                    // What was installed before stays, and is still the file's.
                    declared.extend(before.get_key_value(&plugin.id).map(|(id, digest)| (id.clone(), digest.clone())));
                }
            }
        }
        for gone in before.keys().filter(|id| !files.plugins.iter().any(|plugin| plugin.id == **id)) {
            let by = By { who: "tenant.toml".into(), why: "no longer declared".into() };
            match tenant.plugins().remove(gone, by).await {
                Ok(()) | Err(ChangeError::Unknown { .. }) => {}
                Err(error) => problems.push(Problem::whole(&memory, format!("{gone}: {error}"))),
            }
        }
        if declared != before
            && let Err(error) = remember(&memory, &declared)
        {
            problems.push(Problem::whole(&memory, format!("cannot be written: {error}")));
        }
        problems
    }

    /// Installs a plugin unless the file says the same as before; returns the digest of what it says.
    async fn deploy_one(
        &self,
        tenant: &Tenant,
        plugin: &config::Plugin,
        before: Option<&String>,
    ) -> Result<String, String> {
        let package = self.packages.read(&plugin.package).map_err(|error| error.to_string())?;
        let manifest = plugin::Manifest::parse("plugin.toml", &package.manifest).map_err(|error| error.to_string())?;
        if manifest.id != plugin.id {
            return Err(format!("the package is `{}`; call the table [plugins.{}]", manifest.id, manifest.id));
        }
        if let Some(wanted) = plugin.version.as_ref().filter(|wanted| **wanted != manifest.version) {
            return Err(format!("version {wanted} is wanted, the package is {}", manifest.version));
        }
        if let Some(key) = plugin.config.keys().find(|key| !manifest.config.contains_key(*key)) {
            let hint = config::suggestion(key, manifest.config.keys().map(String::as_str)).unwrap_or_default();
            return Err(format!("the plugin has no setting `{key}` {hint}").trim_end().to_owned());
        }
        let consent = consent(plugin.grants.as_deref())?;
        let digest = digest(&package, plugin.grants.as_deref());
        // Removed by a command since: the file has not changed, so the command was the later of the two.
        let removed = || tenant.plugins().history(&plugin.id).last().is_some_and(|last| last.event == Event::Removed);
        if before == Some(&digest) && (tenant.plugins().show(&plugin.id).is_some() || removed()) {
            return Ok(digest);
        }
        let by = By { who: "tenant.toml".into(), why: "declared".into() };
        tenant.plugins().install(package, consent, by).await.map_err(|error| error.to_string())?;
        Ok(digest)
    }

    /// Installs a package because an administrator says so.
    pub(super) async fn install_by_hand(
        &self,
        tenant: &Tenant,
        request: InstallRequest,
    ) -> Result<Installed, ControlError> {
        let package = match request.package.contains('/') {
            true => Package::Folder(PathBuf::from(&request.package)),
            false => Package::Bundled(request.package.clone()),
        };
        let invalid = |message: String| ControlError::new(ErrorCode::Invalid, message);
        let consent = consent(request.grants.as_deref()).map_err(invalid)?;
        let package = self.packages.read(&package).map_err(|error| invalid(error.to_string()))?;
        let by = By { who: request.who, why: request.why };
        let installed = tenant.plugins().install(package, consent, by).await;
        installed.map(describe::installed).map_err(|error| install_error(&error))
    }
}

fn consent(grants: Option<&[String]>) -> Result<Consent, String> {
    let Some(grants) = grants else { return Ok(Consent::Declared) };
    let capability = |name: &String| {
        let found = Capability::ALL.into_iter().find(|capability| capability.name() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = Capability::ALL.iter().map(|capability| capability.name()).collect();
            let hint = config::suggestion(name, known.iter().copied());
            format!("no capability `{name}`: {}", hint.unwrap_or_else(|| format!("there are {}", known.join(", "))))
        })
    };
    Ok(Consent::Only(grants.iter().map(capability).collect::<Result<_, _>>()?))
}

fn digest(package: &plugin::Package, grants: Option<&[String]>) -> String {
    // The lengths keep two different packages from running into the same bytes.
    let mut all = Vec::with_capacity(package.wasm.len() + package.manifest.len() + 64);
    all.extend_from_slice(&package.wasm.len().to_le_bytes());
    all.extend_from_slice(&package.wasm);
    all.extend_from_slice(&package.manifest.len().to_le_bytes());
    all.extend_from_slice(package.manifest.as_bytes());
    all.extend_from_slice(format!("{grants:?}").as_bytes());
    Digest::of(&all).to_string()
}

/// What was remembered; nothing after a loss, which makes the file's plugins be installed once more.
fn recall(path: &Path) -> Declared {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Declared::new(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot be read; declared plugins are installed again");
            return Declared::new();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "is damaged; declared plugins are installed again");
        Declared::new()
    })
}

fn remember(path: &Path, declared: &Declared) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension("new");
    let text = serde_json::to_vec(declared).map_err(io::Error::other)?;
    std::fs::write(&fresh, text)?;
    std::fs::File::open(&fresh)?.sync_all()?;
    std::fs::rename(&fresh, path)
}

fn install_error(error: &InstallError) -> ControlError {
    let code = match error {
        InstallError::Journal(_) => ErrorCode::Failed,
        _ => ErrorCode::Refused,
    };
    ControlError::new(code, error.to_string())
}

pub(super) fn change_error(error: ChangeError) -> ControlError {
    match &error {
        ChangeError::Install(install) => install_error(install),
        ChangeError::Unknown { .. } | ChangeError::UnknownVersion { .. } => ControlError::not_found(error.to_string()),
        ChangeError::SeveralVersions { .. } => ControlError::new(ErrorCode::Invalid, error.to_string()),
        ChangeError::NothingBefore(_) => ControlError::new(ErrorCode::Refused, error.to_string()),
    }
}
