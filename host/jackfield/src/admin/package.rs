//! Packages on a running server: who is trusted in which tenant, and where the prompts of package files are.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use api::types::InstallRequest;
use api::{ControlError, ErrorCode};
use bytes::Bytes;
use call::TenantId;
use plugin::{PublisherKey, Trust, TrustError};

use super::Admin;
use crate::config;
use crate::packages::{Opened, Prompts};

/// The publishers that tenants have pinned.
pub(crate) type Pinned = std::sync::Mutex<BTreeMap<TenantId, Vec<PublisherKey>>>;

impl Admin {
    /// Whose packages a command may install.
    pub(super) fn trust(&self, tenant: &TenantId, request: &InstallRequest) -> Result<Trust, ControlError> {
        let key =
            |text: &String| text.parse().map_err(|error: plugin::KeyError| invalid(&format!("{text:?}: {error}")));
        let publisher = request.publisher.as_ref().map(key).transpose()?;
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        let publishers = self.server.publishers.iter().chain(pinned.get(tenant).into_iter().flatten());
        Ok(Trust { publishers: publishers.copied().collect(), publisher, unsigned: request.unsigned })
    }

    /// The publishers of a tenant whose files are in use now.
    pub(super) fn pin(&self, files: &config::Tenant) {
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.insert(files.id.clone(), files.publishers.clone());
    }

    /// The folder that has, or will have, a package's `prompts/`.
    pub(super) fn folder(&self, opened: &Opened) -> PathBuf {
        match &opened.prompts {
            Prompts::Folder(folder) => folder.clone(),
            Prompts::Packed(_) => self.unpacked().join(opened.package.digest().to_string()),
        }
    }

    /// Puts the prompts of a package file where calls find them, if they are not there yet.
    pub(super) fn unpack(&self, opened: &Opened) -> io::Result<()> {
        let folder = self.folder(opened);
        match &opened.prompts {
            Prompts::Packed(prompts) if !folder.exists() => unpack(prompts, &folder),
            Prompts::Packed(_) | Prompts::Folder(_) => Ok(()),
        }
    }

    /// Removes the prompts of packages that no tenant has any more. At a start, when nobody is listening to them.
    pub(crate) fn sweep_unpacked(&self, loaded: &config::Loaded) -> io::Result<()> {
        let declared = loaded.tenants.values().flatten().flat_map(|tenant| &tenant.plugins);
        let mut needed: BTreeSet<PathBuf> = declared.map(|plugin| self.folder(&plugin.opened)).collect();
        let by_hand = loaded.tenants.keys().flat_map(|tenant| self.prompts_by_hand(tenant).into_values());
        needed.extend(by_hand.filter_map(|prompts| prompts.parent().map(Path::to_owned)));
        let folders = match std::fs::read_dir(self.unpacked()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for folder in folders {
            let path = folder?.path();
            if !needed.contains(&path) {
                std::fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    fn unpacked(&self) -> PathBuf {
        self.data.join("unpacked")
    }
}

/// Writes all prompts or none: beside the place, synced, renamed.
fn unpack(prompts: &BTreeMap<String, Bytes>, folder: &Path) -> io::Result<()> {
    let fresh = folder.with_extension("new");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    std::fs::create_dir_all(fresh.join("prompts"))?;
    for (name, content) in prompts {
        // The package's parser lets no name lead elsewhere.
        let path = fresh.join("prompts").join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&fresh))?;
        std::fs::write(&path, content)?;
        std::fs::File::open(&path)?.sync_all()?;
    }
    match std::fs::rename(&fresh, folder) {
        // Another tenant's installation of the same package was quicker.
        Err(_) if folder.exists() => std::fs::remove_dir_all(&fresh)?,
        other => other?,
    }
    std::fs::File::open(folder.parent().unwrap_or(folder))?.sync_all()
}

fn invalid(message: &str) -> ControlError {
    ControlError::new(ErrorCode::Invalid, message)
}

/// What to do about a package that is not trusted, on the command line.
pub(super) fn trust_hint(error: &TrustError) -> Option<String> {
    match error {
        TrustError::Unsigned => Some("--unsigned installs it all the same".into()),
        TrustError::UnknownPublisher(key) => Some(format!(
            "if that key is its publisher's: --publisher {key} trusts it with this plugin, `publishers` in tenant.toml or jackfield.toml \
             with all of its plugins"
        )),
        TrustError::OtherPublisher { signer, .. } => Some(format!("--publisher {signer} hands the plugin over")),
        TrustError::Old { .. } => Some("`jackfield plugin rollback` goes back to a version that was installed".into()),
        TrustError::SerialUsed(_) | TrustError::VersionUsed(_) | TrustError::TooManyPublishers => None,
    }
}
